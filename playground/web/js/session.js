// What happens: user actions go to the server from here, and server events come in here. Views never call the server.

import * as api from "./api.js";
import { announce, toast } from "./dom.js";
import { plainText } from "./markdown.js";
import {
  adoptDms,
  adoptState,
  author,
  changed,
  findChannel,
  findMessage,
  firstChannel,
  names,
  room,
  store,
} from "./store.js";
import { sameEmoji } from "./emoji.js";

/** Longer than the bot's own three seconds, which the server watches; this one only ends a wait that nobody ended. */
const ANSWER_LIMIT_MS = 20_000;
const TYPING_MS = 10_000;
/** A channel keeps at most this many messages on the page; older ones can be loaded again. */
const MOST_MESSAGES = 600;
const EPHEMERAL = 64;

let link = null;
let openModal = () => {};
/** Answers to interactions whose id the page does not know yet: the event may overtake the reply to the click. */
const early = new Map();

/** Starts the page for `user` (or the server's first user); `onModal` draws a modal the bot asked for. */
export async function start(user, onModal) {
  openModal = onModal;
  await enter(user);
}

/** Becomes another user: other direct messages, other ephemeral messages, other events. */
export async function enter(user) {
  const state = await api.fetchState(user);
  link?.close();
  store.rooms.clear();
  store.unread.clear();
  store.pending.clear();
  store.typing.clear();
  early.clear();
  announce("");
  adoptState(state);
  remember("user", store.me.id);
  link = api.followEvents(store.me.id, { onEvent: receive, onLink: linkChanged });
  const wanted = location.hash.slice(1) || recall("channel");
  const channel = findChannel(store.channelId) ?? findChannel(wanted) ?? findChannel(firstChannel());
  changed("places");
  if (channel) await openChannel(channel.id);
}

async function linkChanged(up, again) {
  store.linkUp = up;
  changed("link");
  if (up && again) await resync();
}

/** After a gap in the events: everything that may have changed is asked for again. */
async function resync() {
  await attempt(async () => {
    adoptState(await api.fetchState(store.me.id));
    for (const [id, known] of store.rooms) if (id !== store.channelId) known.loaded = false;
    changed("places");
    await reloadChannel(store.channelId);
  });
}

/** Shows a channel, loading its newest messages the first time. */
export async function openChannel(id) {
  store.channelId = id;
  store.unread.delete(id);
  remember("channel", id);
  if (location.hash.slice(1) !== id) history.replaceState(null, "", `#${id}`);
  changed("channel");
  if (!room(id).loaded) await attempt(() => reloadChannel(id));
}

async function reloadChannel(id) {
  const here = room(id);
  const user = store.me.id;
  const before = new Set(here.messages.map((message) => message.id));
  here.fetching = true;
  const messages = oldestFirst(
    await api.fetchMessages(id, user).finally(() => {
      here.fetching = false;
    }),
  );
  if (store.me.id !== user) return;
  // What events brought while the answer was on its way is newer than the answer.
  const meanwhile = new Map(here.messages.map((message) => [message.id, message]));
  const late = here.messages.filter((message) => !before.has(message.id) || message.flags & EPHEMERAL);
  here.messages = [];
  for (const message of [...messages, ...late])
    if (!dismissed(message.id)) here.put(newer(message, meanwhile.get(message.id)));
  here.complete = messages.length === 0;
  here.loaded = true;
  if (id === store.channelId) changed("messages");
}

const newer = (fetched, known) =>
  (known?.edited_timestamp ?? "") > (fetched.edited_timestamp ?? "") ? known : fetched;

/** Loads the page of messages before the oldest known one. */
export async function loadOlder() {
  const id = store.channelId;
  const here = room(id);
  if (!here.loaded || here.complete || here.loading || here.messages.length === 0) return;
  here.loading = true;
  await attempt(async () => {
    const older = await api.fetchMessages(id, store.me.id, here.messages[0].id);
    const fresh = older.filter((message) => !dismissed(message.id) && here.put(message));
    here.complete = fresh.length === 0;
  });
  here.loading = false;
  if (id === store.channelId) changed("messages", { older: true });
}

const oldestFirst = (messages) => [...messages].sort((a, b) => a.id.length - b.id.length || (a.id < b.id ? -1 : 1));

/** Runs a server call and shows its failure; returns what it returned, or undefined. */
export async function attempt(action) {
  try {
    return await action();
  } catch (error) {
    if (!(error instanceof api.CallFailed)) console.error(error);
    toast(error.message, "error");
    return undefined;
  }
}

export const say = (content) => attempt(() => api.postMessage(store.channelId, store.me.id, content));

/** Deletes a message for everyone; the event takes it off the page. */
export const remove = (id) => attempt(() => api.deleteMessage(id, store.me.id));

/** Takes an ephemeral message off this reader's page for good. */
export function dismiss(id) {
  const ids = new Set(JSON.parse(sessionStorage.getItem("dismissed") ?? "[]")).add(id);
  sessionStorage.setItem("dismissed", JSON.stringify([...ids].slice(-200)));
  for (const known of store.rooms.values()) known.remove(id);
  changed("messages");
}

const dismissed = (id) => JSON.parse(sessionStorage.getItem("dismissed") ?? "[]").includes(id);

/** Adds the reader's reaction, or takes it back where it is there. */
export async function toggleReaction(id, emoji) {
  const mine = findMessage(id)?.reactions?.find((reaction) => sameEmoji(reaction.emoji.name ?? "", emoji))?.me;
  await attempt(() => api.setReaction(id, emoji, store.me.id, !mine));
}

/** Runs a command (`options` by name, `files` a Map by name, `target` for message and user commands). */
export async function useCommand(command, options, files = new Map(), target) {
  const channelId = store.channelId;
  const payload = { user: store.me.id, command, options };
  if (target) payload.target = target;
  const answer = await attempt(() => api.runCommand(channelId, payload, files));
  if (answer?.interaction_id) await answered(answer.interaction_id, { channelId, name: command });
  return answer !== undefined;
}

/** Clicks a button (`values` undefined) or chooses in a select. */
export async function clickComponent(messageId, customId, values) {
  const message = findMessage(messageId);
  for (const [id, known] of store.pending) if (known.messageId === messageId && known.failed) store.pending.delete(id);
  const key = `click-${messageId}-${customId}`;
  const wait = { channelId: message?.channel_id ?? store.channelId, messageId, customId, failed: false };
  store.pending.set(key, wait);
  changed("message", messageId);
  const payload = { user: store.me.id, custom_id: customId };
  if (values) payload.values = values;
  const answer = await attempt(() => api.clickComponent(messageId, payload));
  store.pending.delete(key);
  if (answer?.interaction_id) await answered(answer.interaction_id, wait);
  else failPending(key, wait);
}

/** Sends a modal's fields; true where the server took them. */
export async function submitModal(interaction, customId, fields) {
  const channelId = store.channelId;
  const answer = await attempt(() =>
    api.submitModal(interaction, { user: store.me.id, custom_id: customId, components: fields }),
  );
  if (answer === undefined) return false;
  if (answer?.interaction_id) return answered(answer.interaction_id, { channelId, modal: true });
  return true;
}

/** Suggestions for one option, or an empty list where none came. */
export async function suggest(command, options, focused) {
  try {
    const payload = { user: store.me.id, channel: store.channelId, command, options, focused };
    return (await api.autocomplete(payload))?.choices ?? [];
  } catch {
    return [];
  }
}

/** Waits until the bot answered interaction `id` or the server gave it up; true for an answer. */
function answered(id, wait) {
  if (early.has(id)) {
    const good = early.get(id);
    early.delete(id);
    if (good) changed("pending", wait);
    else failPending(id, wait);
    return Promise.resolve(good);
  }
  return new Promise((resolve) => {
    const timer = setTimeout(() => settle(id, false), ANSWER_LIMIT_MS);
    store.pending.set(id, {
      ...wait,
      failed: false,
      resolve: (good) => {
        clearTimeout(timer);
        resolve(good);
      },
    });
    changed("pending", wait);
  });
}

function settle(id, good) {
  const wait = store.pending.get(id);
  if (!wait) {
    early.set(id, good);
    if (early.size > 100) early.delete(early.keys().next().value);
    return;
  }
  if (wait.failed) return;
  store.pending.delete(id);
  wait.resolve?.(good);
  if (good) changed("pending", wait);
  else failPending(id, wait);
}

function failPending(id, wait) {
  if (wait.modal) return;
  store.pending.set(id, { ...wait, failed: true });
  changed("pending", wait);
  announce(wait.name ? "The application did not respond" : "This interaction failed");
}

/** Takes the notice of a failed interaction off the page. */
export function forgetFailure(id) {
  const wait = store.pending.get(id);
  store.pending.delete(id);
  if (wait) changed("pending", wait);
}

const HANDLERS = {
  message_create({ message }) {
    if (dismissed(message.id)) return;
    const here = room(message.channel_id);
    if (here.loaded || here.fetching) here.put(message);
    if (here.messages.length > MOST_MESSAGES) here.forgetOldest(MOST_MESSAGES / 4);
    store.typing.get(message.channel_id)?.delete(message.author.id);
    settleByMessage(message);
    if (message.channel_id !== store.channelId || document.hidden) note(message);
    if (message.channel_id === store.channelId) {
      changed("messages", { created: message });
      announce(`${author(message.author).name}: ${summary(message)}`);
    }
    if (!findChannel(message.channel_id)) void attempt(refreshPlaces);
  },
  message_update({ message }) {
    const here = room(message.channel_id);
    const before = here.find(message.id);
    if (!before) return;
    here.put({ ...before, ...message });
    changed("message", message.id);
    if (!before.components?.length && message.components?.length && message.channel_id === store.channelId) {
      announce(`${author(message.author).name} edited: ${summary(message)}`);
    }
  },
  message_delete({ channel_id: channelId, message_id: id }) {
    if (room(channelId).remove(id) && channelId === store.channelId) changed("messages");
  },
  reaction(event) {
    const id = event.message?.id ?? event.message_id ?? event.id;
    const message = findMessage(id);
    if (!message) return;
    const reactions = event.message?.reactions ?? event.reactions;
    if (reactions) {
      room(message.channel_id).put({ ...message, reactions });
      changed("message", id);
    } else {
      void attempt(() => reloadChannel(message.channel_id));
    }
  },
  interaction_ack: ({ interaction_id: id }) => settle(id, true),
  interaction_failed: ({ interaction_id: id }) => settle(id, false),
  modal_open(event) {
    settle(event.interaction_id, true);
    openModal(event.interaction_id, event.modal);
  },
  commands(event) {
    if (event.commands) {
      store.commands = event.commands;
      changed("places");
    } else {
      void attempt(refreshPlaces);
    }
  },
  bot_status(event) {
    store.bot = { ...store.bot, ...event.bot, online: event.online ?? event.bot?.online ?? false };
    store.users.set(store.bot.id, store.bot);
    changed("places");
  },
  dms({ dms }) {
    adoptDms(dms);
    changed("places");
  },
  channels: () => void attempt(refreshPlaces),
  // The server dropped events that this page was too slow for.
  resync: () => void resync(),
  typing(event) {
    const user = event.user_id ?? event.user?.id ?? event.user;
    if (user === store.me.id) return;
    if (!store.typing.has(event.channel_id)) store.typing.set(event.channel_id, new Map());
    store.typing.get(event.channel_id).set(user, Date.now() + TYPING_MS);
    changed("typing");
  },
};

function receive(event) {
  HANDLERS[event.type]?.(event);
}

/** A message that names its interaction settles it too, should the acknowledgement be late. */
function settleByMessage(message) {
  const id = message.interaction_metadata?.id;
  if (id && store.pending.has(id)) settle(id, true);
}

async function refreshPlaces() {
  adoptState(await api.fetchState(store.me.id));
  changed("places");
  if (!findChannel(store.channelId) && firstChannel()) await openChannel(firstChannel());
}

function note(message) {
  if (message.author.id === store.me.id || message.channel_id === store.channelId) return;
  store.unread.set(message.channel_id, (store.unread.get(message.channel_id) ?? 0) + 1);
  changed("places");
}

function summary(message) {
  const pictures = message.attachments?.length ?? 0;
  const embed = message.embeds?.[0];
  const text = plainText(message.content || embed?.title || embed?.description || "", names);
  return [text.slice(0, 200), pictures > 0 ? `${pictures} attachment${pictures > 1 ? "s" : ""}` : ""]
    .filter(Boolean)
    .join(", ");
}

const remember = (key, value) => localStorage.setItem(`playground-${key}`, value);

/** What this browser was last set to (`user`, `channel`). */
export const recall = (key) => localStorage.getItem(`playground-${key}`);
