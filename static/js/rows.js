// Checked rows of a list: all of a page at once, and how many there are.
const all = document.querySelector("[data-check-all]");
const boxes = [...document.querySelectorAll("tbody .row-check")];
const said = document.querySelector("[data-checked-count]");

function tell() {
  const checked = boxes.filter((box) => box.checked).length;
  if (said) said.textContent = `${checked} checked`;
  if (!all) return;
  all.checked = checked > 0 && checked === boxes.length;
  all.indeterminate = checked > 0 && checked < boxes.length;
}

all?.addEventListener("change", () => {
  for (const box of boxes) box.checked = all.checked;
  tell();
});
for (const box of boxes) box.addEventListener("change", tell);
// A browser that goes back keeps the checks of before.
addEventListener("pageshow", tell);
