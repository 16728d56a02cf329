// Where one can be and as whom: the servers at the left, the channels beside them, the head of the open channel, and
// the panel with the users to switch between.

import { avatar } from "./avatar.js";
import { h, fill, byId } from "./dom.js";
import { icon } from "./icons.js";
import { closeMenu, openMenu } from "./menu.js";
import { attempt, enter, openChannel } from "./session.js";
import { findChannel, firstChannel, isElsewhere, on, store } from "./store.js";
import { morph } from "./morph.js";

/** The server whose channels are listed; null for direct messages. */
let shownGuild = null;

/** Draws these parts and keeps them up to date. */
export function setUpPlaces() {
  on("places", () => {
    followChannel();
    draw();
  });
  on("channel", () => {
    followChannel();
    draw();
    closeDrawer();
  });
  on("link", drawHead);
  byId("scrim").addEventListener("click", closeDrawer);
  for (const id of ["rail", "sidebar-list"]) byId(id).addEventListener("keydown", walk);
  byId("rail").addEventListener("click", onRail);
  byId("sidebar-list").addEventListener("click", ({ target }) => {
    const id = target.closest("[data-channel]")?.dataset.channel;
    if (id) void openChannel(id);
  });
  document.addEventListener("keydown", (event) => {
    if (event.key === "Escape" && document.body.classList.contains("drawer-open")) closeDrawer();
  });
}

function followChannel() {
  const channel = findChannel(store.channelId);
  if (channel) shownGuild = channel.guild?.id ?? null;
}

function draw() {
  if (!store.me) return;
  drawRail();
  drawList();
  drawHead();
  drawUser();
}

const unreadIn = (ids) => ids.reduce((total, id) => total + (store.unread.get(id) ?? 0), 0);

function onRail({ target }) {
  const button = target.closest("[data-guild]");
  if (!button) return;
  shownGuild = button.dataset.guild || null;
  const guild = store.guilds.find((known) => known.id === shownGuild);
  const ids = guild ? guild.channels.map((channel) => channel.id) : store.dms.map((dm) => dm.channel_id);
  if (ids.length > 0 && !ids.includes(store.channelId)) void openChannel(ids[0]);
  else draw();
  // On a narrow window the drawer stays open until a channel is chosen.
  if (matchMedia("(max-width: 760px)").matches) document.body.classList.add("drawer-open");
}

function update(id, ...nodes) {
  const current = byId(id);
  const wanted = current.cloneNode(false);
  wanted.append(...nodes.flat().filter(Boolean));
  morph(current, wanted);
}

function drawRail() {
  const entry = (id, name, face, ids) => {
    const unread = unreadIn(ids);
    const here = shownGuild === id;
    return h(
      "div",
      { class: `rail-entry${here ? " here" : ""}${unread ? " unread" : ""}`, "data-key": id ?? "direct" },
      h("span", { class: "rail-pill", "aria-hidden": "true" }),
      h(
        "button",
        {
          class: "rail-button",
          type: "button",
          title: name,
          "data-guild": id ?? "",
          "aria-current": here ? "true" : null,
          "aria-label": unread ? `${name}, ${unread} unread` : name,
        },
        face,
      ),
      unread ? h("span", { class: "badge", "aria-hidden": "true" }, Math.min(unread, 99)) : null,
    );
  };
  update(
    "rail",
    entry(
      null,
      "Direct messages",
      icon("chat"),
      store.dms.map((dm) => dm.channel_id),
    ),
    h("div", { class: "rail-line" }),
    store.guilds.map((guild) =>
      entry(
        guild.id,
        guild.name,
        h("span", { class: "rail-text" }, guild.icon_text || guild.name[0]),
        guild.channels.map((channel) => channel.id),
      ),
    ),
  );
}

function drawList() {
  const guild = store.guilds.find((known) => known.id === shownGuild);
  update("sidebar-head", h("h2", null, guild?.name ?? "Direct messages"));
  const row = (id, face, name, extra) => {
    const unread = store.unread.get(id) ?? 0;
    const here = id === store.channelId;
    return h(
      "button",
      {
        class: `place${here ? " here" : ""}${unread ? " unread" : ""}`,
        type: "button",
        "data-channel": id,
        "data-key": id,
        "aria-current": here ? "page" : null,
        "aria-label": unread ? `${name}, ${unread} unread` : null,
      },
      face,
      h("span", { class: "place-name" }, name),
      extra,
      unread ? h("span", { class: "badge", "aria-hidden": "true" }, Math.min(unread, 99)) : null,
    );
  };
  const rows = guild
    ? [
        h("h3", { class: "place-group", "data-key": "text" }, "Text channels"),
        ...withThreads(guild.channels).map((channel) =>
          row(channel.id, icon(channel.parent_id ? "thread" : "hash"), channel.name, marks(channel)),
        ),
      ]
    : store.dms.map((dm) =>
        row(
          dm.channel_id,
          avatar(dm.user, "sm"),
          dm.user.name,
          dm.user.bot ? h("span", { class: "app-tag" }, "APP") : null,
        ),
      );
  update("sidebar-list", rows.length > 0 ? rows : h("p", { class: "nothing" }, "No conversations yet."));
}

/** Channels in their order, each followed by its threads. */
function withThreads(channels) {
  const top = channels.filter((channel) => !channels.some((other) => other.id === channel.parent_id));
  return top.flatMap((channel) => [channel, ...channels.filter((thread) => thread.parent_id === channel.id)]);
}

function marks(channel) {
  return [
    channel.archived ? h("span", { class: "soft-tag", title: "Archived thread" }, "archived") : null,
    channel.nsfw ? h("span", { class: "age-tag", title: "Age-restricted" }, "18+") : null,
  ];
}

function drawHead() {
  const channel = findChannel(store.channelId);
  if (!channel) return;
  document.title = `${channel.dm ? "@" : "#"}${channel.name} – Playground`;
  const unread = unreadIn([...store.unread.keys()]);
  const status = store.linkUp
    ? h(
        "span",
        { class: `status ${store.bot.online ? "status-on" : "status-off"}`, role: "status" },
        h("i"),
        h("span", null, `${store.bot.name} ${store.bot.online ? "online" : "offline"}`),
      )
    : h("span", { class: "status status-wait", role: "status" }, h("i"), h("span", null, "Reconnecting…"));
  const toggle = h(
    "button",
    {
      class: `icon-button drawer-button${unread ? " unread" : ""}`,
      type: "button",
      "aria-label": "Channels and users",
      on: {
        click: () => document.body.classList.toggle("drawer-open"),
      },
    },
    icon("menu"),
  );
  fill(
    byId("channel-head"),
    toggle,
    h("span", { class: "head-mark" }, channel.dm ? avatar(channel.dm, "sm") : icon("hash")),
    h("h1", { class: "head-name" }, channel.name),
    marks(channel),
    isElsewhere(channel)
      ? h("span", { class: "soft-tag", title: `${store.bot.name} is no member here` }, "installed by you")
      : null,
    channel.topic
      ? h("span", { class: "head-topic", title: channel.topic }, channel.topic)
      : h("span", { class: "head-topic" }),
    status,
  );
}

function drawUser() {
  const panel = byId("user-panel");
  const old = panel.querySelector("button");
  if (old?.dataset.user === store.me.id) return;
  const button = h(
    "button",
    {
      class: "user-button",
      type: "button",
      "aria-haspopup": "menu",
      "aria-expanded": "false",
      "data-user": store.me.id,
      "aria-label": `You are ${store.me.name}. Switch user`,
      on: { click: () => switchMenu(button) },
    },
    h("span", { class: "face-frame" }, avatar(store.me), h("i", { class: "presence" })),
    h(
      "span",
      { class: "user-text" },
      h("span", { class: "user-name" }, store.me.name),
      h("span", { class: "user-note" }, "Switch user"),
    ),
    icon("updown"),
  );
  fill(panel, button);
}

function switchMenu(anchor) {
  const people = [...store.users.values()].filter((user) => !user.bot);
  openMenu(
    anchor,
    [
      { heading: "Look at the chat as" },
      ...people.map((user) => ({
        label: user.name,
        icon: avatar(user, "sm"),
        checked: user.id === store.me.id,
        value: user.id,
        onPick: () => become(user.id),
      })),
    ],
    { label: "Switch user", className: "as-wide user-menu" },
  );
}

async function become(id) {
  closeMenu();
  if (id === store.me.id) return;
  await attempt(() => enter(id));
  if (!findChannel(store.channelId)) await openChannel(firstChannel());
  byId("user-panel").querySelector("button").focus();
}

function closeDrawer() {
  document.body.classList.remove("drawer-open");
}

/** Up and down walk a list of buttons; Tab leaves it. */
function walk(event) {
  const step = { ArrowUp: -1, ArrowDown: 1 }[event.key];
  const list = [...event.currentTarget.querySelectorAll("button")];
  const at = list.indexOf(document.activeElement);
  if (!step || at < 0) return;
  event.preventDefault();
  list[Math.max(0, Math.min(list.length - 1, at + step))].focus();
}
