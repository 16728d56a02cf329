// Times as people read them: message stamps and Discord's `<t:unix:style>`.

import { h } from "./dom.js";

const STYLES = {
  t: { timeStyle: "short" },
  T: { timeStyle: "medium" },
  d: { dateStyle: "short" },
  D: { dateStyle: "long" },
  f: { dateStyle: "long", timeStyle: "short" },
  F: { dateStyle: "full", timeStyle: "short" },
};

const UNITS = [
  ["year", 31_536_000],
  ["month", 2_592_000],
  ["day", 86_400],
  ["hour", 3_600],
  ["minute", 60],
  ["second", 1],
];

const relativeFormat = new Intl.RelativeTimeFormat("en", { numeric: "auto" });

/** "in 5 minutes", "12 seconds ago". */
export function relative(date, now = new Date()) {
  const seconds = Math.round((date - now) / 1000);
  const [unit, length] = UNITS.find(([, size]) => Math.abs(seconds) >= size) ?? UNITS.at(-1);
  return relativeFormat.format(Math.trunc(seconds / length), unit);
}

/** A `<time>` in one of Discord's timestamp styles; `R` stays up to date by itself (see {@link tick}). */
export function timestamp(unixSeconds, style = "f") {
  const date = new Date(unixSeconds * 1000);
  if (Number.isNaN(date.getTime())) return document.createTextNode(`<t:${unixSeconds}:${style}>`);
  const text =
    style === "R" ? relative(date) : new Intl.DateTimeFormat("en-GB", STYLES[style] ?? STYLES.f).format(date);
  return h(
    "time",
    {
      class: "md-time",
      datetime: date.toISOString(),
      title: full(date),
      "data-relative": style === "R",
    },
    text,
  );
}

/** Brings every relative time on the page up to date. */
export function tick() {
  const now = new Date();
  for (const element of document.querySelectorAll("time[data-relative]")) {
    const text = relative(new Date(element.dateTime), now);
    if (element.textContent !== text) element.textContent = text;
  }
}

const clockFormat = new Intl.DateTimeFormat("en-GB", { hour: "2-digit", minute: "2-digit" });
const dayFormat = new Intl.DateTimeFormat("en-GB", { day: "numeric", month: "long", year: "numeric" });

/** "14:03". */
export const clock = (date) => clockFormat.format(date);

/** "23 November 2026". */
export const day = (date) => dayFormat.format(date);

/** "Monday, 23 November 2026 at 14:03". */
export const full = (date) => new Intl.DateTimeFormat("en-GB", STYLES.F).format(date);

/** "Today at 14:03", "Yesterday at 14:03" or "23/11/2026, 14:03". */
export function stamp(date, now = new Date()) {
  const yesterday = new Date(now);
  yesterday.setDate(now.getDate() - 1);
  if (date.toDateString() === now.toDateString()) return `Today at ${clock(date)}`;
  if (date.toDateString() === yesterday.toDateString()) return `Yesterday at ${clock(date)}`;
  return new Intl.DateTimeFormat("en-GB", { dateStyle: "short", timeStyle: "short" }).format(date);
}
