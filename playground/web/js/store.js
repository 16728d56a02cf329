// What the page knows: who is looking, the places, the commands, and the messages of each channel. Views subscribe to
// topics and read from here; only this module and session.js change it.

import { withReachableFiles } from "./media.js";

const listeners = new Map();

/** Calls `listener` whenever `topic` is announced: `places`, `channel`, `messages`, `message`, `pending`, `typing`, `link`. */
export function on(topic, listener) {
  if (!listeners.has(topic)) listeners.set(topic, []);
  listeners.get(topic).push(listener);
}

/** Tells the subscribers of `topic` that it changed. */
export function changed(topic, detail) {
  for (const listener of listeners.get(topic) ?? []) listener(detail);
}

/** The whole state of the page; see each field. */
export const store = {
  /** The user who is looking. */
  me: null,
  /** Every user of the playground, the bot included, by id. */
  users: new Map(),
  guilds: [],
  dms: [],
  /** Discord application commands, as the bot registered them. */
  commands: [],
  bot: { id: "", name: "Bot", online: false },
  channelId: null,
  /** Channel id → {@link Room}. */
  rooms: new Map(),
  /** Channel id → number of messages not seen yet. */
  unread: new Map(),
  /** Interactions waiting for the bot: id → `{ channelId, messageId?, customId?, name?, failed }`. */
  pending: new Map(),
  /** Channel id → Map of user id → time when the typing notice ends (ms). */
  typing: new Map(),
  linkUp: true,
};

/** The messages of one channel, oldest first, and whether older ones exist on the server. */
export class Room {
  constructor() {
    this.messages = [];
    this.loaded = false;
    this.complete = false;
    /** True while older messages are on their way. */
    this.loading = false;
    /** True while the newest messages are on their way. */
    this.fetching = false;
  }

  /** Drops the `count` oldest messages. */
  forgetOldest(count) {
    this.messages.splice(0, count);
    this.complete = false;
  }

  find(id) {
    return this.messages.find((message) => message.id === id);
  }

  /** Adds or replaces; returns true where the message is new. */
  put(received) {
    const message = withReachableFiles(received);
    const at = this.messages.findIndex((known) => known.id === message.id);
    if (at >= 0) {
      this.messages[at] = message;
      return false;
    }
    const after = this.messages.findIndex((known) => compareIds(known.id, message.id) > 0);
    this.messages.splice(after < 0 ? this.messages.length : after, 0, message);
    return true;
  }

  remove(id) {
    const at = this.messages.findIndex((message) => message.id === id);
    if (at < 0) return false;
    this.messages.splice(at, 1);
    return true;
  }
}

/** Orders snowflakes by age without turning them into numbers, which would lose digits. */
export function compareIds(a, b) {
  return a.length - b.length || (a < b ? -1 : Number(a > b));
}

/** The room of a channel, made when first asked for. */
export function room(channelId) {
  if (!store.rooms.has(channelId)) store.rooms.set(channelId, new Room());
  return store.rooms.get(channelId);
}

/** The message with this id in the open channel or any other. */
export function findMessage(id) {
  for (const known of store.rooms.values()) {
    const message = known.find(id);
    if (message) return message;
  }
  return undefined;
}

/** The place with this id: `{ id, name, topic, nsfw, guild }` or `{ id, name, dm: user }`, or undefined. */
export function findChannel(id) {
  for (const guild of store.guilds) {
    const channel = guild.channels.find((known) => known.id === id);
    if (channel) return { ...channel, guild };
  }
  const dm = store.dms.find((known) => known.channel_id === id);
  return dm && { id, name: dm.user.name, dm: dm.user };
}

/** The place a visitor starts in: the first channel of the first server, else the first direct message. */
export function firstChannel() {
  return store.guilds.find((guild) => guild.channels.length > 0)?.channels[0].id ?? store.dms[0]?.channel_id;
}

/** Takes over an answer of the state call. */
export function adoptState(state) {
  const people = state.users.map((user) => ({ ...user, name: user.display_name ?? user.name, bot: false }));
  const bot = { ...state.bot, bot: true };
  store.users = new Map([...people, bot].map((user) => [user.id, user]));
  const me = typeof state.me === "object" ? state.me?.id : state.me;
  store.me = store.users.get(me) ?? people[0];
  store.bot = bot;
  store.guilds = state.guilds;
  store.commands = state.commands;
  adoptDms(state.dms);
}

/** Takes over a list of direct channels. */
export function adoptDms(dms) {
  store.dms = dms.map((dm) => ({ ...dm, user: person(dm.user) }));
}

/** Whether the bot itself is not in a place, so that it comes along only with who has installed it. */
export function isElsewhere(channel) {
  return channel.dm ? !channel.dm.bot : channel.guild?.has_bot === false;
}

/** The commands that can be used in the open channel: those of its server, and those that fit the kind of place. */
export function commandsHere() {
  const channel = findChannel(store.channelId);
  if (!channel) return [];
  const context = !channel.dm ? 0 : channel.dm.bot ? 1 : 2;
  // Where the bot is no member, only what people have installed for themselves comes along.
  const installed = isElsewhere(channel) ? [1] : [0, 1];
  return store.commands.filter(
    (command) =>
      (!command.guild_id || command.guild_id === channel.guild?.id) &&
      (command.integration_types ?? [0]).some((kind) => installed.includes(kind)) &&
      (command.contexts ?? [context]).includes(context) &&
      !(channel.dm && command.dm_permission === false) &&
      !(command.nsfw && !channel.nsfw),
  );
}

function person(user) {
  const id = typeof user === "object" ? user.id : user;
  return (
    store.users.get(id) ??
    (typeof user === "object" ? { ...user, name: user.name ?? user.username } : { id, name: "Unknown" })
  );
}

/** The playground's own record of a Discord user object, so that names and colours agree everywhere. */
export function author(user) {
  const known = store.users.get(user?.id);
  const name = user?.global_name ?? user?.username ?? user?.name ?? "Unknown user";
  return {
    id: user?.id ?? "0",
    name: known?.name ?? name,
    avatar_color: known?.avatar_color,
    bot: known?.bot ?? user?.bot ?? false,
  };
}

/** What ids in message text mean (see markdown.js). */
export const names = {
  user: (id) => store.users.get(id)?.name,
  channel: (id) => findChannel(id)?.name,
};
