// A menu or list box that floats beside the element that opened it. Arrow keys, Home, End and typing move, Enter and
// Space choose, Escape and a click elsewhere close, and focus goes back to where it was.

import { h } from "./dom.js";

let open = null;

/** Closes the open menu, if there is one. */
export function closeMenu() {
  open?.close();
}

/**
 * Opens a menu at `anchor` (an element, or `{ x, y }`).
 * Items: `{ label, icon?, detail?, danger?, checked?, disabled?, value?, onPick? }`, or `"-"` for a line, or
 * `{ heading }`, or `{ row: [node…] }` for ready-made buttons. `role` is `menu` or `listbox`. With `multi` items toggle
 * and `onClose(values)` gets what is checked at the end.
 */
export function openMenu(
  anchor,
  items,
  { role = "menu", label = "Menu", multi = false, className = "", onClose } = {},
) {
  closeMenu();
  const returnTo = document.activeElement;
  const panel = h("div", {
    class: `menu ${className}`,
    role,
    "aria-label": label,
    tabindex: "-1",
    "aria-multiselectable": multi || null,
  });
  const context = { panel, role, multi, returnTo, anchor, onClose, picked: false };
  context.close = () => close(context);
  for (const item of items) panel.append(entry(item, context));
  // A modal dialog hides everything outside itself, so a menu opened within one has to live there.
  const host = anchor instanceof Element ? (anchor.closest("dialog") ?? document.body) : document.body;
  host.append(panel);
  place(panel, anchor);
  open = context;
  if (anchor instanceof Element) anchor.setAttribute("aria-expanded", "true");
  panel.addEventListener("keydown", (event) => onKey(event, context));
  document.addEventListener("pointerdown", onOutside, true);
  (panel.querySelector("[aria-checked=true],[aria-selected=true]") ?? focusable(panel)[0] ?? panel).focus();
  return context;
}

function entry(item, context) {
  if (item === "-") return h("div", { class: "menu-line", role: "separator" });
  if (item.heading) return h("div", { class: "menu-heading", role: "presentation" }, item.heading);
  if (item.row) return h("div", { class: "menu-row", role: "presentation" }, item.row);
  const listbox = context.role === "listbox";
  const checkable = item.checked !== undefined;
  const itemRole = listbox ? "option" : checkable ? "menuitemradio" : "menuitem";
  const state = item.checked ? "true" : "false";
  const button = h(
    "button",
    {
      class: `menu-item${item.danger ? " danger" : ""}`,
      type: "button",
      role: itemRole,
      tabindex: "-1",
      "aria-checked": !listbox && checkable ? state : null,
      "aria-selected": listbox ? state : null,
      disabled: item.disabled,
      "data-value": item.value,
    },
    item.icon ?? null,
    h(
      "span",
      { class: "menu-text" },
      h("span", { class: "menu-label" }, item.label),
      item.detail ? h("span", { class: "menu-detail" }, item.detail) : null,
    ),
    h("span", { class: "menu-mark", "aria-hidden": "true" }),
  );
  button.addEventListener("click", () => pick(button, item, context));
  return button;
}

function pick(button, item, context) {
  if (context.multi) {
    const now = button.getAttribute("aria-selected") !== "true";
    if (now && context.max && chosen(context).length >= context.max) return;
    button.setAttribute("aria-selected", String(now));
    return;
  }
  context.picked = true;
  context.close();
  item.onPick?.(item);
}

const chosen = (context) =>
  [...context.panel.querySelectorAll("[aria-selected=true]")].map((button) => button.dataset.value);

function close(context) {
  if (open !== context) return;
  open = null;
  document.removeEventListener("pointerdown", onOutside, true);
  if (context.anchor instanceof Element) context.anchor.setAttribute("aria-expanded", "false");
  const values = context.multi ? chosen(context) : [];
  const hadFocus = context.panel.contains(document.activeElement);
  context.panel.remove();
  if (hadFocus && context.returnTo?.isConnected) context.returnTo.focus({ preventScroll: true });
  context.onClose?.(values, context.picked);
}

function onOutside(event) {
  if (!open || open.panel.contains(event.target)) return;
  // The click that would open the same menu again only closes it.
  if (open.anchor instanceof Element && open.anchor.contains(event.target)) {
    open.anchor.addEventListener("click", (click) => click.stopImmediatePropagation(), { capture: true, once: true });
  }
  open.close();
}

const focusable = (panel) => [...panel.querySelectorAll("button:not(:disabled)")];

function onKey(event, context) {
  const buttons = focusable(context.panel);
  const at = buttons.indexOf(document.activeElement);
  const inRow = document.activeElement?.closest(".menu-row") !== null;
  const go = (index) => buttons[(index + buttons.length) % buttons.length]?.focus();
  if (event.key === "ArrowDown" || (inRow && event.key === "ArrowRight")) go(at + 1);
  else if (event.key === "ArrowUp" || (inRow && event.key === "ArrowLeft")) go(at < 0 ? -1 : at - 1);
  else if (event.key === "Home") go(0);
  else if (event.key === "End") go(-1);
  else if (event.key === "Escape" || event.key === "Tab") context.close();
  else if (event.key.length === 1 && event.key !== " " && !event.ctrlKey && !event.metaKey)
    byLetter(event.key, buttons, at);
  else return;
  event.preventDefault();
  event.stopPropagation();
}

function byLetter(letter, buttons, at) {
  const order = [...buttons.slice(at + 1), ...buttons.slice(0, at + 1)];
  order.find((button) => button.textContent.trim().toLowerCase().startsWith(letter.toLowerCase()))?.focus();
}

const GAP = 6;

function place(panel, anchor) {
  const box =
    anchor instanceof Element
      ? anchor.getBoundingClientRect()
      : { left: anchor.x, right: anchor.x, top: anchor.y, bottom: anchor.y, width: 0 };
  if (panel.classList.contains("as-wide")) panel.style.width = `${Math.max(box.width, 220)}px`;
  const { offsetWidth: width, offsetHeight: height } = panel;
  const below = box.bottom + GAP + height <= innerHeight - GAP || box.top < innerHeight - box.bottom;
  const top = below ? Math.min(box.bottom + GAP, innerHeight - height - GAP) : box.top - GAP - height;
  const alignRight = panel.classList.contains("align-right");
  const left = Math.min(alignRight ? box.right - width : box.left, innerWidth - width - GAP);
  panel.style.top = `${Math.max(GAP, top)}px`;
  panel.style.left = `${Math.max(GAP, left)}px`;
}

addEventListener("resize", closeMenu);
