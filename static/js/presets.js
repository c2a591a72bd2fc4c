// A preset fills in load and objective and leaves what else was chosen as it is. Without scripts its
// link loads the form anew with them.

const form = document.querySelector("#new-run");

function fill(fields) {
  for (const [name, value] of Object.entries(fields)) {
    const control = form.elements[name];
    if (control instanceof RadioNodeList) control.value = value;
    else if (control.tagName === "SELECT" && value === null) control.selectedIndex = 0;
    else control.value = value ?? "";
  }
  form.dispatchEvent(new Event("change", { bubbles: true }));
}

for (const preset of document.querySelectorAll("[data-preset]")) {
  preset.addEventListener("click", (event) => {
    if (event.ctrlKey || event.metaKey || event.shiftKey) return;
    event.preventDefault();
    fill(JSON.parse(preset.dataset.preset));
  });
}
