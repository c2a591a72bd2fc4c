// Makes `select[data-searchable]` searchable by typing (the combobox pattern of the ARIA practices).
// The select stays what is sent with the form; without scripts it is what is shown, too.

class SearchableSelect {
  constructor(select) {
    this.select = select;
    this.active = -1;
    this.build();
    this.show();
    this.listen();
  }

  build() {
    const { select } = this;
    this.combo = element("div", { class: "combo" });
    this.field = element("div", { class: "combo-field form-select" });
    this.input = element("input", {
      id: `${select.id}-search`,
      type: "text",
      role: "combobox",
      autocomplete: "off",
      spellcheck: "false",
      "aria-autocomplete": "list",
      "aria-expanded": "false",
      "aria-controls": `${select.id}-list`,
    });
    for (const name of ["aria-describedby", "aria-invalid"]) {
      if (select.hasAttribute(name)) this.input.setAttribute(name, select.getAttribute(name));
    }
    if (select.getAttribute("aria-invalid")) this.field.setAttribute("aria-invalid", "true");
    this.list = element("ul", { class: "combo-list", id: `${select.id}-list`, role: "listbox" });
    this.list.hidden = true;
    if (select.multiple) this.list.setAttribute("aria-multiselectable", "true");
    this.field.append(this.input);
    this.combo.append(this.field, this.list);
    select.before(this.combo);
    select.hidden = true;
    const label = document.querySelector(`label[for="${select.id}"]`);
    if (label) {
      label.htmlFor = this.input.id;
      this.list.setAttribute("aria-label", label.firstChild.textContent.trim());
    }
  }

  get options() {
    return [...this.select.options].filter((option) => option.value);
  }

  get chosen() {
    return this.options.filter((option) => option.selected);
  }

  // What is chosen: chips where several may be, the field's own text otherwise.
  show() {
    for (const chip of this.field.querySelectorAll(".combo-chip")) chip.remove();
    const placeholder = this.options.length ? "Search by name" : "There is none yet";
    if (!this.select.multiple) {
      this.input.value = this.chosen[0]?.text ?? "";
      this.input.placeholder = this.select.options[0]?.value ? placeholder : this.select.options[0].text;
      return;
    }
    for (const option of this.chosen) this.input.before(this.chip(option));
    this.input.value = "";
    this.input.placeholder = this.chosen.length ? "" : placeholder;
  }

  chip(option) {
    const chip = element("span", { class: "combo-chip" });
    const button = element("button", { type: "button", "aria-label": `Remove ${option.text}` });
    button.textContent = "×";
    button.addEventListener("click", () => {
      this.choose(option, false);
      this.input.focus();
    });
    chip.append(option.text, button);
    return chip;
  }

  listen() {
    this.input.addEventListener("input", () => this.open(this.input.value));
    this.input.addEventListener("click", () => this.list.hidden && this.open(""));
    this.input.addEventListener("keydown", (event) => this.press(event));
    this.combo.addEventListener("focusout", (event) => {
      if (!this.combo.contains(event.relatedTarget)) this.close();
    });
    // The list must not take the focus, or it would close before the click counts.
    this.list.addEventListener("mousedown", (event) => event.preventDefault());
    this.list.addEventListener("click", (event) => {
      const item = event.target.closest("[role=option]");
      if (item) this.pick(item);
    });
    this.field.addEventListener("click", (event) => {
      if (event.target === this.field) this.input.focus();
    });
  }

  open(text) {
    const words = text.toLowerCase().split(/\s+/).filter(Boolean);
    const found = this.options.filter((option) =>
      words.every((word) => option.text.toLowerCase().includes(word)),
    );
    this.list.replaceChildren(...found.map((option, index) => this.item(option, index)));
    if (!found.length) {
      const none = element("li", { class: "combo-none" });
      none.textContent = this.options.length ? "Nothing of that name" : "There is none yet";
      this.list.append(none);
    }
    this.list.hidden = false;
    this.input.setAttribute("aria-expanded", "true");
    this.activate(words.length && found.length ? 0 : -1);
  }

  item(option, index) {
    const item = element("li", {
      id: `${this.list.id}-${index}`,
      role: "option",
      "aria-selected": String(option.selected),
    });
    item.textContent = option.text;
    item.option = option;
    return item;
  }

  get items() {
    return [...this.list.querySelectorAll("[role=option]")];
  }

  activate(index) {
    const { items } = this;
    this.active = items.length ? Math.min(index, items.length - 1) : -1;
    for (const [place, item] of items.entries()) item.classList.toggle("is-active", place === this.active);
    const item = items[this.active];
    if (item) {
      this.input.setAttribute("aria-activedescendant", item.id);
      item.scrollIntoView({ block: "nearest" });
    } else this.input.removeAttribute("aria-activedescendant");
  }

  press(event) {
    if (event.key === "ArrowDown" || event.key === "ArrowUp") {
      event.preventDefault();
      if (this.list.hidden) this.open("");
      const step = event.key === "ArrowDown" ? 1 : -1;
      this.activate(Math.max(this.active + step, 0));
    } else if (event.key === "Enter" && !this.list.hidden) {
      event.preventDefault();
      if (this.active >= 0) this.pick(this.items[this.active]);
    } else if (event.key === "Escape" && !this.list.hidden) {
      event.preventDefault();
      this.close();
    } else if (event.key === "Backspace" && !this.input.value && this.select.multiple) {
      const last = this.chosen.at(-1);
      if (last) this.choose(last, false);
    }
  }

  pick(item) {
    const { option } = item;
    this.choose(option, this.select.multiple ? !option.selected : true);
    this.close();
  }

  choose(option, on) {
    option.selected = on;
    this.select.dispatchEvent(new Event("change", { bubbles: true }));
    this.show();
  }

  // A search that was cleared takes back a single choice; any other leaves it as it was.
  close() {
    if (!this.select.multiple && this.input.value === "" && this.select.options[0]?.value === "") {
      this.select.selectedIndex = 0;
    }
    this.list.hidden = true;
    this.input.setAttribute("aria-expanded", "false");
    this.input.removeAttribute("aria-activedescendant");
    this.show();
  }
}

function element(name, attributes) {
  const made = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  return made;
}

for (const select of document.querySelectorAll("select[data-searchable]")) new SearchableSelect(select);
