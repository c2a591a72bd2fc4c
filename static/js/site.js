// What every page has: menus that close, copy buttons, times that stay true.
import { absolute, ago } from "./relative-time.js";

for (const menu of document.querySelectorAll("[data-menu]")) {
  document.addEventListener("click", (event) => {
    if (!menu.contains(event.target)) menu.open = false;
  });
  menu.addEventListener("keydown", (event) => {
    if (event.key !== "Escape" || !menu.open) return;
    menu.open = false;
    menu.querySelector("summary").focus();
  });
}

document.addEventListener("click", async (event) => {
  const button = event.target.closest("[data-copy]");
  if (!button) return;
  const source = document.getElementById(button.dataset.copy);
  const label = button.querySelector("[data-copy-label]") ?? button;
  const before = label.textContent;
  try {
    await navigator.clipboard.writeText(source.textContent.trim());
    label.textContent = "Copied";
  } catch {
    label.textContent = "Press Ctrl-C";
    getSelection().selectAllChildren(source);
  }
  setTimeout(() => (label.textContent = before), 2000);
});

// A form's command follows what is filled in, while somebody looks at it.
const follow = (form) => {
  for (const ways of form?.querySelectorAll("[data-follows][open] [hx-post]") ?? []) htmx.trigger(ways, "follow");
};
document.addEventListener("toggle", (event) => event.target.matches("[data-follows]") && follow(event.target.closest("form")), true);
for (const name of ["input", "change"]) document.addEventListener(name, (event) => follow(event.target.form));
document.addEventListener("recheck", (event) => follow(event.target), true);

// A table that scrolls sideways is reached by Tab, where nothing within it is.
const widths = new ResizeObserver((seen) => {
  for (const { target } of seen) {
    if (target.querySelector("a, button, input, select")) continue;
    const name = target.querySelector("caption")?.textContent.trim();
    if (target.scrollWidth > target.clientWidth) {
      target.tabIndex = 0;
      if (name) Object.assign(target, { role: "region", ariaLabel: name });
    } else for (const added of ["tabindex", "role", "aria-label"]) target.removeAttribute(added);
  }
});
const watch = (part) => part.querySelectorAll(".table-wrap").forEach((table) => widths.observe(table));
watch(document);
document.addEventListener("htmx:load", (event) => watch(event.target));

// The first page of a visitor is made before the server knows their zone (js/theme.js tells it).
const zone = Intl.DateTimeFormat().resolvedOptions().timeZone;
if (!document.cookie.split("; ").includes(`zone=${zone}`)) {
  for (const time of document.querySelectorAll("time[datetime]")) time.title = absolute(new Date(time.dateTime));
}

setInterval(() => {
  for (const time of document.querySelectorAll("time[datetime]")) {
    time.textContent = ago(new Date(time.dateTime), new Date());
  }
}, 30_000);
