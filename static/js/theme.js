// Loaded blocking in <head>, before anything is painted, so that the chosen theme never flashes.
// Without a choice the system's theme stands, and follows it when it changes.
(() => {
  const root = document.documentElement;
  const system = window.matchMedia("(prefers-color-scheme: dark)");
  const NEXT = { system: "light", light: "dark", dark: "system" };

  const chosen = () => {
    try {
      return localStorage.getItem("theme") ?? "system";
    } catch {
      return "system"; // storage may be forbidden; the system's theme is then the answer
    }
  };

  // What the button does, in its name.
  const name = () => {
    for (const button of document.querySelectorAll("[data-theme-toggle]")) {
      button.ariaLabel = button.title = `Theme: ${chosen()}. Change to ${NEXT[chosen()]}`;
    }
  };

  const show = () => {
    const choice = chosen();
    root.dataset.themeChosen = choice;
    root.dataset.bsTheme = choice === "system" ? (system.matches ? "dark" : "light") : choice;
    document.dispatchEvent(new CustomEvent("themechange"));
    name();
  };

  show();
  root.classList.add("has-js");
  system.addEventListener("change", show);
  document.addEventListener("DOMContentLoaded", name);

  document.addEventListener("click", (event) => {
    if (!event.target.closest?.("[data-theme-toggle]")) return;
    try {
      localStorage.setItem("theme", NEXT[chosen()]);
    } catch {
      return;
    }
    show();
  });

  // The server writes times in this zone from the next page on (runs/middleware.py). Asking for it
  // takes long enough to be put off until the page is there.
  addEventListener("load", () => {
    const zone = Intl.DateTimeFormat().resolvedOptions().timeZone;
    if (zone) document.cookie = `zone=${zone}; path=/; max-age=31536000; samesite=lax`;
  });
})();
