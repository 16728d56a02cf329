// One option of a command form: a text that grows with what is typed, or a file to choose or drop.

import { OPTION } from "./command-text.js";
import { h, fill } from "./dom.js";
import { icon } from "./icons.js";
import { bytes } from "./media.js";

/** Makes the field; `on` holds `onFocus`, `onInput`, `onBlur`, `onKey`, `onRemove`. */
export function field(option, text, on) {
  return option.type === OPTION.FILE ? new FileField(option, on) : new TextField(option, text ?? "", on);
}

class Field {
  constructor(option) {
    this.option = option;
    this.problem = "";
    this.file = null;
    this.picked = null;
  }

  wrap(control, on) {
    this.name = h(
      "span",
      { class: "chip-name" },
      this.option.name,
      this.option.required ? h("span", { class: "required", "aria-hidden": "true" }, "*") : null,
    );
    this.element = h(
      "label",
      { class: "chip" },
      this.name,
      control,
      this.option.required
        ? null
        : h(
            "button",
            {
              class: "chip-remove",
              type: "button",
              tabindex: "-1",
              "aria-label": `Remove ${this.option.name}`,
              on: {
                click: (event) => {
                  event.preventDefault();
                  on.onRemove();
                },
              },
            },
            icon("close"),
          ),
    );
  }

  complain(problem) {
    this.problem = problem;
    this.element.classList.toggle("wrong", problem !== "");
    this.control.setAttribute("aria-invalid", String(problem !== ""));
  }

  focus() {
    this.control.focus();
  }
}

class TextField extends Field {
  constructor(option, text, on) {
    super(option);
    const numeric = option.type === OPTION.INTEGER || option.type === OPTION.NUMBER;
    this.control = h("textarea", {
      class: "chip-input",
      rows: "1",
      spellcheck: option.type === OPTION.STRING ? "true" : "false",
      inputmode: numeric ? "decimal" : null,
      "aria-label": `${option.name}. ${option.description}`,
      "aria-required": String(Boolean(option.required)),
      role: "combobox",
      "aria-expanded": "false",
      autocomplete: "off",
      "data-option": option.name,
    });
    this.control.value = text;
    this.control.addEventListener("focus", on.onFocus);
    this.control.addEventListener("blur", on.onBlur);
    this.control.addEventListener("keydown", on.onKey);
    this.control.addEventListener("input", () => {
      this.fit();
      on.onInput();
    });
    this.wrap(this.control, on);
    this.fit();
  }

  /** Grows with the text: first in width, then in lines. */
  fit() {
    const { control } = this;
    control.style.width = `${Math.max(5, [...control.value].length + 1.5)}ch`;
    control.style.height = "auto";
    if (control.isConnected) control.style.height = `${control.scrollHeight}px`;
  }

  text() {
    return this.control.value;
  }

  filled() {
    return this.control.value.trim() !== "";
  }

  choose(choice) {
    this.picked = choice;
    this.control.value = choice.name;
    this.complain("");
    this.fit();
  }

  focus() {
    super.focus();
    this.fit();
    this.control.setSelectionRange(this.control.value.length, this.control.value.length);
  }
}

class FileField extends Field {
  constructor(option, on) {
    super(option);
    this.input = h("input", {
      type: "file",
      class: "sr-only",
      tabindex: "-1",
      "aria-hidden": "true",
      "data-option": option.name,
    });
    this.control = h("button", {
      class: "chip-file",
      type: "button",
      "aria-label": `${option.name}. ${option.description}`,
    });
    this.control.addEventListener("click", () => this.input.click());
    this.control.addEventListener("focus", on.onFocus);
    this.control.addEventListener("blur", on.onBlur);
    // Enter on the button chooses a file while there is none, and runs the command once there is.
    this.control.addEventListener("keydown", (event) => {
      if (event.key !== "Enter" || this.file) on.onKey(event);
    });
    this.input.addEventListener("change", () => {
      if (this.input.files[0]) this.setFile(this.input.files[0]);
      on.onInput();
    });
    this.wrap(h("span", { class: "chip-file-frame" }, this.control, this.input), on);
    this.draw();
  }

  setFile(file) {
    this.file = file;
    this.complain("");
    this.draw();
  }

  draw() {
    if (this.url) URL.revokeObjectURL(this.url);
    this.url = this.file?.type.startsWith("image/") ? URL.createObjectURL(this.file) : null;
    fill(
      this.control,
      this.url ? h("img", { src: this.url, alt: "" }) : icon(this.file ? "file" : "upload"),
      h("span", null, this.file ? `${this.file.name} · ${bytes(this.file.size)}` : "Choose or drop a file"),
    );
  }

  text() {
    return "";
  }

  filled() {
    return this.file !== null;
  }

  choose() {}
}
