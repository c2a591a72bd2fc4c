// The live part of a run's page: htmx polls it; here it rests while nobody looks, and says so when
// the connection is lost. The server ends the polling (286) and has the page load anew.

const live = document.querySelector("[data-live]");

if (live) {
  const lost = document.querySelector("[data-connection-lost]");
  const words = lost.querySelector("[data-lost-words]");

  const sayLost = () => {
    if (!lost.hidden) return;
    const now = new Date().toLocaleTimeString();
    words.textContent = `Connection lost at ${now}, trying again. What you see is from before.`;
    lost.hidden = false;
  };
  const wake = () => document.hidden || htmx.trigger(live, "wake");

  live.addEventListener("htmx:beforeRequest", (event) => {
    if (document.hidden) event.preventDefault();
  });
  for (const name of ["htmx:sendError", "htmx:timeout", "htmx:responseError"]) {
    live.addEventListener(name, sayLost);
  }
  // The server is there and asks who this is: its page for that is not put into this one.
  live.addEventListener("htmx:beforeSwap", (event) => {
    const answered = new URL(event.detail.xhr.responseURL).pathname;
    if (answered === live.dataset.live) return;
    event.detail.shouldSwap = false;
    words.textContent = "You are signed out. Load this page again to sign in.";
    lost.hidden = false;
  });
  live.addEventListener("htmx:afterSwap", () => (lost.hidden = true));
  addEventListener("offline", sayLost);
  addEventListener("online", wake);
  document.addEventListener("visibilitychange", wake);
}

// The tab of the section that is being read; looked up anew, since a live page's body is replaced.
function markTab() {
  const tabs = [...document.querySelectorAll("[data-tabs] a")];
  const read = tabs.filter((tab) => {
    const section = document.querySelector(tab.hash);
    return section && section.getBoundingClientRect().top < 140;
  });
  const current = read.at(-1) ?? tabs[0];
  for (const tab of tabs) {
    if (tab === current) tab.setAttribute("aria-current", "location");
    else tab.removeAttribute("aria-current");
  }
}

document.addEventListener("scroll", markTab, { passive: true });
document.addEventListener("htmx:oobAfterSwap", markTab);
markTab();
