// Keyboard shortcuts; `?` lists them. They rest while somebody types, with Ctrl, Alt or Meta held,
// and wholly where a visitor has switched them off (WCAG 2.1.4).

const STORED = "shortcuts";
const PREFIX_MS = 1200;
const overlay = document.querySelector("[data-keys]");
const search = document.querySelector("[data-search]");

function areOff() {
  try {
    return localStorage.getItem(STORED) === "off";
  } catch {
    return false; // storage may be forbidden; then they cannot be switched off either
  }
}

// --- Rows of a list: one of them is where the keys are ---------------------------------------------
// Those of the administration are Django's own.
const rows = [...document.querySelectorAll("table[data-rows] tbody tr, #result_list tbody tr")];
let at = -1;

function move(by) {
  if (!rows.length) return;
  rows[at]?.classList.remove("is-at");
  at = Math.max(0, Math.min(rows.length - 1, at + by));
  rows[at].classList.add("is-at");
  rows[at].querySelector("a")?.focus({ preventScroll: true });
  rows[at].scrollIntoView({ block: "nearest" });
}

const follow = (selector) => document.querySelector(selector)?.click();
const go = (key) => follow(`[data-go="${key}"]`);

const KEYS = {
  "/": () => {
    search?.focus();
    search?.select();
  },
  "?": () => overlay?.showModal(),
  j: () => move(1),
  k: () => move(-1),
  o: () => rows[at]?.querySelector("a")?.click(),
  x: () => rows[at]?.querySelector(".row-check, .action-select")?.click(),
  c: () => follow('.bulk [value="compare"]'),
  n: () => go("n"),
  "[": () => follow('.pages [rel="prev"], .paginator a:has(+ .this-page)'),
  "]": () => follow('.pages [rel="next"], .paginator .this-page + a:not(.showall)'),
};
const isTyping = (element) =>
  element.isContentEditable || /^(TEXTAREA|SELECT)$/.test(element.tagName) ||
  (element.tagName === "INPUT" && !/^(checkbox|radio|button|submit)$/.test(element.type));

let afterG = -Infinity;
document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.altKey || event.metaKey || event.defaultPrevented) return;
  if (isTyping(event.target) || document.querySelector("dialog[open]") || areOff()) return;
  const isPlace = event.timeStamp - afterG < PREFIX_MS && /^[a-z]$/.test(event.key);
  afterG = event.key === "g" ? event.timeStamp : -Infinity;
  const act = isPlace ? () => go(event.key) : KEYS[event.key];
  if (!act) return;
  event.preventDefault();
  act();
});

// --- The list of keys ------------------------------------------------------------------------------
const switched = overlay?.querySelector("[data-keys-on]");
if (switched) {
  switched.checked = !areOff();
  switched.addEventListener("change", () => {
    try {
      localStorage.setItem(STORED, switched.checked ? "on" : "off");
    } catch {
      switched.checked = true;
    }
  });
}
for (const button of document.querySelectorAll("[data-keys-show]")) {
  button.addEventListener("click", () => overlay.showModal());
}

// --- Suggestions under the search ------------------------------------------------------------------
const box = search?.closest("[data-search-box]");
box?.addEventListener("keydown", (event) => {
  const links = [...box.querySelectorAll("[data-suggestions] a")];
  const here = links.indexOf(document.activeElement);
  if (event.key === "Escape") {
    box.querySelector("[data-suggestions]").replaceChildren();
    search.blur();
  } else if (event.key === "ArrowDown" && here < links.length - 1) links[here + 1].focus();
  else if (event.key === "ArrowUp" && here >= 0) (links[here - 1] ?? search).focus();
  else return;
  event.preventDefault();
});
