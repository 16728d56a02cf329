// A chosen slash command as a row of fields, one for each option, with what the option means above it.

import { OPTION, convert, firstMissing } from "./command-text.js";
import { field } from "./command-field.js";
import { h, fill } from "./dom.js";
import { icon } from "./icons.js";
import { suggest } from "./session.js";
import { store } from "./store.js";

const SUGGEST_DELAY_MS = 180;

/** Finds people and channels by name or id. */
export const world = {
  user: (text) =>
    [...store.users.values()].find((user) => user.id === text || user.name.toLowerCase() === text.toLowerCase())?.id,
  channel: (text) =>
    store.guilds.flatMap((guild) => guild.channels).find((channel) => channel.id === text || channel.name === text)?.id,
};

/** The form of one command; `onRun(options, files)` gets checked values, `onLeave(text)` the way back to plain text. */
export class CommandForm {
  constructor(command, values, picker, { onRun, onLeave }) {
    Object.assign(this, { command, picker, onRun, onLeave });
    this.fields = [];
    this.info = h("div", { class: "option-info", "aria-live": "polite" });
    this.spare = h("div", { class: "option-spare" });
    this.line = h("div", { class: "command-line" });
    this.element = h(
      "div",
      { class: "command-form", role: "group", "aria-label": `Options of /${command.path}` },
      h("div", { class: "option-bar" }, this.info, this.spare),
      h(
        "div",
        { class: "command-row" },
        h("span", { class: "command-name" }, `/${command.path}`),
        this.line,
        h(
          "button",
          {
            class: "icon-button",
            type: "button",
            "aria-label": "Leave the command",
            title: "Leave the command (Escape)",
            on: { click: () => this.leave() },
          },
          icon("close"),
        ),
        h(
          "button",
          { class: "send-button", type: "button", "aria-label": "Run the command", on: { click: () => this.run() } },
          icon("send"),
        ),
      ),
    );
    for (const option of command.options)
      if (option.required || values.has(option.name)) this.add(option, values.get(option.name));
    this.explain(null);
  }

  /** Puts the focus where typing goes on: the first empty field, else the last. */
  focus(name) {
    const target = this.fields.find((one) => (name ? one.option.name === name : !one.filled())) ?? this.fields.at(-1);
    if (target) target.focus();
    else this.element.querySelector(".send-button").focus();
  }

  add(option, text) {
    const one = field(option, text, {
      onFocus: () => {
        this.explain(one);
        this.offer(one);
      },
      onInput: () => {
        one.complain("");
        this.explain(one);
        this.offer(one);
      },
      onBlur: () => this.picker.hide(),
      onKey: (event) => this.onKey(event, one),
      onRemove: () => this.drop(one),
    });
    this.fields.push(one);
    this.line.append(one.element);
    this.drawSpare();
    return one;
  }

  drop(one) {
    if (one.option.required) return;
    this.fields = this.fields.filter((other) => other !== one);
    one.element.remove();
    this.drawSpare();
    this.focus();
  }

  drawSpare() {
    const left = this.command.options.filter((option) => !this.fields.some((one) => one.option === option));
    fill(
      this.spare,
      left.map((option) =>
        h(
          "button",
          {
            class: "spare",
            type: "button",
            title: option.description,
            on: { click: () => this.add(option).focus() },
          },
          icon("plus"),
          option.name,
        ),
      ),
    );
  }

  explain(one) {
    if (!one) {
      fill(this.info, h("span", { class: "option-text" }, this.command.description));
      return;
    }
    const { option, problem } = one;
    fill(
      this.info,
      h("b", null, option.name),
      option.required ? h("span", { class: "required-mark" }, "required") : null,
      h("span", { class: problem ? "option-text option-problem" : "option-text" }, problem || option.description),
    );
  }

  offer(one) {
    const { option } = one;
    clearTimeout(this.timer);
    const typed = one.text().trim().toLowerCase();
    const show = (choices) => {
      const chosen = one.picked?.name === one.text();
      const list = chosen
        ? []
        : choices.map((choice) => ({
            node: h("span", { class: "choice" }, choice.name),
            pick: () => this.choose(one, choice),
          }));
      this.picker.show(one.control, option.description || option.name, list.slice(0, 25));
    };
    const fixed = fixedChoices(option);
    if (fixed) {
      show(fixed.filter((choice) => choice.name.toLowerCase().includes(typed)));
    } else if (option.autocomplete) {
      this.timer = setTimeout(async () => {
        const choices = await suggest(this.command.path, this.typedValues(), option.name);
        if (document.activeElement === one.control && one.text().trim().toLowerCase() === typed) show(choices);
      }, SUGGEST_DELAY_MS);
    } else {
      this.picker.hide();
    }
  }

  choose(one, choice) {
    one.choose(choice);
    this.explain(one);
    if (this.fields.some((other) => !other.filled())) this.focus();
  }

  typedValues() {
    return Object.fromEntries(
      this.fields
        .filter((one) => one.filled() && !one.file)
        .map((one) => [one.option.name, one.picked?.value ?? one.text()]),
    );
  }

  onKey(event, one) {
    if (this.picker.onKey(event)) return;
    if (event.key === "Enter" && !event.shiftKey && !event.isComposing) {
      event.preventDefault();
      this.run();
    } else if (event.key === "Escape") {
      event.preventDefault();
      event.stopPropagation();
      this.leave();
    } else if (event.key === "Backspace" && one.text() === "" && !one.file) {
      event.preventDefault();
      if (one.option.required) this.leave();
      else this.drop(one);
    }
  }

  /** Gives a file to the first file option without one; false where the command takes none. */
  takeFile(file) {
    const option = this.command.options.find(
      (known) => known.type === OPTION.FILE && !this.fields.some((one) => one.option === known && one.file),
    );
    if (!option) return false;
    const one = this.fields.find((known) => known.option === option) ?? this.add(option);
    one.setFile(file);
    return true;
  }

  leave() {
    this.picker.hide();
    const pairs = this.fields.filter((one) => one.text()).map((one) => `${one.option.name}: ${one.text()}`);
    this.onLeave(pairs.length > 0 ? `/${this.command.path} ${pairs.join(" ")}` : "");
  }

  run() {
    const missing = firstMissing(this.command.options, (name) =>
      this.fields.some((one) => one.option.name === name && one.filled()),
    );
    if (missing) {
      this.object(missing.name, `${missing.name} is required.`);
      return;
    }
    const options = {};
    const files = new Map();
    for (const one of this.fields.filter((known) => known.filled())) {
      const { name } = one.option;
      if (one.file) {
        files.set(name, one.file);
        continue;
      }
      const { value, problem } =
        one.picked && one.picked.name === one.text()
          ? { value: one.picked.value }
          : convert(one.option, one.text(), world);
      if (problem) {
        this.object(name, problem);
        return;
      }
      options[name] = value;
    }
    this.picker.hide();
    this.onRun(options, files);
  }

  object(name, problem) {
    const one = this.fields.find((known) => known.option.name === name);
    one.complain(problem);
    one.focus();
    this.picker.hide();
    this.explain(one);
  }
}

/** Choices known without asking the bot, or undefined. */
function fixedChoices(option) {
  if (option.choices?.length > 0) return option.choices;
  if (option.type === OPTION.BOOLEAN)
    return [
      { name: "True", value: true },
      { name: "False", value: false },
    ];
  if (option.type === OPTION.USER || option.type === OPTION.MENTIONABLE)
    return [...store.users.values()].map((user) => ({ name: user.name, value: user.id }));
  if (option.type === OPTION.CHANNEL) {
    return store.guilds
      .flatMap((guild) => guild.channels)
      .map((channel) => ({ name: channel.name, value: channel.id }));
  }
  return undefined;
}
