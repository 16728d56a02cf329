// Emoji. The ones a picture bot puts on its buttons are drawn here, so that they look the same on every machine, also
// on one without an emoji font; any other emoji is left to the reader's fonts.

import { svg } from "./dom.js";

const fill = (d, color, extra = {}) => ["path", { d, fill: color, ...extra }];
const stroke = (d, color, width = 2.4) => [
  "path",
  {
    d,
    fill: "none",
    stroke: color,
    "stroke-width": width,
    "stroke-linecap": "round",
    "stroke-linejoin": "round",
  },
];
const tile = (color) => ["rect", { x: 1.5, y: 1.5, width: 21, height: 21, rx: 5.5, fill: color }];
const disc = (color) => ["circle", { cx: 12, cy: 12, r: 10.3, fill: color }];
const arrow = (d) => [tile("#4a8fe8"), stroke(d, "#fff", 2.6)];

const DRAWN = {
  "✉": [
    ["rect", { x: 1.5, y: 4.5, width: 21, height: 15.5, rx: 2.6, fill: "#e9edf5" }],
    stroke("M2.6 6.2 12 13.4l9.4-7.2", "#8d99b3", 1.8),
  ],
  "📦": [
    fill("M2.5 7.5 12 3l9.5 4.5v9.6L12 21.6l-9.5-4.5z", "#c98d4f"),
    stroke("M2.9 7.7 12 12l9.1-4.3M12 12v9.2", "#8f5f2c", 1.6),
  ],
  "❌": [stroke("M5 5l14 14M19 5 5 19", "#ef4b5b", 4.2)],
  "⭐": [fill("M12 1.8l3.1 6.6 7.2.9-5.3 5 1.4 7.1L12 17.9l-6.4 3.5 1.4-7.1-5.3-5 7.2-.9z", "#ffc53d")],
  "🌟": [fill("M12 1.8l3.1 6.6 7.2.9-5.3 5 1.4 7.1L12 17.9l-6.4 3.5 1.4-7.1-5.3-5 7.2-.9z", "#ffd866")],
  "🔄": [
    tile("#4a8fe8"),
    stroke("M6.5 11a5.7 5.7 0 0 1 10-2.8M17.5 13a5.7 5.7 0 0 1-10 2.8", "#fff", 2.2),
    stroke("M17.3 5v3.6h-3.6M6.7 19v-3.6h3.6", "#fff", 2.2),
  ],
  "🔁": [
    tile("#4a8fe8"),
    stroke("M5.5 12V9.5h11M18.5 12v2.5h-11M14.5 7l2.5 2.5-2.5 2.5M9.5 12 7 14.5 9.5 17", "#fff", 2),
  ],
  "⬅": arrow("M18 12H6.5M11 7l-5 5 5 5"),
  "➡": arrow("M6 12h11.5M13 7l5 5-5 5"),
  "⬆": arrow("M12 18V6.5M7 11l5-5 5 5"),
  "⬇": arrow("M12 6v11.5M7 13l5 5 5-5"),
  "↔": arrow("M5.5 12h13M8.5 8.5 5 12l3.5 3.5M15.5 8.5 19 12l-3.5 3.5"),
  "🔍": [
    ["circle", { cx: 10, cy: 10, r: 6.6, fill: "#bfe3ff", stroke: "#7f8aa3", "stroke-width": 2.4 }],
    stroke("M15 15l6 6", "#c9803e", 3.6),
  ],
  "🔎": [
    ["circle", { cx: 14, cy: 10, r: 6.6, fill: "#bfe3ff", stroke: "#7f8aa3", "stroke-width": 2.4 }],
    stroke("M9 15l-6 6", "#c9803e", 3.6),
  ],
  "⚠": [fill("M12 2.2 23 21.5H1z", "#ffc53d"), stroke("M12 9v5.5M12 18v.1", "#5b4200", 2.4)],
  "✅": [tile("#3fb46b"), stroke("M6.5 12.5l3.8 3.8L17.5 8.5", "#fff", 2.8)],
  "🚫": [
    ["circle", { cx: 12, cy: 12, r: 9, fill: "none", stroke: "#ef4b5b", "stroke-width": 3 }],
    stroke("M5.8 5.8l12.4 12.4", "#ef4b5b", 3),
  ],
  "⏳": [
    fill("M6 2h12v4l-4.5 6 4.5 6v4H6v-4l4.5-6L6 6z", "#d9a45c"),
    fill("M8.2 6.5h7.6L12 11.5zM8 20l4-4.5 4 4.5z", "#fff3da"),
  ],
  "⌛": [fill("M6 2h12v4l-4.5 6 4.5 6v4H6v-4l4.5-6L6 6z", "#d9a45c"), fill("M8 20l4-4.5 4 4.5z", "#fff3da")],
  "🎨": [
    fill(
      "M12 2C6 2 1.5 6.3 1.5 12S6 22 11.2 22c1.9 0 2.3-1.4 1.6-2.7-.9-1.7.2-3.1 1.9-3.1h3.5c2.6 0 4.3-2 4.3-4.7C22.5 5.8 17.7 2 12 2z",
      "#d8a06a",
    ),
    ["circle", { cx: 7, cy: 10, r: 1.8, fill: "#ef4b5b" }],
    ["circle", { cx: 11.5, cy: 6.5, r: 1.8, fill: "#ffc53d" }],
    ["circle", { cx: 16.8, cy: 8.5, r: 1.8, fill: "#4a8fe8" }],
    ["circle", { cx: 6.8, cy: 15, r: 1.8, fill: "#3fb46b" }],
  ],
  "❤": [
    fill(
      "M12 21.2C5 16 1.8 12.5 1.8 8.4a5.4 5.4 0 0 1 10.2-2.5 5.4 5.4 0 0 1 10.2 2.5c0 4.1-3.2 7.6-10.2 12.8z",
      "#ef4b5b",
    ),
  ],
  "🎲": [
    tile("#e9edf5"),
    ["circle", { cx: 7.5, cy: 7.5, r: 1.9, fill: "#3b4256" }],
    ["circle", { cx: 12, cy: 12, r: 1.9, fill: "#3b4256" }],
    ["circle", { cx: 16.5, cy: 16.5, r: 1.9, fill: "#3b4256" }],
  ],
  "⚡": [fill("M13.5 1 4 13.5h6.5L9 23l10.5-13.5H13z", "#ffc53d")],
  "🐢": [
    fill("M3 15a8 7 0 0 1 15 0z", "#3fb46b"),
    ["circle", { cx: 20, cy: 13, r: 2.4, fill: "#7fd39b" }],
    fill("M5 15h3v3.5H5zM13 15h3v3.5h-3z", "#7fd39b"),
  ],
  "📐": [
    fill("M2.5 21.5V3.2L20.8 21.5z", "#4a8fe8"),
    fill("M6 18V11.6L12.4 18z", "#e9edf5"),
    stroke("M2.5 8.2h2M2.5 12.4h2M2.5 16.6h2", "#e9edf5", 1.4),
  ],
  "🗑": [stroke("M4 6.5h16M9.5 6V3.5h5V6M6.5 7l1 14h9l1-14", "#aab2c5", 2)],
  "🖼": [
    ["rect", { x: 2, y: 4, width: 20, height: 16, rx: 2, fill: "#c9803e" }],
    ["rect", { x: 4.5, y: 6.5, width: 15, height: 11, fill: "#bfe3ff" }],
    fill("M4.5 17.5l5-6 4 4 2.5-2.5 3.5 4.5z", "#3fb46b"),
  ],
  "🔗": [
    stroke(
      "M10 14l4-4M8.5 11 6 13.5a3.2 3.2 0 0 0 4.5 4.5L13 15.5M11 8.5 13.5 6a3.2 3.2 0 0 1 4.5 4.5L15.5 13",
      "#aab2c5",
      2.2,
    ),
  ],
  "🛑": [disc("#ef4b5b"), ["rect", { x: 8, y: 8, width: 8, height: 8, rx: 1, fill: "#fff" }]],
  "⚙": [
    ["circle", { cx: 12, cy: 12, r: 6, fill: "none", stroke: "#aab2c5", "stroke-width": 4 }],
    stroke("M12 1.8v3M12 19.2v3M1.8 12h3M19.2 12h3M4.8 4.8l2.1 2.1M17.1 17.1l2.1 2.1M4.8 19.2l2.1-2.1M17.1 6.9l2.1-2.1", "#aab2c5", 3),
  ],
  "✏": [
    fill("M15.5 3.5l5 5L8.5 20.5l-6 1 1-6z", "#ffc53d"),
    fill("M3.5 15.5l5 5-6 1z", "#f2d3a7"),
    fill("M15.5 3.5l2-2 5 5-2 2z", "#ef7f8b"),
  ],
  "🖌": [
    stroke("M21 3 11.5 13", "#c9803e", 3.4),
    fill("M11 11.2a4 4 0 0 1 2.6 3.6c0 4-4.6 6.4-11.1 5.7C5 18.8 4 16.5 6 13.500c1.2-1.8 3.2-2.7 5-2.300z", "#4a8fe8"),
  ],
  "🪄": [
    stroke("M4 20 15.5 8.5", "#565e76", 3.6),
    stroke("M13.5 10.500l2-2", "#e9edf5", 3.6),
    fill("M18 2l1 2.600L21.6 5.6 19 6.6 18 9.200l-1-2.6-2.6-1L17 4.600zM20 12l.8 1.9 1.9.8-1.9.8L20 17.400l-.8-1.9-1.9-.8 1.9-.8z", "#ffc53d"),
  ],
  "🚶": [
    ["circle", { cx: 12.5, cy: 3.8, r: 2.5, fill: "#ffc53d" }],
    stroke("M12.5 8v6.500l3.5 7M12.5 14.5 8 21.500M12.5 9 8.5 13M12.5 9l4.5 3.5", "#4a8fe8", 2.6),
  ],
  "🚀": [
    fill("M12 1.500c4 3.5 5 8 4 14H8c-1-6 0-10.5 4-14z", "#e9edf5"),
    fill("M8 10 4 15v4l4-2.500zM16 10l4 5v4l-4-2.500z", "#ef4b5b"),
    ["circle", { cx: 12, cy: 9, r: 2.2, fill: "#4a8fe8" }],
    fill("M9.5 16.500h5L12 22.500z", "#ffc53d"),
  ],
  "👤": [
    ["circle", { cx: 12, cy: 7.5, r: 5, fill: "#8d99b3" }],
    fill("M2.5 22c0-5.5 4-8 9.5-8s9.5 2.5 9.5 8z", "#8d99b3"),
  ],
  "📜": [
    ["rect", { x: 4.5, y: 2, width: 15, height: 20, rx: 2, fill: "#f2e3c0" }],
    stroke("M8 7h8M8 11h8M8 15h5", "#a98a4e", 1.7),
  ],
  "🔢": [
    tile("#4a8fe8"),
    stroke("M6.5 7.5 8 6.500v5M13.5 7.200c1.6-1.5 3.6 0 2.4 1.600l-2.6 2.700h3.500M6.3 14.500h2.900l-1.5 1.700c2 0 1.8 3-.1 3-.7 0-1.1-.2-1.5-.6M16 19.200v-4.700l-2.6 3.300h3.6", "#fff", 1.4),
  ],
  "🗄": [
    ["rect", { x: 3.5, y: 2, width: 17, height: 20, rx: 2, fill: "#8d99b3" }],
    stroke("M4 8.600h16M4 15.200h16", "#565e76", 1.4),
    stroke("M10 5.300h4M10 11.900h4M10 18.500h4", "#e9edf5", 1.8),
  ],
  "🪙": [disc("#e5a823"), ["circle", { cx: 12, cy: 12, r: 7.3, fill: "#ffd866" }], stroke("M12 8v8", "#b37d10", 2.4)],
  "🧮": [
    ["rect", { x: 2.5, y: 3, width: 19, height: 18, rx: 2, fill: "#c9803e" }],
    ["rect", { x: 5, y: 5.5, width: 14, height: 13, fill: "#f2e3c0" }],
    stroke("M8 8.500h.1M11.5 8.500h.1M15.5 12h.1M12 12h.1M8 15.500h.1M16 15.500h.1", "#ef4b5b", 3),
  ],
  "◼": [["rect", { x: 4, y: 4, width: 16, height: 16, rx: 2, fill: "#aab2c5" }]],
  "⏫": [tile("#4a8fe8"), stroke("M6.5 12 12 6.500l5.5 5.500M6.5 18l5.5-5.5 5.5 5.5", "#fff", 2.6)],
  "⛔": [disc("#ef4b5b"), stroke("M7 12h10", "#fff", 3.6)],
  "🌊": [
    fill("M1.5 21V11C4 4.5 13 1 18 6.500c-3-1-6 .5-5.5 4 .3 2.8 3.5 5 10 4.500v6z", "#4a8fe8"),
    stroke("M4 17.500c3-2 5 1.5 8.5 0s6 1 8 0", "#bfe3ff", 1.8),
  ],
  "🍂": [
    fill("M3 20C2 11 8 3 21 3c.5 11-5.5 18-15 16z", "#d0752f"),
    stroke("M3 21.500C7 14.5 11 10.5 16 8", "#8f4d1c", 1.7),
  ],
  "🎉": [
    fill("M2 22 8 7.500l8.5 8.500z", "#ffc53d"),
    stroke("M13 7.500c2-1.5 1-4 3-5M16.5 11c2-2 4 0 5.5-2M17 15.500c2-.6 3 .9 4.5.4", "#ef4b5b", 1.9),
    stroke("M10 2.500v.1M20 5v.1M21.5 12.500v.1", "#4a8fe8", 2.6),
  ],
  "📧": [
    ["rect", { x: 1.5, y: 4.5, width: 21, height: 15.5, rx: 2.6, fill: "#e9edf5" }],
    stroke("M2.6 6.2 12 13.400l9.4-7.2", "#4a8fe8", 1.8),
  ],
  "📪": [
    fill("M2 18V11a5 5 0 0 1 10 0v7z", "#4a8fe8"),
    fill("M7 6h10a5 5 0 0 1 5 5v7H12v-7a5 5 0 0 0-5-5z", "#7fb2f2"),
    stroke("M12 18v4.5", "#8f5f2c", 3),
  ],
  "🔬": [
    stroke("M10 3.500l4 9", "#8d99b3", 4.4),
    stroke("M15 8c4 2 4.5 8.5 0 11.5", "#565e76", 2.4),
    stroke("M5 20.500h14M7.5 16h7", "#565e76", 2.6),
  ],
  "🗜": [
    stroke("M5 21.500h14M12 2v6", "#8d99b3", 3),
    ["rect", { x: 5, y: 8, width: 14, height: 4.5, rx: 1, fill: "#8d99b3" }],
    ["rect", { x: 7, y: 15, width: 10, height: 4.5, rx: 1, fill: "#ffc53d" }],
  ],
  "🧬": [
    stroke("M7 2c0 6.5 10 6 10 10S7 15.5 7 22", "#4a8fe8", 2.2),
    stroke("M17 2c0 6.5-10 6-10 10s10 3.5 10 10", "#ef4b5b", 2.2),
    stroke("M8.5 5h7M8.5 19h7M8.5 12h7", "#aab2c5", 1.5),
  ],
  "👍": [
    fill(
      "M2 11h4v10H2zM7.5 11 12 2.5c2 0 2.8 1.5 2.3 3.5L13.5 9H20c1.5 0 2.3 1.2 2 2.5l-1.8 7.5c-.3 1.2-1.2 2-2.5 2H10l-2.5-1z",
      "#ffc53d",
    ),
  ],
};

/** A digit on a key: the keycap emoji are a digit, a selector and a frame. */
const keycap = (digit) => [
  tile("#4a8fe8"),
  [
    "text",
    { x: 12, y: 17.2, "text-anchor": "middle", "font-size": 14, "font-weight": 700, fill: "#fff" },
    digit,
  ],
];
for (const digit of "0123456789") DRAWN[`${digit}\u20E3`] = keycap(digit);

/** The names a screen reader says for emoji that are drawn here. */
const NAMES = {
  "✉": "envelope",
  "❌": "cross mark",
  "⭐": "star",
  "🔄": "redo",
  "🔍": "zoom in",
  "⬅": "left",
  "➡": "right",
  "⬆": "up",
  "⬇": "down",
  "✅": "done",
  "⚠": "warning",
  "❤": "heart",
  "🎲": "dice",
  "🗑": "delete",
  "✏": "edit",
  "⚙": "settings",
  "🖌": "brush",
};

const plain = (emoji) => emoji.replaceAll("\uFE0F", "");

const ANY = `(?:${Object.keys(DRAWN).join("|").replaceAll("\u20E3", "\uFE0F?\u20E3")})\uFE0F?`;

/** Matches, in text, exactly the emoji drawn here (with or without the variation selector). */
export const DRAWN_EMOJI = new RegExp(`^${ANY}`, "u");

/** Text without marks, with the emoji drawn here as pictures. */
export const withEmoji = (text) =>
  text.split(new RegExp(`(${ANY})`, "u")).map((piece, index) => (index % 2 ? emojiNode(piece) : piece));

/** The emoji as an inline picture where there is one, else as text. */
export function emojiNode(emoji) {
  const shapes = DRAWN[plain(emoji)];
  if (shapes) return svg(shapes, { className: "emoji", label: NAMES[plain(emoji)] ?? emoji });
  const span = document.createElement("span");
  span.className = "emoji-text";
  span.textContent = emoji;
  return span;
}

/** A name for tooltips: "envelope" for ✉️, the emoji itself where none is known. */
export const emojiName = (emoji) => NAMES[plain(emoji)] ?? emoji;

/** True where two spellings mean the same emoji (✉ and ✉️). */
export const sameEmoji = (a, b) => plain(a) === plain(b);

/** The reactions offered by the picker: the three that a picture bot listens to first. */
export const QUICK_REACTIONS = ["✉️", "❌", "⭐"];

/** What else the picker offers. */
export const MORE_REACTIONS = ["❤️", "👍", "🔄", "🎨", "✅", "⚡", "🎲"];
