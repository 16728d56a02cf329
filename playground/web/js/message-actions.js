// Everything that can be clicked inside the message list, in one place: each control names its action in
// `data-action`, and one listener looks it up. Controls can so be redrawn freely.

import { findComponent, openSelect } from "./components.js";
import { fillComposer } from "./composer.js";
import { confirm } from "./dialog.js";
import { h, toast } from "./dom.js";
import { emojiName, emojiNode, MORE_REACTIONS, QUICK_REACTIONS } from "./emoji.js";
import { icon } from "./icons.js";
import { openLightbox } from "./lightbox.js";
import { pictures } from "./media.js";
import { closeMenu, openMenu } from "./menu.js";
import { EPHEMERAL, LOADING } from "./message.js";
import { clickComponent, dismiss, forgetFailure, loadOlder, openChannel, remove, toggleReaction, useCommand } from "./session.js";
import { commandsHere, findChannel, findMessage, room, store } from "./store.js";

const ACTIONS = {
  "click-component": (target, message) => clickComponent(message.id, target.dataset.customId),
  "open-select": (target, message) =>
    openSelect(target, findComponent(message, target.dataset.customId), (values) =>
      clickComponent(message.id, target.dataset.customId, values),
    ),
  "open-picture": openPicture,
  reveal: (target) => {
    target.dataset.revealed = "";
  },
  react: (target, message) => toggleReaction(message.id, target.dataset.emoji),
  "pick-reaction": (target, message) => pickReaction(target, message),
  more: (target, message) => contextMenu(target, message),
  dismiss: (_, message) => dismiss(message.id),
  forget: (target) => forgetFailure(target.dataset.id),
  "open-channel": (target) => {
    if (findChannel(target.dataset.id)) void openChannel(target.dataset.id);
  },
  "use-command": (target) => fillComposer(`/${target.dataset.command} `),
  "use-text": (target) => fillComposer(target.dataset.text),
  "go-to": (target) => goTo(target.dataset.id),
  "open-message": (target) => openMessage(target.dataset.channel, target.dataset.id),
};

/** Listens on the message list. */
export function messageActions(list) {
  list.addEventListener("click", (event) => act(event));
  list.addEventListener("keydown", (event) => {
    if (event.target.matches(".spoiler") && (event.key === "Enter" || event.key === " ")) act(event);
    const shiftF10 = event.key === "F10" && event.shiftKey;
    if (event.key !== "ContextMenu" && !shiftF10) return;
    event.preventDefault();
    const row = event.target.closest("[data-message]");
    if (row) contextMenu(row.querySelector(".tool[data-action=more]"), findMessage(row.dataset.message));
  });
  list.addEventListener("contextmenu", (event) => {
    const row = event.target.closest("[data-message]");
    // A link or selected text keeps the browser's own menu, where it can be opened or copied.
    if (!row || event.target.closest("a") || String(getSelection())) return;
    event.preventDefault();
    contextMenu({ x: event.clientX, y: event.clientY }, findMessage(row.dataset.message));
  });
}

function act(event) {
  const target = event.target.closest("[data-action]");
  if (!target || target.disabled || target.getAttribute("aria-busy")) return;
  const row = target.closest("[data-message]");
  const message = row ? findMessage(row.dataset.message) : undefined;
  if (row && !message) return;
  event.preventDefault();
  void ACTIONS[target.dataset.action]?.(target, message);
}

function openPicture(target, message) {
  if (target.classList.contains("picture-spoiler") && target.dataset.revealed === undefined) {
    target.dataset.revealed = "";
    return;
  }
  openLightbox(pictures(message), target.dataset.url, message);
}

function pickReaction(anchor, message) {
  const choice = (emoji) =>
    h(
      "button",
      {
        class: "emoji-choice",
        type: "button",
        role: "menuitem",
        "aria-label": emojiName(emoji),
        title: emojiName(emoji),
        on: {
          click: () => {
            closeMenu();
            void toggleReaction(message.id, emoji);
          },
        },
      },
      emojiNode(emoji),
    );
  openMenu(anchor, [{ heading: "React" }, { row: [...QUICK_REACTIONS, ...MORE_REACTIONS].map(choice) }], {
    label: "Add a reaction",
    className: "reaction-picker align-right",
  });
}

function contextMenu(anchor, message) {
  if (!message) return;
  const ephemeral = (message.flags & EPHEMERAL) !== 0;
  const own = message.author.id === store.me.id;
  const items = [];
  if (!ephemeral && !(message.flags & LOADING)) {
    const quick = (emoji) =>
      h(
        "button",
        {
          class: "emoji-choice",
          type: "button",
          role: "menuitem",
          "aria-label": `React with ${emojiName(emoji)}`,
          on: {
            click: () => {
              closeMenu();
              void toggleReaction(message.id, emoji);
            },
          },
        },
        emojiNode(emoji),
      );
    items.push({ row: QUICK_REACTIONS.map(quick) }, "-");
  }
  const apps = commandsHere().filter((command) => command.type === 3);
  if (apps.length > 0 && !ephemeral) {
    items.push({ heading: "Apps" });
    for (const command of apps) {
      items.push({
        label: command.name,
        icon: icon("spark"),
        onPick: () => useCommand(command.name, {}, new Map(), message.id),
      });
    }
    items.push("-");
  }
  if (message.content)
    items.push({ label: "Copy text", icon: icon("copy"), onPick: () => copy(message.content, "Text copied") });
  items.push({ label: "Copy message ID", icon: icon("copy"), onPick: () => copy(message.id, "Message ID copied") });
  const moderator = findChannel(message.channel_id)?.guild?.moderator ?? false;
  if (ephemeral) {
    items.push("-", { label: "Dismiss message", icon: icon("close"), onPick: () => dismiss(message.id) });
  } else if (own || moderator) {
    const label = own ? "Delete message" : "Delete message (as moderator)";
    items.push("-", { label, icon: icon("trash"), danger: true, onPick: () => askToDelete(message) });
  }
  openMenu(anchor, items, { label: "Message", className: anchor instanceof Element ? "align-right" : "" });
}

async function askToDelete(message) {
  const sure = await confirm({
    title: "Delete message",
    text: "This takes the message away for everyone. It cannot be undone.",
    action: "Delete",
  });
  if (sure) await remove(message.id);
}

async function copy(text, done) {
  try {
    await navigator.clipboard.writeText(text);
    toast(done);
  } catch {
    toast("The browser does not allow copying here.", "error");
  }
}

/** Pages of older messages that are loaded in search of a linked one. */
const SEARCHED_PAGES = 20;

/** Opens a channel at one of its messages: what a link to a message means. */
export async function openMessage(channel, id) {
  if (!findChannel(channel)) {
    toast("That channel is not here.", "error");
    return;
  }
  await openChannel(channel);
  for (let page = 0; page < SEARCHED_PAGES && !findMessage(id) && !room(channel).complete; page += 1) await loadOlder();
  goTo(id);
}

function goTo(id) {
  const row = document.querySelector(`[data-message="${CSS.escape(id)}"]`);
  if (!row) {
    toast("That message is not here any more.");
    return;
  }
  row.scrollIntoView({ block: "center", behavior: "smooth" });
  row.focus({ preventScroll: true });
}
