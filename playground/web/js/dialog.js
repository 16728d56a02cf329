// Dialogs over the page: a question to confirm, and the forms (modals) a bot opens. Both are native `<dialog>`s, so
// focus stays inside and Escape closes.

import { h } from "./dom.js";
import { icon } from "./icons.js";
import { submitModal } from "./session.js";

/** Asks; resolves to true for the action, false for anything else. */
export function confirm({ title, text, action }) {
  return new Promise((resolve) => {
    const form = h(
      "form",
      { method: "dialog", class: "dialog-form" },
      h("h2", { class: "dialog-title" }, title),
      h("p", { class: "dialog-text" }, text),
      h(
        "div",
        { class: "dialog-actions" },
        h("button", { class: "button button-plain", value: "" }, "Cancel"),
        h("button", { class: "button button-danger", value: "yes", autofocus: true }, action),
      ),
    );
    const dialog = show(form, title);
    dialog.addEventListener("close", () => resolve(dialog.returnValue === "yes"));
  });
}

function show(content, label, className = "") {
  const returnTo = document.activeElement;
  const dialog = h("dialog", { class: `dialog ${className}`, "aria-label": label }, content);
  dialog.addEventListener("close", () => {
    dialog.remove();
    returnTo?.focus({ preventScroll: true });
  });
  dialog.addEventListener("pointerdown", (event) => {
    if (event.target === dialog) dialog.close();
  });
  document.body.append(dialog);
  dialog.showModal();
  return dialog;
}

/** The text inputs of a modal with the words around them, whether wrapped in a Label (18) or an action row (1). */
function inputs(modal) {
  return (modal.components ?? []).flatMap((outer) => {
    const inner = outer.components ?? (outer.component ? [outer.component] : []);
    return inner
      .filter((input) => input.type === 4)
      .map((input) => ({
        input,
        label: outer.label ?? input.label ?? "Text",
        description: outer.description,
      }));
  });
}

/** Shows the modal of an interaction; closes when the bot took it, stays and says so when it did not. */
export function openModal(interaction, modal) {
  const fields = inputs(modal).map(field);
  const problem = h("div", { class: "dialog-problem", role: "alert" });
  const submit = h(
    "button",
    { class: "button button-primary", type: "submit" },
    h("span", { class: "button-content" }, "Submit"),
    h("span", { class: "dots", "aria-hidden": "true" }, h("i"), h("i"), h("i")),
  );
  const form = h(
    "form",
    { class: "dialog-form modal-form", novalidate: true },
    h(
      "header",
      { class: "dialog-head" },
      h("h2", { class: "dialog-title" }, modal.title),
      h(
        "button",
        { class: "icon-button", type: "button", "aria-label": "Close", on: { click: () => dialog.close() } },
        icon("close"),
      ),
    ),
    h(
      "div",
      { class: "dialog-body" },
      fields.map(({ row }) => row),
    ),
    problem,
    h(
      "div",
      { class: "dialog-actions" },
      h("button", { class: "button button-plain", type: "button", on: { click: () => dialog.close() } }, "Cancel"),
      submit,
    ),
  );
  const dialog = show(form, modal.title, "modal");
  (fields[0]?.control ?? submit).focus();
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    const wrong = fields.filter((one) => !one.check());
    if (wrong.length > 0) {
      wrong[0].control.focus();
      return;
    }
    problem.textContent = "";
    submit.classList.add("busy");
    submit.disabled = true;
    const taken = await submitModal(
      interaction,
      modal.custom_id,
      fields.map((one) => ({ custom_id: one.id, value: one.control.value })),
    );
    submit.classList.remove("busy");
    submit.disabled = false;
    if (taken) dialog.close();
    else problem.textContent = "Something went wrong. Try again.";
  });
}

function field({ input, label, description }) {
  const id = `field-${input.custom_id}`;
  const long = input.style === 2;
  const control = h(long ? "textarea" : "input", {
    id,
    class: "field-control",
    name: input.custom_id,
    type: long ? null : "text",
    rows: long ? "4" : null,
    placeholder: input.placeholder,
    maxlength: String(input.max_length ?? 4000),
    autocomplete: "off",
    "aria-describedby": `${id}-note`,
    "aria-required": String(input.required !== false),
  });
  control.value = input.value ?? "";
  const note = h("div", { class: "field-note", id: `${id}-note` });
  const rest = h("span", { class: "field-rest", "aria-hidden": "true" });
  const required = input.required !== false;
  const say = (text) => {
    note.textContent = text;
    control.setAttribute("aria-invalid", String(text !== ""));
  };
  const count = () => {
    rest.textContent = input.max_length ? `${control.value.length} / ${input.max_length}` : "";
  };
  control.addEventListener("input", () => {
    say("");
    count();
  });
  control.addEventListener("keydown", (event) => {
    if (event.key === "Enter" && (!long || event.ctrlKey || event.metaKey)) {
      event.preventDefault();
      control.form.requestSubmit();
    }
  });
  count();
  const check = () => {
    const length = control.value.trim().length;
    if (required && length === 0) say("This field is required.");
    else if (length > 0 && input.min_length && length < input.min_length)
      say(`At least ${input.min_length} characters are needed.`);
    else return true;
    return false;
  };
  const row = h(
    "div",
    { class: "field" },
    h(
      "label",
      { class: "field-label", for: id },
      label,
      required ? h("span", { class: "required", "aria-hidden": "true" }, "*") : null,
    ),
    description ? h("div", { class: "field-description" }, description) : null,
    control,
    h("div", { class: "field-foot" }, note, rest),
  );
  return { id: input.custom_id, control, row, check };
}
