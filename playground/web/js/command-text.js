// Slash commands as text: `/imagine prompt: a red boat seed: 5`. Pure functions from text and Discord's command JSON
// to values; no DOM and no state.

/** Discord's option types by name. */
export const OPTION = {
  SUB: 1,
  GROUP: 2,
  STRING: 3,
  INTEGER: 4,
  BOOLEAN: 5,
  USER: 6,
  CHANNEL: 7,
  ROLE: 8,
  MENTIONABLE: 9,
  NUMBER: 10,
  FILE: 11,
};

/** Every command that can be run, subcommands as commands of their own named with spaces ("prefer option set"). */
export function runnable(commands) {
  return commands.filter((command) => (command.type ?? 1) === 1).flatMap((command) => leaves(command, command.name));
}

function leaves(node, path) {
  const nested = (node.options ?? []).filter((option) => option.type === OPTION.SUB || option.type === OPTION.GROUP);
  if (nested.length > 0) return nested.flatMap((option) => leaves(option, `${path} ${option.name}`));
  return [{ path, description: node.description ?? "", options: node.options ?? [] }];
}

/** Commands whose name fits what was typed after the slash: beginnings first, then other places. */
export function matching(list, typed) {
  const wanted = typed.trim().toLowerCase().replace(/\s+/g, " ");
  const begins = list.filter((command) => command.path.startsWith(wanted));
  const holds = list.filter((command) => !command.path.startsWith(wanted) && command.path.includes(wanted));
  return [...begins, ...holds];
}

/** The command at the start of `text` and what follows its name, or null while no whole name and space is there. */
export function splitCommand(text, list) {
  if (!text.startsWith("/")) return null;
  const fits = list.filter((command) =>
    new RegExp(`^/${escape(command.path).replaceAll(" ", "\\s+")}(?=\\s|$)`, "i").test(text),
  );
  const command = fits.sort((a, b) => b.path.length - a.path.length)[0];
  if (!command) return null;
  const words = command.path.split(" ").length;
  const rest = text.slice(1).replace(new RegExp(`^(?:\\S+\\s*){${words}}`), "");
  return { command, rest, complete: /\s/.test(text.slice(command.path.length + 1, command.path.length + 2)) };
}

const escape = (text) => text.replace(/[\\^$.*+?()[\]{}|]/g, "\\$&");

/**
 * Reads `name: value` pairs. A value runs to the next name of an option that was not given yet, so text with other
 * colons in it stays whole. Text before any name belongs to the first text option.
 */
export function readOptions(rest, options) {
  const values = new Map();
  const found = [...rest.matchAll(/(^|\s)([\p{L}\p{N}_-]{1,32}):(?!\/\/)/gu)].filter((match) => {
    const known =
      options.some((option) => option.name === match[2].toLowerCase()) && !values.has(match[2].toLowerCase());
    if (known) values.set(match[2].toLowerCase(), "");
    return known;
  });
  const lead = rest.slice(0, found[0]?.index ?? rest.length).trim();
  found.forEach((match, index) => {
    const from = match.index + match[0].length;
    values.set(match[2].toLowerCase(), rest.slice(from, found[index + 1]?.index ?? rest.length).trim());
  });
  const first = options.find((option) => option.type === OPTION.STRING);
  if (lead && first && !values.has(first.name)) values.set(first.name, lead);
  return values;
}

/** The first required option that has no value. */
export const firstMissing = (options, has) => options.find((option) => option.required && !has(option.name));

/**
 * Turns what was typed into the value Discord wants; `world` finds people and channels by name. Returns `{ value }` or
 * `{ problem }`, a sentence.
 */
export function convert(option, text, world) {
  const typed = text.trim();
  const name = option.name;
  if (option.choices?.length > 0) {
    const choice = option.choices.find(
      (one) => one.name.toLowerCase() === typed.toLowerCase() || String(one.value) === typed,
    );
    return choice
      ? { value: choice.value }
      : { problem: `${name} is one of: ${option.choices.map((one) => one.name).join(", ")}.` };
  }
  switch (option.type) {
    case OPTION.STRING:
      return checkLength(option, text.trim());
    case OPTION.INTEGER:
      return /^[+-]?\d+$/.test(typed) ? checkRange(option, Number(typed)) : { problem: `${name} is a whole number.` };
    case OPTION.NUMBER:
      return typed !== "" && Number.isFinite(Number(typed))
        ? checkRange(option, Number(typed))
        : { problem: `${name} is a number.` };
    case OPTION.BOOLEAN:
      if (/^(true|yes|on)$/i.test(typed)) return { value: true };
      return /^(false|no|off)$/i.test(typed) ? { value: false } : { problem: `${name} is True or False.` };
    case OPTION.USER:
    case OPTION.MENTIONABLE:
      return lookUp(world.user(typed.replace(/^@/, "")), `Nobody here is called “${typed}”.`);
    case OPTION.CHANNEL:
      return lookUp(world.channel(typed.replace(/^#/, "")), `There is no channel “${typed}”.`);
    case OPTION.FILE:
      return { problem: `${name} is a file: choose or drop one.` };
    default:
      return { value: typed };
  }
}

const lookUp = (id, problem) => (id ? { value: id } : { problem });

function checkLength(option, value) {
  if (option.min_length && value.length < option.min_length)
    return { problem: `${option.name} needs at least ${option.min_length} characters.` };
  const most = option.max_length ?? 6000;
  return value.length > most ? { problem: `${option.name} takes at most ${most} characters.` } : { value };
}

function checkRange(option, value) {
  const { min_value: least, max_value: most } = option;
  if (least !== undefined && least !== null && value < least)
    return { problem: `${option.name} is at least ${least}.` };
  return most !== undefined && most !== null && value > most
    ? { problem: `${option.name} is at most ${most}.` }
    : { value };
}
