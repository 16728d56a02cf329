// Buttons and select menus of a message. What a click does is decided in message-actions.js from the data attributes; this module
// only draws, so that an edit of the message can change a button in place.

import { h } from "./dom.js";
import { emojiName, emojiNode, withEmoji } from "./emoji.js";
import { icon } from "./icons.js";
import { openMenu } from "./menu.js";
import { store } from "./store.js";
import { avatar } from "./avatar.js";

const STYLES = { 1: "primary", 2: "secondary", 3: "success", 4: "danger", 5: "link" };
const PREMIUM = 6;
const SELECTS = new Set([3, 5, 6, 7, 8]);

/** The action rows of a message. */
export function components(message) {
  const rows = (message.components ?? []).filter((row) => row.type === 1);
  if (rows.length === 0) return null;
  return h(
    "div",
    { class: "rows" },
    rows.map((row) =>
      h(
        "div",
        { class: "row", role: "group", "aria-label": "Actions" },
        row.components.map((component) =>
          component.type === 2 ? button(component, message) : select(component, message),
        ),
      ),
    ),
  );
}

/** True while a click on this component waits for the bot. */
function waiting(message, customId) {
  return [...store.pending.values()].some(
    (wait) => wait.messageId === message.id && wait.customId === customId && !wait.failed,
  );
}

function button(component, message) {
  if (component.style === PREMIUM) return shopButton();
  const busy = component.custom_id !== undefined && waiting(message, component.custom_id);
  const style = STYLES[component.style] ?? "secondary";
  const emoji = component.emoji?.name;
  const content = [
    emoji ? emojiNode(emoji) : null,
    component.label ? h("span", { class: "button-label" }, withEmoji(component.label)) : null,
  ];
  const label = component.label ? null : emojiName(emoji ?? "");
  if (component.style === 5 && /^https?:\/\//.test(component.url ?? "")) {
    return h(
      "a",
      {
        class: "button button-link",
        href: component.url,
        target: "_blank",
        rel: "noreferrer noopener",
        "aria-label": label,
      },
      content,
      icon("external"),
    );
  }
  return h(
    "button",
    {
      class: `button button-${style}${busy ? " busy" : ""}`,
      type: "button",
      disabled: component.disabled,
      "aria-label": label,
      title: label,
      "aria-busy": busy ? "true" : null,
      "data-action": "click-component",
      "data-custom-id": component.custom_id,
    },
    h("span", { class: "button-content" }, content),
    h("span", { class: "dots", "aria-hidden": "true" }, h("i"), h("i"), h("i")),
  );
}

/** A button that sells something. Discord writes its label; here nothing can be bought. */
function shopButton() {
  return h(
    "button",
    {
      class: "button button-primary",
      type: "button",
      disabled: true,
      title: "Nothing can be bought in the playground",
    },
    h("span", { class: "button-content" }, icon("spark"), "Shop"),
  );
}

function select(component, message) {
  if (!SELECTS.has(component.type)) return null;
  const busy = waiting(message, component.custom_id);
  const preset = choices(component)
    .filter((choice) => choice.default)
    .map((choice) => choice.label);
  return h(
    "button",
    {
      class: `select${busy ? " busy" : ""}`,
      type: "button",
      disabled: component.disabled,
      "aria-haspopup": "listbox",
      "aria-expanded": "false",
      "aria-busy": busy ? "true" : null,
      "data-action": "open-select",
      "data-custom-id": component.custom_id,
    },
    h(
      "span",
      { class: preset.length > 0 ? "select-value" : "select-placeholder" },
      preset.join(", ") || component.placeholder || "Make a selection",
    ),
    icon("down"),
  );
}

/** What a select offers: its own options, or the users or channels of the playground. */
function choices(component) {
  if (component.type === 3) return component.options ?? [];
  if (component.type === 8) {
    const channels = store.guilds.flatMap((guild) => guild.channels);
    return channels.map((channel) => ({ label: `#${channel.name}`, value: channel.id }));
  }
  if (component.type === 6) return [];
  return [...store.users.values()].map((user) => ({ label: user.name, value: user.id, face: avatar(user, "xs") }));
}

/** Opens the list of a select at its button; `onChoose(values)` gets the choice once it is complete. */
export function openSelect(anchor, component, onChoose) {
  const least = component.min_values ?? 1;
  const most = component.max_values ?? 1;
  const multi = most > 1 || least === 0;
  const items = choices(component).map((choice) => ({
    label: choice.label,
    detail: choice.description,
    value: choice.value,
    checked: choice.default ?? false,
    icon: choice.emoji?.name ? emojiNode(choice.emoji.name) : choice.face,
    onPick: () => onChoose([choice.value]),
  }));
  const before = items
    .filter((item) => item.checked)
    .map((item) => item.value)
    .join();
  const onClose = (values) => {
    if (multi && values.length >= least && values.join() !== before) onChoose(values);
  };
  const list = openMenu(anchor, items.length > 0 ? items : [{ heading: "Nothing to choose from" }], {
    role: "listbox",
    label: component.placeholder || "Options",
    multi,
    className: "as-wide",
    onClose,
  });
  list.max = most;
}

/** The component with this custom id in a message. */
export function findComponent(message, customId) {
  return (message.components ?? [])
    .flatMap((row) => row.components ?? [])
    .find((component) => component.custom_id === customId);
}
