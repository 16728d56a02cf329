// The part of Discord's markdown that bots use, from text to DOM nodes. Two passes: blocks (code, quotes, headings,
// lists) by line, then spans inside them. Nesting is bounded, so no text can make the page work for long.

import { h } from "./dom.js";
import { timestamp } from "./time.js";
import { DRAWN_EMOJI, emojiNode } from "./emoji.js";

const MAX_DEPTH = 8;

/**
 * Renders `text`. `names` answers what ids mean: `user(id)`, `channel(id)` → name or undefined. With `inline` the
 * text is one line without blocks (embed titles, reply previews).
 */
export function markdown(text, names, { inline = false } = {}) {
  const root = document.createDocumentFragment();
  if (inline) spans(root, String(text ?? "").replaceAll("\n", " "), names, 0);
  else blocks(root, String(text ?? ""), names, 0);
  return root;
}

function blocks(parent, text, names, depth) {
  const fence = /```(?:([\w+-]*)\n)?([\s\S]*?)```/g;
  let from = 0;
  for (const found of text.matchAll(fence)) {
    lines(parent, text.slice(from, found.index).replace(/\n$/, ""), names, depth);
    parent.append(
      h("pre", { class: "md-pre" }, h("code", { "data-language": found[1] || null }, found[2].replace(/\n$/, ""))),
    );
    from = found.index + found[0].length;
    if (text[from] === "\n") from += 1;
  }
  lines(parent, text.slice(from), names, depth);
}

function lines(parent, text, names, depth) {
  if (text === "") return;
  const rows = text.split("\n");
  let paragraph = [];
  const flush = () => {
    if (paragraph.length === 0) return;
    spans(parent, paragraph.join("\n"), names, depth);
    paragraph = [];
  };
  const block = (node) => {
    flush();
    parent.append(node);
  };
  for (let i = 0; i < rows.length; i += 1) {
    const row = rows[i];
    const heading = /^(#{1,3}) +(.+)$/.exec(row);
    if (row.startsWith(">>> ") && depth < MAX_DEPTH) {
      const quote = h("blockquote", { class: "md-quote" });
      blocks(quote, [row.slice(4), ...rows.slice(i + 1)].join("\n"), names, MAX_DEPTH);
      block(quote);
      return;
    }
    if (/^> /.test(row) && depth < MAX_DEPTH) {
      const inner = [];
      for (; i < rows.length && /^> ?/.test(rows[i]); i += 1) inner.push(rows[i].replace(/^> ?/, ""));
      i -= 1;
      const quote = h("blockquote", { class: "md-quote" });
      lines(quote, inner.join("\n"), names, MAX_DEPTH);
      block(quote);
    } else if (heading) {
      block(span(h(`h${heading[1].length + 2}`, { class: `md-h md-h${heading[1].length}` }), heading[2], names, depth));
    } else if (/^-# +\S/.test(row)) {
      block(span(h("div", { class: "md-small" }), row.slice(3).trim(), names, depth));
    } else if (/^ {0,4}[-*] +\S/.test(row)) {
      const list = h("ul", { class: "md-list" });
      for (; i < rows.length && /^ {0,4}[-*] +\S/.test(rows[i]); i += 1) {
        list.append(span(h("li"), rows[i].replace(/^ *[-*] +/, ""), names, depth));
      }
      i -= 1;
      block(list);
    } else {
      paragraph.push(row);
    }
  }
  flush();
}

function span(element, text, names, depth) {
  spans(element, text, names, depth);
  return element;
}

/** Span rules in order of precedence: `[pattern at the start of the rest, (match, names, depth) → Node]`. */
const RULES = [
  [/^\\([^0-9A-Za-z\s])/, ([, escaped]) => document.createTextNode(escaped)],
  [/^``([^]+?)``(?!`)/, ([, code]) => h("code", { class: "md-code" }, code.trim())],
  [/^`([^`]+)`/, ([, code]) => h("code", { class: "md-code" }, code)],
  [/^<t:(-?\d{1,13})(?::([tTdDfFR]))?>/, ([, seconds, style]) => timestamp(Number(seconds), style)],
  [/^<@!?(\d+)>/, ([, id], names) => h("span", { class: "mention" }, `@${names.user(id) ?? "unknown-user"}`)],
  [/^<@&(\d+)>/, () => h("span", { class: "mention" }, "@role")],
  [
    /^<#(\d+)>/,
    ([, id], names) =>
      h(
        "button",
        {
          class: "mention",
          type: "button",
          "data-action": "open-channel",
          "data-id": id,
        },
        `#${names.channel(id) ?? "unknown"}`,
      ),
  ],
  [
    /^<\/([^:>]{1,100}):\d+>/,
    ([, command]) =>
      h(
        "button",
        {
          class: "mention",
          type: "button",
          "data-action": "use-command",
          "data-command": command,
        },
        `/${command}`,
      ),
  ],
  [/^<a?:(\w{2,32}):\d+>/, ([, name]) => h("span", { class: "emoji-text" }, `:${name}:`)],
  [/^<(https?:\/\/[^\s<>]+)>/, ([, url]) => link(url, url)],
  [
    /^\[([^\]\n]+)\]\(<?(https?:\/\/[^\s<>()]+)>?(?: "[^"]*")?\)/,
    ([, label, url], names, depth) => {
      const anchor = link(url, "");
      spans(anchor, label, names, depth + 1, true);
      return anchor;
    },
  ],
  [/^https?:\/\/[^\s<>"'`|]+[^\s<>"'`|.,:;!?)\]*_~]/, ([url]) => link(url, url)],
  [
    /^\|\|([^]+?)\|\|/,
    ([, inner], names, depth) =>
      span(
        h("span", {
          class: "spoiler",
          role: "button",
          tabindex: "0",
          "aria-label": "Spoiler, press to show",
          "data-action": "reveal",
        }),
        inner,
        names,
        depth + 1,
      ),
  ],
  [
    /^\*\*\*([^]+?)\*\*\*(?!\*)/,
    ([, inner], names, depth) => h("strong", null, span(h("em"), inner, names, depth + 1)),
  ],
  [/^\*\*([^]+?)\*\*(?!\*)/, ([, inner], names, depth) => span(h("strong"), inner, names, depth + 1)],
  [/^__([^]+?)__(?!_)/, ([, inner], names, depth) => span(h("u"), inner, names, depth + 1)],
  [/^~~([^]+?)~~/, ([, inner], names, depth) => span(h("s"), inner, names, depth + 1)],
  [/^\*(?![\s*])([^*]+?)\*(?!\*)/, ([, inner], names, depth) => span(h("em"), inner, names, depth + 1)],
  [/^_(?![\s_])([^_]+?)_(?![\w])/, ([, inner], names, depth) => span(h("em"), inner, names, depth + 1)],
  [DRAWN_EMOJI, ([emoji]) => emojiNode(emoji)],
];

/** Where a rule may begin; the text between two such places is copied as it is. */
const SPECIAL = /[\\`<[|*_~]|https?:\/\/|\p{Extended_Pictographic}|[0-9]\uFE0F?\u20E3/gu;

function spans(parent, text, names, depth, insideLink = false) {
  if (depth > MAX_DEPTH) {
    parent.append(text);
    return;
  }
  const special = new RegExp(SPECIAL);
  let plain = 0;
  for (let found = special.exec(text); found; found = special.exec(text)) {
    const made = firstRule(text, found.index, names, depth, insideLink);
    if (!made) continue;
    if (found.index > plain) parent.append(text.slice(plain, found.index));
    parent.append(made.node);
    plain = found.index + made.length;
    special.lastIndex = plain;
  }
  if (plain < text.length) parent.append(text.slice(plain));
}

function firstRule(text, at, names, depth, insideLink) {
  const rest = text.slice(at);
  // An underscore inside a word is a part of the word.
  if (rest[0] === "_" && /\w/.test(text[at - 1] ?? "")) return null;
  for (const [pattern, build] of RULES) {
    const match = pattern.exec(rest);
    if (!match || (insideLink && rest.startsWith("http"))) continue;
    return { node: build(match, names, depth), length: match[0].length };
  }
  return null;
}

/** A link to a message of this very playground. */
const MESSAGE = /^\/channels\/(?:\d+|@me)\/(\d+)\/(\d+)$/;

/** Channel and message that an address of this playground names, or null. */
export function messageAddress(url) {
  const there = URL.canParse(url) ? new URL(url) : null;
  const match = there?.origin === location.origin && MESSAGE.exec(there.pathname);
  return match ? { channel: match[1], id: match[2] } : null;
}

function link(url, label) {
  const message = messageAddress(url);
  if (message) {
    const data = { "data-action": "open-message", "data-channel": message.channel, "data-id": message.id };
    return h("a", { class: "md-link", href: url, title: url, ...data }, label === url ? "the message" : label);
  }
  return h("a", { class: "md-link", href: url, target: "_blank", rel: "noreferrer noopener", title: url }, label);
}

const MARKS = /\\([^0-9A-Za-z\s])|<@!?(\d+)>|<[@#]&?\d+>|<t:\d+(?::\w)?>|[*_~`|]{1,3}/g;

/** The text without its marks, for labels and announcements; people are called as in `names`. */
export function plainText(text, names) {
  return String(text ?? "")
    .replace(MARKS, (_, escaped, user) => escaped ?? (user ? `@${names.user(user) ?? "unknown-user"}` : ""))
    .replace(/\s+/g, " ")
    .trim();
}
