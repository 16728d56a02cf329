// The message box: plain text, slash commands typed as text, and the way into a command's form.

import { avatar } from "./avatar.js";
import { CommandForm, world } from "./command-form.js";
import { convert, firstMissing, matching, OPTION, readOptions, runnable, splitCommand } from "./command-text.js";
import { h, fill, byId, toast } from "./dom.js";
import { icon } from "./icons.js";
import { focusNewest } from "./log.js";
import { Picker } from "./picker.js";
import { say, useCommand } from "./session.js";
import { commandsHere, findChannel, on, store } from "./store.js";

const MAX_CONTENT = 2000;

let frame;
let box;
let input;
let hint;
let count;
let picker;
let form = null;
let menuDismissed = false;

/** Builds the message box and wires it. */
export function setUpComposer() {
  frame = byId("composer-frame");
  input = h("textarea", {
    id: "composer",
    class: "composer-input",
    rows: "1",
    role: "combobox",
    "aria-expanded": "false",
    "aria-haspopup": "listbox",
    "aria-autocomplete": "list",
    autocomplete: "off",
    "aria-describedby": "composer-hint",
  });
  hint = h("div", { class: "composer-hint", id: "composer-hint", hidden: true });
  count = h("span", { class: "composer-count", "aria-live": "polite" });
  box = h("div", { class: "composer" });
  frame.append(box, h("div", { class: "typing", id: "typing" }));
  picker = new Picker(box);
  input.addEventListener("input", () => {
    menuDismissed = false;
    refresh();
  });
  input.addEventListener("keydown", onKey);
  input.addEventListener("blur", () => picker.hide());
  input.addEventListener("focus", refresh);
  setUpFiles();
  addEventListener("keydown", typeAnywhere);
  on("channel", () => {
    showText(form ? "" : input.value);
    label();
  });
  on("places", () => {
    label();
    if (!form) refresh();
  });
  on("typing", drawTyping);
  on("messages", drawTyping);
  setInterval(drawTyping, 1000);
  showText("");
}

function label() {
  const channel = findChannel(store.channelId);
  if (!channel) return;
  const name = channel.dm ? `@${channel.name}` : `#${channel.name}`;
  input.placeholder = `Message ${name}`;
  input.setAttribute("aria-label", `Message ${name}`);
}

/** Puts `text` into the message box and the focus at its end. */
export function fillComposer(text) {
  showText(text);
  input.focus();
  input.setSelectionRange(text.length, text.length);
  refresh();
}

function showText(text) {
  form = null;
  picker.hide();
  menuDismissed = false;
  const openCommands = h(
    "button",
    {
      class: "icon-button composer-slash",
      type: "button",
      "aria-label": "Show the commands",
      title: "Show the commands",
      on: { click: () => fillComposer("/") },
    },
    icon("slash"),
  );
  const send = h(
    "button",
    { class: "send-button", type: "button", "aria-label": "Send", title: "Send", on: { click: () => submit() } },
    icon("send"),
  );
  fill(box, picker.panel, hint, h("div", { class: "composer-row" }, openCommands, input, count, send));
  input.value = text;
  refresh();
}

function showForm(command, values = new Map()) {
  hint.hidden = true;
  form = new CommandForm(command, values, picker, {
    onRun: (options, files) => run(command, options, files),
    onLeave: (text) => {
      fillComposer(text);
      menuDismissed = true;
      picker.hide();
    },
  });
  fill(box, picker.panel, form.element);
  form.focus();
}

function refresh() {
  if (form) return;
  input.style.height = "auto";
  input.style.height = `${input.scrollHeight}px`;
  const left = MAX_CONTENT - input.value.length;
  count.textContent = left < 200 && !input.value.startsWith("/") ? String(left) : "";
  count.classList.toggle("over", left < 0);
  box.classList.toggle("has-text", input.value.trim() !== "");
  box.classList.toggle("is-command", input.value.startsWith("/"));
  const list = runnable(commandsHere());
  const split = splitCommand(input.value, list);
  if (split?.complete) {
    picker.hide();
    showHint(split);
    return;
  }
  hint.hidden = true;
  const begins = /^\/[^\n]*$/.test(input.value);
  if (!begins || menuDismissed || document.activeElement !== input) {
    picker.hide();
    return;
  }
  showCommands(matching(list, input.value.slice(1)));
}

function showCommands(commands) {
  const items = commands.slice(0, 50).map((command) => ({
    // A form without a field would only ask to be sent.
    pick: () => (command.options.length === 0 ? run(command, {}, new Map()) : showForm(command)),
    node: h(
      "span",
      { class: "command-item" },
      avatar(store.bot, "sm"),
      h(
        "span",
        { class: "command-text" },
        h(
          "span",
          { class: "command-title" },
          h("b", null, `/${command.path}`),
          command.options.map((option) =>
            h("span", { class: option.required ? "command-option required" : "command-option" }, option.name),
          ),
        ),
        h("span", { class: "command-detail" }, command.description),
      ),
      h("span", { class: "command-owner" }, store.bot.name),
    ),
  }));
  picker.show(input, `Commands of ${store.bot.name}`, items);
}

/** While a command is typed as text: its options above the box, the current one explained. */
function showHint({ command, rest }, problem = "") {
  hint.hidden = false;
  const values = readOptions(rest, command.options);
  const current =
    command.options.find((option) => option.name === [...values.keys()].at(-1)) ??
    command.options.find((option) => option.required);
  fill(
    hint,
    h(
      "span",
      { class: "hint-signature" },
      h("b", null, `/${command.path}`),
      command.options.map((option) =>
        h(
          "span",
          {
            class: `hint-option${values.get(option.name) ? " given" : ""}${option === current ? " current" : ""}`,
          },
          option.name,
          option.required ? h("span", { class: "required" }, "*") : null,
        ),
      ),
    ),
    problem
      ? h("span", { class: "hint-problem", role: "alert" }, icon("alert"), problem)
      : h("span", { class: "hint-text" }, current ? current.description : command.description),
    h(
      "span",
      { class: "hint-keys" },
      h("kbd", null, "Enter"),
      " runs ",
      command.options.length > 0 ? [h("kbd", null, "Tab"), " opens the options"] : null,
    ),
  );
}

function onKey(event) {
  if (picker.onKey(event)) {
    if (event.key === "Escape") menuDismissed = true;
    return;
  }
  if (event.isComposing) return;
  if (event.key === "Enter" && !event.shiftKey) {
    event.preventDefault();
    submit();
  } else if (event.key === "Tab" && !event.shiftKey) {
    const split = splitCommand(input.value, runnable(commandsHere()));
    if (!split?.complete) return;
    event.preventDefault();
    showForm(split.command, readOptions(split.rest, split.command.options));
  } else if (event.key === "ArrowUp" && input.value === "") {
    event.preventDefault();
    focusNewest();
  } else if (event.key === "Escape" && !hint.hidden) {
    hint.hidden = true;
  }
}

function submit() {
  const text = input.value.trim();
  if (text === "") return;
  const split = splitCommand(text, runnable(commandsHere()));
  if (split) {
    submitTyped(split);
    return;
  }
  if (/^\/\w/.test(text) && commandsHere().length > 0) {
    toast(`There is no command ${text.split(/\s/)[0]}.`, "error");
    return;
  }
  if (text.length > MAX_CONTENT) {
    toast(`A message has at most ${MAX_CONTENT} characters.`, "error");
    return;
  }
  showText("");
  // What could not be sent comes back, unless something else was typed meanwhile.
  void say(text).then((sent) => {
    if (sent === undefined && input.value === "") fillComposer(text);
  });
}

function submitTyped(split) {
  const { command, rest } = split;
  const typed = readOptions(rest, command.options);
  const has = (name) => Boolean(typed.get(name));
  const options = {};
  if (firstMissing(command.options, has)) {
    showForm(command, typed);
    return;
  }
  for (const option of command.options.filter((known) => has(known.name))) {
    if (option.type === OPTION.FILE) {
      showForm(command, typed);
      return;
    }
    const { value, problem } = convert(option, typed.get(option.name), world);
    if (problem) {
      showHint(split, problem);
      return;
    }
    options[option.name] = value;
  }
  const surplus = command.options.length === 0 && rest.trim() !== "";
  if (surplus) {
    showHint(split, `/${command.path} takes no options.`);
    return;
  }
  run(command, options, new Map());
}

function run(command, options, files) {
  fillComposer("");
  void useCommand(command.path, options, files);
}

/** Files dropped on the channel or pasted go to the command's file option. */
function setUpFiles() {
  const target = byId("main");
  const carriesFiles = (event) => event.dataTransfer?.types.includes("Files");
  target.addEventListener("dragover", (event) => {
    if (!carriesFiles(event)) return;
    event.preventDefault();
    frame.classList.add("dropping");
  });
  target.addEventListener("dragleave", (event) => {
    if (!target.contains(event.relatedTarget)) frame.classList.remove("dropping");
  });
  target.addEventListener("drop", (event) => {
    if (!carriesFiles(event)) return;
    event.preventDefault();
    frame.classList.remove("dropping");
    takeFiles(event.dataTransfer.files);
  });
  frame.addEventListener("paste", (event) => {
    if (event.clipboardData.files.length === 0) return;
    event.preventDefault();
    takeFiles(event.clipboardData.files);
  });
}

function takeFiles(files) {
  const split = form ? null : splitCommand(input.value, runnable(commandsHere()));
  if (split) showForm(split.command, readOptions(split.rest, split.command.options));
  for (const file of files) {
    if (form?.takeFile(file)) continue;
    toast(
      form ? "This command takes no further file." : "Choose a command with a file option first, then drop the file.",
    );
    return;
  }
  form.focus();
}

/** A letter typed while no text field has the focus goes to the message box; Space stays with what has the focus. */
function typeAnywhere(event) {
  if (
    event.defaultPrevented ||
    event.ctrlKey ||
    event.metaKey ||
    event.altKey ||
    event.key.length !== 1 ||
    event.key === " "
  )
    return;
  if (document.activeElement?.matches("input, textarea") || document.querySelector("dialog[open], .menu")) return;
  if (form) form.focus();
  else input.focus();
}

/** "Easel is typing…" */
function drawTyping() {
  const line = byId("typing");
  const now = Date.now();
  const writers = [...(store.typing.get(store.channelId) ?? [])]
    .filter(([, until]) => until > now)
    .map(([id]) => store.users.get(id)?.name ?? "Someone");
  const text =
    writers.length === 0 ? "" : `${writers.slice(0, 3).join(", ")} ${writers.length > 1 ? "are" : "is"} typing…`;
  if (line.dataset.text === text) return;
  line.dataset.text = text;
  fill(line, text ? [h("span", { class: "dots on", "aria-hidden": "true" }, h("i"), h("i"), h("i")), text] : null);
}
