// What was filled into `form[data-draft]` survives loading the page again and coming back to it: it
// is kept for this tab until the form is sent. Who comes anew gets a new form, which may know more.
// Files are not in it; those that arrived the server knows.

const form = document.querySelector("form[data-draft]");

if (form) {
  const key = `draft:${location.pathname}${location.search}`;
  const kept = [...form.elements].filter((element) => element.name && !["file", "hidden"].includes(element.type));

  const value = (element) => {
    if (["checkbox", "radio"].includes(element.type)) return element.checked;
    return element.multiple ? [...element.selectedOptions].map((option) => option.value) : element.value;
  };

  const restore = (element, before) => {
    if (["checkbox", "radio"].includes(element.type)) element.checked = before;
    else if (element.multiple) {
      for (const option of element.options) option.selected = before.includes(option.value);
    } else element.value = before;
  };

  // Several controls may share a name: radio buttons are told apart by their place.
  const save = () => sessionStorage.setItem(key, JSON.stringify(kept.map((element) => [element.name, value(element)])));

  const isAgain = ["reload", "back_forward"].includes(performance.getEntriesByType("navigation")[0].type);

  try {
    const draft = JSON.parse((isAgain && sessionStorage.getItem(key)) || "[]");
    const fits = draft.length === kept.length && draft.every(([name], place) => name === kept[place].name);
    if (fits) draft.forEach(([, before], place) => restore(kept[place], before));
    for (const name of ["input", "change"]) form.addEventListener(name, save);
    form.addEventListener("submit", (event) => event.defaultPrevented || sessionStorage.removeItem(key));
  } catch {
    // storage may be forbidden; the form is then as it was sent
  }
}
