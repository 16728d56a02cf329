// The page's own interface icons, drawn as strokes on a 24-unit square.

import { svg } from "./dom.js";

const line = (d, extra = {}) => [
  "path",
  {
    d,
    fill: "none",
    stroke: "currentColor",
    "stroke-width": "2",
    "stroke-linecap": "round",
    "stroke-linejoin": "round",
    ...extra,
  },
];

const SHAPES = {
  hash: [line("M5 9h15M4 15h15M10 4 8 20M16 4l-2 16")],
  thread: [line("M6 4v9a4 4 0 0 0 4 4h9M15 13l4 4-4 4")],
  at: [
    ["circle", { cx: 12, cy: 12, r: 4, fill: "none", stroke: "currentColor", "stroke-width": 2 }],
    line("M16 8v5a3 3 0 0 0 5-1 9 9 0 1 0-4 7.6"),
  ],
  chat: [line("M4 6a2 2 0 0 1 2-2h12a2 2 0 0 1 2 2v8a2 2 0 0 1-2 2h-6l-5 4v-4H6a2 2 0 0 1-2-2z")],
  menu: [line("M4 7h16M4 12h16M4 17h16")],
  close: [line("M6 6l12 12M18 6 6 18")],
  left: [line("M15 5l-7 7 7 7")],
  right: [line("M9 5l7 7-7 7")],
  down: [line("M6 9l6 6 6-6")],
  updown: [line("M8 10l4-4 4 4M8 14l4 4 4-4")],
  check: [line("M5 12.5l4.5 4.5L19 7.5")],
  plus: [line("M12 5v14M5 12h14")],
  slash: [
    ["rect", { x: 3.5, y: 3.5, width: 17, height: 17, rx: 4, fill: "none", stroke: "currentColor", "stroke-width": 2 }],
    line("M14 8l-4 8"),
  ],
  send: [["path", { d: "M3.5 4.2 21 12 3.5 19.8 6 13l8-1-8-1z", fill: "currentColor" }]],
  smile: [
    ["circle", { cx: 12, cy: 12, r: 8.5, fill: "none", stroke: "currentColor", "stroke-width": 2 }],
    line("M8.5 14.5c1.8 2.2 5.2 2.2 7 0M9 9.5v.2M15 9.5v.2", { "stroke-width": "2.2" }),
  ],
  more: [
    ["circle", { cx: 5.5, cy: 12, r: 1.9, fill: "currentColor" }],
    ["circle", { cx: 12, cy: 12, r: 1.9, fill: "currentColor" }],
    ["circle", { cx: 18.5, cy: 12, r: 1.9, fill: "currentColor" }],
  ],
  eye: [
    line("M2.5 12S6 5.5 12 5.5 21.5 12 21.5 12 18 18.5 12 18.5 2.5 12 2.5 12z"),
    ["circle", { cx: 12, cy: 12, r: 2.8, fill: "none", stroke: "currentColor", "stroke-width": 2 }],
  ],
  trash: [line("M5 7h14M10 7V4.5h4V7M7 7l1 13h8l1-13M10.5 11v5M13.5 11v5")],
  copy: [line("M9 9h11v11H9zM15 9V4H4v11h5")],
  file: [line("M6 3.5h8l4.5 4.5V20.5H6zM14 3.5V8h4.5")],
  upload: [line("M12 16V5M7.5 9.5 12 5l4.5 4.5M5 19h14")],
  external: [line("M10 5H5v14h14v-5M14 4.5h5.5V10M19 5l-8 8")],
  download: [line("M12 4v11M7.5 10.5 12 15l4.5-4.5M5 19.5h14")],
  alert: [line("M12 4 2.8 19.5h18.4zM12 10v4.5M12 17.2v.1")],
  spark: [line("M12 3.5l1.9 5.6 5.6 1.9-5.6 1.9L12 18.5l-1.9-5.6L4.5 11l5.6-1.9zM19 16.5v4M17 18.5h4")],
  reply: [line("M9 7 4 12l5 5M4.5 12H14a6 6 0 0 1 6 6")],
  users: [
    ["circle", { cx: 9, cy: 8, r: 3.5, fill: "none", stroke: "currentColor", "stroke-width": 2 }],
    line("M2.5 19c.6-3.6 3-5.5 6.5-5.5s5.9 1.9 6.5 5.5M16 5a3.5 3.5 0 0 1 0 6.5M18 14.2c2 .8 3.2 2.4 3.6 4.8"),
  ],
};

/** The named icon; it is decoration unless `label` says what it means. */
export function icon(name, label) {
  return svg(SHAPES[name] ?? SHAPES.spark, { label });
}
