// Starts the page.

import { setUpComposer } from "./composer.js";
import { openModal } from "./dialog.js";
import { byId, fill, h } from "./dom.js";
import { setUpLog } from "./log.js";
import { messageAddress } from "./markdown.js";
import { openMessage } from "./message-actions.js";
import { setUpPlaces } from "./places.js";
import { openChannel, recall, start } from "./session.js";
import { findChannel, store } from "./store.js";
import { tick } from "./time.js";

const RETRY_MS = 2000;

setUpPlaces();
setUpLog();
setUpComposer();
setInterval(tick, 1000);
addEventListener("hashchange", () => {
  const id = location.hash.slice(1);
  if (id !== store.channelId && findChannel(id)) void openChannel(id);
});
const wanted = messageAddress(location.href);
if (wanted) history.replaceState(null, "", `/${location.search}#${wanted.channel}`);
await begin(new URLSearchParams(location.search).get("user") ?? recall("user") ?? undefined);

/** Enters as `user`; a user that is not known any more gives way to the first one. */
async function begin(user) {
  try {
    await start(user, openModal);
    byId("composer").focus();
    if (wanted) await openMessage(wanted.channel, wanted.id);
  } catch (error) {
    if (user !== undefined && error.status >= 400) {
      await begin(undefined);
      return;
    }
    fill(
      byId("log-inner"),
      h(
        "section",
        { class: "welcome" },
        h("h1", null, "The playground is not there"),
        h("p", null, `${error.message} Trying again…`),
      ),
    );
    setTimeout(() => begin(user), RETRY_MS);
  }
}
