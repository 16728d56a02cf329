// Turns one element tree into another with as few changes as possible. A message that is edited twice a second keeps
// its focus, its hover state, its revealed spoilers and its pictures; only what differs is touched.

/** Attributes that belong to the reader's own view and survive an edit. */
const KEPT = new Set(["data-revealed", "data-roving", "tabindex"]);

/** Makes `current` equal to `wanted`; returns the node now in the document (a new one if the tags differ). */
export function morph(current, wanted) {
  if (!sameKind(current, wanted)) {
    current.replaceWith(wanted);
    return wanted;
  }
  if (current.nodeType === Node.TEXT_NODE) {
    if (current.data !== wanted.data) current.data = wanted.data;
    return current;
  }
  if (current.nodeName === "IMG" && current.getAttribute("src") !== wanted.getAttribute("src")) {
    swapPicture(current, wanted);
    return current;
  }
  syncAttributes(current, wanted);
  syncChildren(current, wanted);
  return current;
}

function sameKind(a, b) {
  return a.nodeType === b.nodeType && a.nodeName === b.nodeName && key(a) === key(b);
}

function key(node) {
  return node.nodeType === Node.ELEMENT_NODE ? (node.getAttribute("data-key") ?? "") : "";
}

function syncAttributes(current, wanted) {
  for (const { name } of [...current.attributes]) {
    if (!wanted.hasAttribute(name) && !KEPT.has(name)) current.removeAttribute(name);
  }
  for (const { name, value } of wanted.attributes) {
    if (KEPT.has(name) && current.hasAttribute(name)) continue;
    if (current.getAttribute(name) === value) continue;
    // The page's own policy forbids style attributes as text; through the object model they are allowed.
    if (name === "style") current.style.cssText = value;
    else current.setAttribute(name, value);
  }
}

function syncChildren(current, wanted) {
  const next = [...wanted.childNodes];
  const wantedKeys = new Set(next.map(key));
  const keyed = new Map();
  // What goes, goes first: then all that stays is in its place already, and is not moved. A moved node loses the focus.
  for (const child of [...current.childNodes]) {
    if (!key(child)) continue;
    if (wantedKeys.has(key(child))) keyed.set(key(child), child);
    else child.remove();
  }
  next.forEach((node, index) => {
    const here = current.childNodes[index];
    const match = key(node) ? keyed.get(key(node)) : undefined;
    if (match && match.nodeName === node.nodeName) {
      if (match !== here) current.insertBefore(match, here ?? null);
      morph(match, node);
    } else if (here && sameKind(here, node)) {
      morph(here, node);
    } else {
      current.insertBefore(node, here ?? null);
    }
  });
  while (current.childNodes.length > next.length) current.lastChild.remove();
}

/**
 * Shows the next picture only when it is decoded, so that a preview never flashes to an empty frame. When pictures
 * arrive faster than they decode, the newest wins.
 */
function swapPicture(img, wanted) {
  const src = wanted.getAttribute("src");
  img.dataset.next = src;
  const loader = new Image();
  loader.src = src;
  const show = () => {
    if (img.dataset.next !== src) return;
    delete img.dataset.next;
    syncAttributes(img, wanted);
    img.classList.remove("fresh");
    requestAnimationFrame(() => img.classList.add("fresh"));
  };
  loader.decode().then(show, show);
}
