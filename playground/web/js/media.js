// Pictures and files of a message: one picture large, several as a gallery, other files as cards.

import { h } from "./dom.js";
import { icon } from "./icons.js";

/** The largest box a single picture is shown in, in CSS pixels; never larger than the picture itself. */
const BOX = { width: 520, height: 440 };

/** True where the attachment is a picture that a browser shows. */
export function isPicture(attachment) {
  if (attachment.content_type) return /^image\/(png|jpe?g|webp|gif|avif)/.test(attachment.content_type);
  return /\.(png|jpe?g|webp|gif|avif)$/i.test(attachment.filename ?? "");
}

/**
 * The message with the playground's own file links as links of this page. The playground names itself by the address
 * it listens on, which a reader behind a forwarded port does not reach.
 */
export function withReachableFiles(message) {
  const image = (part) => part && { ...part, url: reachable(part.url) };
  return {
    ...message,
    attachments: message.attachments?.map(image),
    embeds: message.embeds?.map((embed) => ({
      ...embed,
      image: image(embed.image),
      thumbnail: image(embed.thumbnail),
    })),
  };
}

const LOOPBACK = /^(localhost|127(\.\d+){3}|\[::1\])$/;

function reachable(url) {
  if (!URL.canParse(url, location.href)) return url;
  const { hostname, pathname, search } = new URL(url, location.href);
  return LOOPBACK.test(hostname) && /^\/(ephemeral-)?attachments\//.test(pathname) ? pathname + search : url;
}

/** Pictures of the message in the order the lightbox steps through them: `{ url, alt, filename, width, height }`. */
export function pictures(message) {
  const attached = (message.attachments ?? []).filter(isPicture).map((file) => ({
    url: file.url,
    alt: file.description || file.filename,
    filename: file.filename,
    width: file.width,
    height: file.height,
  }));
  const embedded = (message.embeds ?? [])
    .flatMap((embed) => [embed.image, embed.thumbnail])
    .filter((image) => image?.url)
    .filter((image) => !attached.some((file) => file.url === image.url))
    .map((image) => ({
      url: image.url,
      alt: image.description || "Embedded picture",
      filename: fileName(image.url),
      width: image.width,
      height: image.height,
    }));
  return [...attached, ...embedded];
}

const fileName = (url) => url.split(/[?#]/)[0].split("/").at(-1) || "picture";

/** The attachments of a message, without those that an embed already shows. */
export function attachments(message) {
  const shown = new Set((message.embeds ?? []).flatMap((embed) => [embed.image?.url, embed.thumbnail?.url]));
  const files = (message.attachments ?? []).filter((file) => !shown.has(file.url));
  const images = files.filter(isPicture);
  const others = files.filter((file) => !isPicture(file));
  return [
    images.length === 1 ? single(images[0]) : null,
    images.length > 1 ? gallery(images) : null,
    ...others.map(fileCard),
  ];
}

function single(file) {
  const frame = picture({ url: file.url, alt: file.description || file.filename, spoiler: isSpoiler(file) }, "single");
  size(frame, file.width, file.height, BOX);
  return frame;
}

function gallery(files) {
  const cells = files.map((file) =>
    picture({ url: file.url, alt: file.description || file.filename, spoiler: isSpoiler(file) }, "cell"),
  );
  return h(
    "div",
    {
      class: "gallery",
      "data-count": String(Math.min(files.length, 5)),
      role: "group",
      "aria-label": `${files.length} pictures`,
    },
    cells,
  );
}

const isSpoiler = (file) => /^SPOILER_/.test(file.filename ?? "");

/** A picture in a button that opens the lightbox at it. */
export function picture({ url, alt, spoiler = false }, kind) {
  const img = h("img", { src: url, alt, loading: "lazy", decoding: "async", draggable: "false" });
  return h(
    "button",
    {
      class: `picture picture-${kind}${spoiler ? " picture-spoiler" : ""}`,
      type: "button",
      "data-action": "open-picture",
      "data-url": url,
      "aria-label": spoiler ? "Spoiler picture, press to show" : `Open picture: ${alt}`,
    },
    img,
  );
}

/** Reserves the space of a picture before it has loaded, so that the page does not jump. */
export function size(frame, width, height, box) {
  if (!width || !height) return;
  const scale = Math.min(1, box.width / width, box.height / height);
  frame.style.setProperty("--width", `${Math.max(1, Math.round(width * scale))}px`);
  frame.style.setProperty("--ratio", `${width} / ${height}`);
  frame.classList.add("sized");
}

function fileCard(file) {
  return h(
    "div",
    { class: "file-card" },
    icon("file"),
    h(
      "div",
      { class: "file-text" },
      h("a", { class: "md-link", href: file.url, target: "_blank", rel: "noreferrer noopener" }, file.filename),
      h("span", { class: "file-size" }, bytes(file.size)),
    ),
    h(
      "a",
      { class: "icon-button", href: file.url, download: file.filename, "aria-label": `Download ${file.filename}` },
      icon("download"),
    ),
  );
}

/** "12.4 KB". */
export function bytes(count) {
  if (!Number.isFinite(count)) return "";
  const units = ["bytes", "KB", "MB", "GB"];
  const step = count < 1000 ? 0 : Math.min(units.length - 1, Math.floor(Math.log10(count) / 3));
  return `${step === 0 ? count : (count / 1000 ** step).toFixed(1)} ${units[step]}`;
}
