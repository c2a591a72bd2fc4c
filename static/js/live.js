// The live part of a run's page: htmx polls it; here it rests while nobody looks, and says so when
// the connection is lost. The server ends the polling (286) and has the page load anew.

const live = document.querySelector("[data-live]");

if (live) {
  const lost = document.querySelector("[data-connection-lost]");
  const isLost = (yes) => () => (lost.hidden = !yes);

  live.addEventListener("htmx:beforeRequest", (event) => {
    if (document.hidden) event.preventDefault();
  });
  for (const name of ["htmx:sendError", "htmx:timeout", "htmx:responseError"]) {
    live.addEventListener(name, isLost(true));
  }
  live.addEventListener("htmx:afterSwap", isLost(false));
  document.addEventListener("visibilitychange", () => {
    if (!document.hidden) htmx.trigger(live, "wake");
  });
}

// The tab of the section that is being read.
const tabs = [...document.querySelectorAll("[data-tabs] a")];
const sections = new Map(tabs.map((tab) => [document.querySelector(tab.hash), tab]));
sections.delete(null);

function markTab() {
  let current = tabs[0];
  for (const [section, tab] of sections) {
    if (section.getBoundingClientRect().top < 140) current = tab;
  }
  for (const tab of tabs) {
    if (tab === current) tab.setAttribute("aria-current", "location");
    else tab.removeAttribute("aria-current");
  }
}

if (tabs.length) {
  document.addEventListener("scroll", markTab, { passive: true });
  markTab();
}
