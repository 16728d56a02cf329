// Draws one message: who, when, what, and what can be done with it.

import { avatar } from "./avatar.js";
import { components } from "./components.js";
import { h } from "./dom.js";
import { embed } from "./embeds.js";
import { emojiName, emojiNode, QUICK_REACTIONS } from "./emoji.js";
import { icon } from "./icons.js";
import { markdown, plainText } from "./markdown.js";
import { attachments } from "./media.js";
import { author, names, store } from "./store.js";
import { clock, full, stamp } from "./time.js";

export const EPHEMERAL = 64;
const SUPPRESS_EMBEDS = 4;
export const LOADING = 128;
const GROUP_MS = 7 * 60_000;

/** True where `message` continues the one before it and needs no name of its own. */
export function continues(message, before) {
  if (!before || before.author.id !== message.author.id) return false;
  if (message.interaction_metadata?.name || message.referenced_message || (message.flags ^ before.flags) & EPHEMERAL)
    return false;
  return new Date(message.timestamp) - new Date(before.timestamp) < GROUP_MS && sameDay(message, before);
}

/** True where both messages were written on the same local day. */
export function sameDay(a, b) {
  return new Date(a.timestamp).toDateString() === new Date(b.timestamp).toDateString();
}

/** The element of one message; `grouped` leaves out avatar and name. */
export function drawMessage(message, { grouped }) {
  const who = author(message.author);
  const when = new Date(message.timestamp);
  const ephemeral = (message.flags & EPHEMERAL) !== 0;
  const mentioned =
    store.me && (message.mentions ?? []).some((user) => user.id === store.me.id) && message.author.id !== store.me.id;
  const classes = ["message", grouped && "grouped", ephemeral && "ephemeral", mentioned && "mentioned"]
    .filter(Boolean)
    .join(" ");
  return h(
    "article",
    {
      class: classes,
      "data-key": message.id,
      "data-message": message.id,
      tabindex: "-1",
      "aria-label": describe(message, who, when),
    },
    header(message),
    h(
      "div",
      { class: "message-side" },
      grouped
        ? h("time", { class: "side-time", datetime: when.toISOString(), title: full(when) }, clock(when))
        : avatar(who),
    ),
    h(
      "div",
      { class: "message-main" },
      grouped
        ? null
        : h(
            "div",
            { class: "message-head" },
            h(
              "span",
              { class: "author", style: who.avatar_color && !who.bot ? { "--name": who.avatar_color } : null },
              who.name,
            ),
            who.bot ? h("span", { class: "app-tag" }, "APP") : null,
            h("time", { class: "stamp", datetime: when.toISOString(), title: full(when) }, stamp(when)),
          ),
      body(message, who),
      reactions(message),
      failure(message),
      ephemeral ? ephemeralNote(message) : null,
    ),
    toolbar(message, ephemeral),
  );
}

function describe(message, who, when) {
  const text = plainText(message.content || message.embeds?.[0]?.title || "", names);
  return `${who.name}, ${clock(when)}: ${text.slice(0, 120)}`;
}

/** The line above a message: the command that made it, or the message it answers. */
function header(message) {
  const used = message.interaction_metadata;
  const name = used?.name ?? message.interaction?.name;
  if (name) {
    const user = author(used?.user ?? message.interaction?.user);
    return h(
      "div",
      { class: "message-ref" },
      h("span", { class: "ref-hook" }),
      avatar(user, "xs"),
      h("span", { class: "ref-name" }, user.name),
      " used ",
      h(
        "button",
        {
          class: "mention",
          type: "button",
          "data-action": "use-command",
          "data-command": name,
        },
        `/${name}`,
      ),
    );
  }
  const answered = message.referenced_message;
  if (!answered) return null;
  const user = author(answered.author);
  return h(
    "div",
    { class: "message-ref" },
    h("span", { class: "ref-hook" }),
    avatar(user, "xs"),
    h("span", { class: "ref-name" }, user.name),
    h(
      "button",
      { class: "ref-text", type: "button", "data-action": "go-to", "data-id": answered.id },
      plainText((answered.content ?? "").split("\n")[0], names).slice(0, 140) || "Click to see the attachment",
    ),
  );
}

function body(message, who) {
  if (message.flags & LOADING) {
    return h(
      "div",
      { class: "thinking", role: "status" },
      h("span", { class: "dots on", "aria-hidden": "true" }, h("i"), h("i"), h("i")),
      `${who.name} is thinking…`,
    );
  }
  const edited = message.edited_timestamp
    ? h(
        "time",
        {
          class: "edited",
          datetime: message.edited_timestamp,
          title: `Edited ${full(new Date(message.edited_timestamp))}`,
        },
        "(edited)",
      )
    : null;
  const content = message.content
    ? h("div", { class: "content md" }, markdown(message.content, names), edited ? [" ", edited] : null)
    : null;
  return [
    content,
    attachments(message),
    message.flags & SUPPRESS_EMBEDS ? null : (message.embeds ?? []).map(embed),
    content ? null : edited,
    components(message),
  ];
}

function reactions(message) {
  const list = message.reactions ?? [];
  if (list.length === 0) return null;
  return h(
    "div",
    { class: "reactions", role: "group", "aria-label": "Reactions" },
    list.map((reaction) =>
      h(
        "button",
        {
          class: `reaction${reaction.me ? " mine" : ""}`,
          type: "button",
          "data-action": "react",
          "data-emoji": reaction.emoji.name,
          "aria-pressed": String(Boolean(reaction.me)),
          "aria-label": `${emojiName(reaction.emoji.name)}, ${reaction.count}`,
        },
        emojiNode(reaction.emoji.name),
        h("span", { class: "reaction-count" }, reaction.count),
      ),
    ),
    h(
      "button",
      {
        class: "reaction reaction-add",
        type: "button",
        "data-action": "pick-reaction",
        "aria-label": "Add a reaction",
        "aria-haspopup": "menu",
      },
      icon("smile"),
    ),
  );
}

function failure(message) {
  const failed = [...store.pending.values()].some((wait) => wait.messageId === message.id && wait.failed);
  return failed ? h("div", { class: "failed", role: "alert" }, icon("alert"), "This interaction failed") : null;
}

function ephemeralNote() {
  return h(
    "div",
    { class: "ephemeral-note" },
    icon("eye"),
    h("span", null, "Only you can see this"),
    h("span", { "aria-hidden": "true" }, "•"),
    h("button", { class: "link-button", type: "button", "data-action": "dismiss" }, "Dismiss message"),
  );
}

/** The buttons that appear at the corner of a message under the pointer or the focus. */
function toolbar(message, ephemeral) {
  const quick =
    ephemeral || message.flags & LOADING
      ? []
      : QUICK_REACTIONS.map((emoji) =>
          h(
            "button",
            {
              class: "tool",
              type: "button",
              tabindex: "-1",
              "data-action": "react",
              "data-emoji": emoji,
              "aria-label": `React with ${emojiName(emoji)}`,
              title: `React with ${emojiName(emoji)}`,
            },
            emojiNode(emoji),
          ),
        );
  return h(
    "div",
    { class: "toolbar", role: "toolbar", "aria-label": "Message actions" },
    quick,
    quick.length > 0
      ? h(
          "button",
          {
            class: "tool",
            type: "button",
            tabindex: "-1",
            "data-action": "pick-reaction",
            "aria-label": "Add another reaction",
            title: "Add another reaction",
            "aria-haspopup": "menu",
          },
          icon("smile"),
        )
      : null,
    h(
      "button",
      {
        class: "tool",
        type: "button",
        tabindex: "-1",
        "data-action": "more",
        "aria-label": "More",
        title: "More",
        "aria-haspopup": "menu",
      },
      icon("more"),
    ),
  );
}

/** A stand-in row for a command that was sent and has no message yet, or that the bot did not answer. */
export function drawPending(id, wait) {
  return h(
    "article",
    { class: `message pending${wait.failed ? " not-answered" : ""}`, "data-key": `pending-${id}`, tabindex: "-1" },
    h(
      "div",
      { class: "message-ref" },
      h("span", { class: "ref-hook" }),
      avatar(store.me, "xs"),
      h("span", { class: "ref-name" }, store.me.name),
      " used ",
      h("span", { class: "mention" }, `/${wait.name}`),
    ),
    h("div", { class: "message-side" }, avatar(store.bot)),
    h(
      "div",
      { class: "message-main" },
      h(
        "div",
        { class: "message-head" },
        h("span", { class: "author" }, store.bot.name),
        h("span", { class: "app-tag" }, "APP"),
      ),
      wait.failed
        ? [
            h(
              "div",
              { class: "failed", role: "alert" },
              icon("alert"),
              store.bot.online ? "The application did not respond" : "The application did not respond: it is offline",
            ),
            h(
              "div",
              { class: "ephemeral-note" },
              icon("eye"),
              h("span", null, "Only you can see this"),
              h("span", { "aria-hidden": "true" }, "•"),
              h(
                "button",
                { class: "link-button", type: "button", "data-action": "forget", "data-id": id },
                "Dismiss message",
              ),
            ),
          ]
        : h(
            "div",
            { class: "thinking" },
            h("span", { class: "dots on", "aria-hidden": "true" }, h("i"), h("i"), h("i")),
            "Sending command…",
          ),
    ),
  );
}
