// Embeds: the framed cards a bot adds to a message.

import { h } from "./dom.js";
import { markdown } from "./markdown.js";
import { picture, size } from "./media.js";
import { names } from "./store.js";
import { stamp } from "./time.js";

const IMAGE_BOX = { width: 420, height: 420 };
const THUMBNAIL_BOX = { width: 84, height: 84 };

/** One embed as Discord lays it out: author, title, text, fields, picture, footer, with a thumbnail at the side. */
export function embed(data) {
  const card = h(
    "article",
    { class: "embed" },
    h(
      "div",
      { class: "embed-body" },
      data.author?.name ? h("div", { class: "embed-author" }, linked(data.author.name, data.author.url)) : null,
      data.title
        ? h(
            "div",
            { class: "embed-title" },
            data.url ? linked(data.title, data.url) : markdown(data.title, names, { inline: true }),
          )
        : null,
      data.description ? h("div", { class: "embed-description md" }, markdown(data.description, names)) : null,
      fields(data.fields ?? []),
    ),
    thumbnail(data.thumbnail),
    image(data.image),
    footer(data),
  );
  if (Number.isInteger(data.color)) card.style.setProperty("--bar", `#${data.color.toString(16).padStart(6, "0")}`);
  return card;
}

function linked(text, url) {
  if (!/^https?:\/\//.test(url ?? "")) return h("span", null, text);
  return h("a", { class: "md-link", href: url, target: "_blank", rel: "noreferrer noopener" }, text);
}

/** Inline fields stand up to three in a row; a field that is not inline has its own row. */
function fields(list) {
  if (list.length === 0) return null;
  const rows = [];
  for (const field of list) {
    const last = rows.at(-1);
    if (field.inline && last?.[0].inline && last.length < 3) last.push(field);
    else rows.push([field]);
  }
  return h(
    "dl",
    { class: "embed-fields" },
    rows.flatMap((row) =>
      row.map((field) =>
        h(
          "div",
          { class: `embed-field of-${row.length}` },
          h("dt", null, markdown(field.name, names, { inline: true })),
          h("dd", { class: "md" }, markdown(field.value, names)),
        ),
      ),
    ),
  );
}

function image(data) {
  if (!data?.url) return null;
  const frame = picture({ url: data.url, alt: data.description || "Embedded picture" }, "embed");
  size(frame, data.width, data.height, IMAGE_BOX);
  return frame;
}

function thumbnail(data) {
  if (!data?.url) return null;
  const frame = picture({ url: data.url, alt: data.description || "Thumbnail" }, "thumbnail");
  size(frame, data.width, data.height, THUMBNAIL_BOX);
  return frame;
}

function footer({ footer: note, timestamp }) {
  if (!note?.text && !timestamp) return null;
  return h(
    "div",
    { class: "embed-footer" },
    [note?.text, timestamp ? stamp(new Date(timestamp)) : null].filter(Boolean).join(" • "),
  );
}
