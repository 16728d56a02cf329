// The list of messages: draws changes in place, stays at the newest message or where the reader is, loads older ones
// when the top comes near, and can be walked with the arrow keys.

import { h, byId } from "./dom.js";
import { icon } from "./icons.js";
import { drawMessage, drawPending, continues, sameDay } from "./message.js";
import { messageActions } from "./message-actions.js";
import { morph } from "./morph.js";
import { loadOlder } from "./session.js";
import { findChannel, on, room, store } from "./store.js";
import { day } from "./time.js";
import { welcome } from "./welcome.js";

/** How near the end counts as reading the newest, in CSS pixels. */
const NEAR = 60;
/** How near the top older messages are asked for. */
const AHEAD = 600;

let log;
let inner;
let jump;
let pinned = true;
let missed = 0;

/** Wires the list to the page. */
export function setUpLog() {
  log = byId("log");
  inner = byId("log-inner");
  jump = byId("jump");
  log.addEventListener("scroll", onScroll, { passive: true });
  new ResizeObserver(() => {
    if (pinned) toEnd();
  }).observe(inner);
  new ResizeObserver(() => {
    if (pinned) toEnd();
  }).observe(log);
  jump.addEventListener("click", () => {
    pinned = true;
    toEnd(true);
    seen();
  });
  inner.addEventListener("keydown", onKey);
  inner.addEventListener("focusin", ({ target }) => rove(target.closest("[data-key]")));
  messageActions(inner);
  on("channel", () => {
    pinned = true;
    seen();
    inner.replaceChildren();
    draw();
    toEnd();
  });
  on("messages", (detail) => {
    const { scrollHeight, scrollTop } = log;
    draw();
    // The browser anchors by itself when something above changes, except at the very top.
    if (detail?.older && log.scrollTop < 2 && scrollTop < 2)
      log.scrollTop = log.scrollHeight - scrollHeight + scrollTop;
    if (detail?.created) arrived(detail.created);
  });
  on("message", redraw);
  on("pending", (wait) => {
    if (wait.messageId) redraw(wait.messageId);
    else draw();
    if (wait.name && wait.channelId === store.channelId && store.pending.size > 0) {
      pinned = true;
      toEnd();
    }
  });
  on("places", () => {
    if (store.channelId) draw();
  });
}

function draw() {
  const channel = findChannel(store.channelId);
  if (!channel) return;
  const here = room(channel.id);
  const rows = [];
  if (!here.loaded) rows.push(skeleton());
  else if (here.complete || here.messages.length === 0) rows.push(welcome(channel, here.messages.length === 0));
  else
    rows.push(
      h(
        "div",
        { class: "older", "data-key": "older" },
        h("span", { class: "dots on", "aria-hidden": "true" }, h("i"), h("i"), h("i")),
      ),
    );
  let before;
  for (const message of here.messages) {
    const newDay = !before || !sameDay(before, message);
    if (newDay) rows.push(divider(message));
    rows.push(drawMessage(message, { grouped: !newDay && continues(message, before) }));
    before = message;
  }
  for (const [id, wait] of store.pending) {
    if (wait.name && !wait.messageId && wait.channelId === channel.id) rows.push(drawPending(id, wait));
  }
  const wanted = inner.cloneNode(false);
  wanted.append(...rows);
  morph(inner, wanted);
  if (pinned) toEnd();
  if (!inner.contains(document.activeElement)) rove([...inner.querySelectorAll(".message")].at(-1));
  onScroll();
}

function redraw(id) {
  const here = room(store.channelId);
  const at = here.messages.findIndex((message) => message.id === id);
  const shown = at < 0 ? null : inner.querySelector(`[data-message="${CSS.escape(id)}"]`);
  if (!shown) return;
  morph(shown, drawMessage(here.messages[at], { grouped: shown.classList.contains("grouped") }));
  if (pinned) toEnd();
}

function divider(message) {
  const when = new Date(message.timestamp);
  return h(
    "div",
    { class: "divider", role: "separator", "data-key": `day-${when.toDateString()}` },
    h("span", null, day(when)),
  );
}

function skeleton() {
  const bar = (width) => h("i", { style: { width } });
  const row = (a, b) => h("div", { class: "bone" }, h("b"), h("div", null, bar(a), bar(b)));
  return h(
    "div",
    { class: "skeleton", "data-key": "skeleton", "aria-label": "Loading messages" },
    row("22%", "70%"),
    row("16%", "48%"),
    row("26%", "62%"),
    row("18%", "36%"),
  );
}

const atEnd = () => log.scrollHeight - log.scrollTop - log.clientHeight < NEAR;

function toEnd(smooth = false) {
  log.scrollTo({ top: log.scrollHeight, behavior: smooth ? "smooth" : "instant" });
}

let lastHeight = 0;

function onScroll() {
  // A scroll event that a growing list caused says nothing about where the reader wants to be.
  if (log.scrollHeight === lastHeight || !pinned || atEnd()) pinned = atEnd();
  lastHeight = log.scrollHeight;
  if (pinned) seen();
  jump.hidden = pinned;
  if (!pinned) drawJump();
  if (log.scrollTop < AHEAD) void loadOlder();
}

function arrived(message) {
  if (message.author.id === store.me.id) pinned = true;
  if (pinned) toEnd();
  else missed += 1;
  jump.hidden = pinned;
  drawJump();
}

function seen() {
  missed = 0;
  if (jump) jump.hidden = true;
}

function drawJump() {
  jump.replaceChildren(
    missed > 0 ? `${missed} new message${missed > 1 ? "s" : ""}` : "Jump to the newest",
    icon("down"),
  );
}

/**
 * Makes one message, with its tools, the only one in the Tab order, so that Tab reaches the list once and the arrow keys
 * walk it. What messages offer themselves (buttons, links, pictures) can always be reached.
 */
function rove(item) {
  if (!item?.matches(".message") || item.dataset.roving !== undefined) return;
  for (const other of inner.querySelectorAll("[data-roving]")) {
    delete other.dataset.roving;
    setTabOrder(other, -1);
  }
  item.dataset.roving = "";
  setTabOrder(item, 0);
}

function setTabOrder(item, index) {
  for (const part of [item, ...item.querySelectorAll(".tool")]) part.tabIndex = index;
}

function onKey(event) {
  const current = event.target.closest(".message");
  if (!current || event.target !== current) {
    if (event.key === "Escape" && current) {
      current.focus();
      event.stopPropagation();
    }
    return;
  }
  const all = [...inner.querySelectorAll(".message")];
  const step = { ArrowUp: -1, ArrowDown: 1 }[event.key];
  if (step) {
    event.preventDefault();
    all[all.indexOf(current) + step]?.focus();
  } else if (event.key === "Home" || event.key === "End") {
    event.preventDefault();
    all.at(event.key === "Home" ? 0 : -1)?.focus();
  } else if (event.key === "Enter") {
    event.preventDefault();
    current.querySelector("button:not(:disabled), a")?.focus();
  }
}

/** Puts the focus on the newest message: where walking the list starts. */
export function focusNewest() {
  [...inner.querySelectorAll(".message")].at(-1)?.focus();
}
