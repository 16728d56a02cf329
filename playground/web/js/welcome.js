// What a channel says at its beginning, with something to try while it is empty.

import { h } from "./dom.js";
import { icon } from "./icons.js";
import { botFace } from "./avatar.js";
import { commandsHere, store } from "./store.js";

const EXAMPLES = [
  "a red sailboat on the sea at sunset",
  "a snowy mountain under a green aurora",
  "a lighthouse in a storm, oil painting --ar 3:2",
];

/** The first row of a complete channel; `empty` adds example commands. */
export function welcome(channel, empty) {
  const title = channel.dm ? channel.name : `Welcome to #${channel.name}`;
  const text = channel.dm
    ? `This is the beginning of your direct messages with ${channel.name}.`
    : channel.topic || `This is the beginning of #${channel.name}.`;
  return h(
    "section",
    { class: `welcome${empty ? " welcome-empty" : ""}`, "data-key": "welcome" },
    h(
      "div",
      { class: "welcome-mark", "aria-hidden": "true" },
      channel.dm ? (channel.dm.bot ? botFace() : icon("at")) : icon("hash"),
    ),
    h("h1", null, title),
    h("p", null, text),
    empty ? examples() : null,
  );
}

/** Ready-made lines for the message box: for a picture command where there is one, else the first commands. */
function examples() {
  const commands = commandsHere();
  const picture = commands.find((command) => command.name === "imagine");
  const option = picture?.options?.find((known) => known.type === 3)?.name;
  const lines =
    picture && option
      ? EXAMPLES.map((text) => `/imagine ${option}: ${text}`)
      : commands
          .filter((command) => (command.type ?? 1) === 1)
          .slice(0, 3)
          .map((command) => `/${command.name}`);
  if (lines.length === 0) {
    return h(
      "p",
      { class: "welcome-wait" },
      store.bot.online
        ? "The bot has no commands yet."
        : `${store.bot.name} is not connected yet. Its commands appear here when it is.`,
    );
  }
  return h(
    "div",
    { class: "examples" },
    h("p", { class: "examples-title" }, "Try one of these"),
    lines.map((line) => {
      const [, command, rest] = /^(\/\S+)(.*)$/.exec(line);
      return h(
        "button",
        { class: "example", type: "button", "data-action": "use-text", "data-text": line },
        h("span", { class: "example-text" }, h("b", null, command), rest),
        h("span", { class: "example-hint", "aria-hidden": "true" }, icon("right")),
      );
    }),
    h("p", { class: "examples-note" }, "or type ", h("kbd", null, "/"), " to see every command"),
  );
}
