// Avatars, drawn from a name and a colour: a person has initials, the bot an easel.

import { h, svg } from "./dom.js";

const FALLBACK = ["#5f6ee8", "#2f9d78", "#c4743a", "#b4548f", "#3f8fc4", "#8a6fd1"];

function shade(user) {
  if (user.avatar_color) return user.avatar_color;
  const sum = [...String(user.id)].reduce((total, digit) => total + digit.charCodeAt(0), 0);
  return FALLBACK[sum % FALLBACK.length];
}

/** "Mira Holt" → "MH", "sol" → "S". */
export function initials(name) {
  const words = String(name)
    .trim()
    .split(/[\s_.-]+/u)
    .filter(Boolean);
  const letters = words.length > 1 ? [words[0], words.at(-1)] : words.slice(0, 1);
  return letters.map((word) => [...word][0].toUpperCase()).join("") || "?";
}

/** A round avatar of one of the sizes `xs`, `sm`, `md`; pure decoration, for the name is always written beside it. */
export function avatar(user, size = "md") {
  const face = h("span", { class: `avatar avatar-${size}${user.bot ? " avatar-bot" : ""}`, "aria-hidden": "true" });
  if (!user.bot) {
    face.style.setProperty("--shade", shade(user));
    face.append(initials(user.name));
  } else {
    face.append(botFace());
  }
  return face;
}

/** The bot's mark. */
export function botFace() {
  const pen = { fill: "none", stroke: "currentColor", "stroke-linecap": "round", "stroke-linejoin": "round" };
  return svg(
    [
      ["path", { ...pen, d: "M9 8.5h14V19H9z", "stroke-width": 2.2 }],
      ["path", { ...pen, d: "M11.5 16.2l3-3.7 2.8 2.8 1.7-1.7 1.8 2.4", "stroke-width": 1.7 }],
      ["path", { ...pen, d: "M13 19.5l-3 6M19 19.5l3 6M16 19.5v4M16 5.5v2.5", "stroke-width": 2.2 }],
    ],
    { size: 32, className: "bot-face" },
  );
}
