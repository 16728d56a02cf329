// A list box above the message box: the text field keeps the focus, arrow keys move the choice, Enter or Tab takes it.

import { h } from "./dom.js";

let serial = 0;

/** One list bound to a host element; the text field that drives it is named on each `show`. */
export class Picker {
  constructor(host) {
    serial += 1;
    this.id = `picker-${serial}`;
    this.host = host;
    this.items = [];
    this.active = -1;
    this.field = null;
    this.panel = h("div", { class: "picker", id: this.id, role: "listbox", hidden: true });
    // The field must not lose its focus to a press on the list.
    this.panel.addEventListener("pointerdown", (event) => event.preventDefault());
    this.panel.addEventListener("click", ({ target }) =>
      this.take(this.items[Number(target.closest("[role=option]")?.dataset.index)]),
    );
    host.prepend(this.panel);
  }

  get open() {
    return !this.panel.hidden;
  }

  /** Shows `items` (`{ node, pick() }`) for `field` under a title; an empty list hides it. */
  show(field, title, items) {
    this.hide();
    if (items.length === 0) return;
    this.field = field;
    this.items = items;
    const options = items.map((item, index) =>
      h(
        "div",
        {
          class: "picker-item",
          role: "option",
          id: `${this.id}-${index}`,
          "data-index": String(index),
          "aria-selected": "false",
        },
        item.node,
      ),
    );
    this.panel.replaceChildren(h("div", { class: "picker-title", role: "presentation" }, title), ...options);
    this.panel.setAttribute("aria-label", title);
    this.panel.hidden = false;
    field.setAttribute("aria-expanded", "true");
    field.setAttribute("aria-controls", this.id);
    this.move(0);
  }

  hide() {
    this.panel.hidden = true;
    this.items = [];
    this.active = -1;
    this.field?.setAttribute("aria-expanded", "false");
    this.field?.removeAttribute("aria-activedescendant");
  }

  move(index) {
    const count = this.items.length;
    this.active = (index + count) % count;
    this.panel.querySelectorAll("[role=option]").forEach((option, at) => {
      option.setAttribute("aria-selected", String(at === this.active));
      if (at === this.active) option.scrollIntoView({ block: "nearest" });
    });
    this.field.setAttribute("aria-activedescendant", `${this.id}-${this.active}`);
  }

  take(item) {
    if (!item) return;
    this.hide();
    item.pick();
  }

  /** Handles a key of the field; true where it was used up. */
  onKey(event) {
    if (!this.open || event.isComposing) return false;
    const step = { ArrowDown: 1, ArrowUp: -1, PageDown: 6, PageUp: -6 }[event.key];
    const last = this.items.length - 1;
    if (step) this.move(Math.abs(step) === 1 ? this.active + step : Math.max(0, Math.min(last, this.active + step)));
    else if ((event.key === "Enter" || event.key === "Tab") && !event.shiftKey) this.take(this.items[this.active]);
    else if (event.key === "Escape") this.hide();
    else return false;
    event.preventDefault();
    event.stopPropagation();
    return true;
  }
}
