// The page's side of the playground's HTTP and websocket contract. Every call has a time limit and fails with a
// sentence that can be shown.

const ROOT = "/playground/api";
const CALL_LIMIT_MS = 15_000;
const RECONNECT_MS = [500, 1_000, 2_000, 4_000, 8_000];

/** A call that the server refused or that never got an answer; `message` can be shown, `status` is 0 without one. */
export class CallFailed extends Error {
  constructor(message, status) {
    super(message);
    this.status = status;
  }
}

async function call(method, path, { query, body } = {}) {
  const url = new URL(ROOT + path, location.origin);
  for (const [name, value] of Object.entries(query ?? {})) if (value !== undefined) url.searchParams.set(name, value);
  const init = { method, signal: AbortSignal.timeout(CALL_LIMIT_MS) };
  if (body instanceof FormData) {
    init.body = body;
  } else if (body !== undefined) {
    init.headers = { "content-type": "application/json" };
    init.body = JSON.stringify(body);
  }
  let response;
  try {
    response = await fetch(url, init);
  } catch (cause) {
    throw new CallFailed(
      cause.name === "TimeoutError" ? "The playground did not answer in time." : "The playground cannot be reached.",
      0,
    );
  }
  const text = await response.text();
  const answer = parse(text);
  if (!response.ok)
    throw new CallFailed(
      answer?.message ?? answer?.error ?? `The playground answered ${response.status}.`,
      response.status,
    );
  return answer;
}

function parse(text) {
  try {
    return text === "" ? null : JSON.parse(text);
  } catch {
    return null;
  }
}

const id = encodeURIComponent;

export const fetchState = (user) => call("GET", "/state", { query: { user } });

export const fetchMessages = (channel, user, before) =>
  call("GET", `/channels/${id(channel)}/messages`, { query: { user, before } });

export const postMessage = (channel, user, content) =>
  call("POST", `/channels/${id(channel)}/messages`, { body: { user, content } });

export const deleteMessage = (message, user) => call("DELETE", `/messages/${id(message)}`, { query: { user } });

/** Runs a command; `files` is a Map from option name to File and turns the call into a multipart one. */
export function runCommand(channel, payload, files) {
  return call("POST", `/channels/${id(channel)}/interactions`, {
    body: files.size === 0 ? payload : form(payload, files),
  });
}

function form(payload, files) {
  const data = new FormData();
  data.set("payload_json", JSON.stringify(payload));
  for (const [name, file] of files) data.set(name, file, file.name);
  return data;
}

export const clickComponent = (message, payload) =>
  call("POST", `/messages/${id(message)}/components`, { body: payload });

export const submitModal = (interaction, payload) =>
  call("POST", `/interactions/${id(interaction)}/modal`, { body: payload });

export const autocomplete = (payload) => call("POST", "/interactions/autocomplete", { body: payload });

export const setReaction = (message, emoji, user, present) =>
  call(present ? "PUT" : "DELETE", `/messages/${id(message)}/reactions/${id(emoji)}`, { query: { user } });

/**
 * Follows the server's events for one user until `close()`. `onEvent` gets each event, `onLink(up, again)` each change
 * of the connection; `again` is true after a gap, when events may have been missed.
 */
export function followEvents(user, { onEvent, onLink }) {
  let socket;
  let attempts = 0;
  let opened = false;
  let closed = false;
  let timer;
  const connect = () => {
    const url = new URL(`${ROOT}/events`, location.href);
    url.protocol = location.protocol === "https:" ? "wss:" : "ws:";
    url.searchParams.set("user", user);
    socket = new WebSocket(url);
    socket.addEventListener("open", () => {
      if (closed) {
        socket.close();
        return;
      }
      attempts = 0;
      onLink(true, opened);
      opened = true;
    });
    socket.addEventListener("message", ({ data }) => {
      const event = closed ? null : parse(data);
      if (event) onEvent(event);
    });
    socket.addEventListener("close", () => {
      if (closed) return;
      onLink(false, false);
      timer = setTimeout(connect, RECONNECT_MS[Math.min(attempts, RECONNECT_MS.length - 1)]);
      attempts += 1;
    });
  };
  connect();
  return {
    close() {
      closed = true;
      clearTimeout(timer);
      if (socket.readyState === WebSocket.OPEN) socket.close();
    },
  };
}
