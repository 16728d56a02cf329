// Builds DOM nodes. Text always goes in as text, never as markup, so nothing a user or a bot writes can become code.

const SVG = "http://www.w3.org/2000/svg";

/**
 * Makes an element. `props` may hold `class`, `style` (an object, custom properties allowed), `dataset`, `on` (an
 * object of listeners) and any attribute; `true` sets an empty attribute, `false`, `null` and `undefined` none.
 */
export function h(tag, props, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(props ?? {})) setProp(element, name, value);
  append(element, children);
  return element;
}

function setProp(element, name, value) {
  if (value === null || value === undefined || value === false) return;
  if (name === "style") {
    for (const [key, part] of Object.entries(value)) element.style.setProperty(key, part);
  } else if (name === "dataset") {
    for (const [key, part] of Object.entries(value)) if (part !== undefined) element.dataset[key] = part;
  } else if (name === "on") {
    for (const [event, listener] of Object.entries(value)) element.addEventListener(event, listener);
  } else {
    element.setAttribute(name, value === true ? "" : value);
  }
}

/** Appends nodes, strings, numbers and nested arrays of them; skips null, undefined and booleans. */
export function append(element, children) {
  for (const child of children) {
    if (Array.isArray(child)) append(element, child);
    else if (child === null || child === undefined || typeof child === "boolean") continue;
    else element.append(child instanceof Node ? child : String(child));
  }
}

/** Replaces all children of `element`. */
export function fill(element, ...children) {
  element.replaceChildren();
  append(element, children);
  return element;
}

/** An inline SVG picture from a list of `[tag, attributes, text?]` shapes, drawn on a square of `size` units. */
export function svg(shapes, { size = 24, className = "icon", label } = {}) {
  const root = document.createElementNS(SVG, "svg");
  root.setAttribute("viewBox", `0 0 ${size} ${size}`);
  root.setAttribute("class", className);
  if (label) {
    root.setAttribute("role", "img");
    root.setAttribute("aria-label", label);
  } else {
    root.setAttribute("aria-hidden", "true");
  }
  for (const [tag, attributes, text] of shapes) {
    const shape = document.createElementNS(SVG, tag);
    for (const [name, value] of Object.entries(attributes)) shape.setAttribute(name, value);
    if (text) shape.textContent = text;
    root.append(shape);
  }
  return root;
}

/** The element with this id, which index.html is known to hold. */
export const byId = (id) => document.getElementById(id);

/** Says `text` to a screen reader without moving focus. */
export function announce(text) {
  const region = byId("announcer");
  region.textContent = "";
  requestAnimationFrame(() => {
    region.textContent = text;
  });
}

/** Shows a short notice in the corner for a few seconds. */
export function toast(text, kind = "info") {
  const note = h("div", { class: `toast toast-${kind}` }, text);
  byId("toasts").append(note);
  setTimeout(() => note.classList.add("leaving"), 4200);
  setTimeout(() => note.remove(), 4600);
}
