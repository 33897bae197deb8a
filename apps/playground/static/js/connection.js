// The tie to the server: hello, messages and frames in, messages out, and coming back after a loss. States:
// connecting, open, lost (retried by itself), busy (retried), refused (token), replaced (the session moved to a tab).

import { decodeFrame } from "./frame.js";
import { createOutbox } from "./outbox.js";

const RESUME = 60000; // ms a session outlives its connection
const DELAYS = [250, 500, 1000, 2000, 4000]; // ms before each try, the last again and again
const CLOSED = { 4001: "refused", 4002: "busy", 4005: "replaced" };

// on = {state(name), message(object), frame(object)}; hello(resumed) gives settings and points at each start.
export function createConnection({ url, token, hello, on, Socket = WebSocket }) {
  let socket = null;
  let session = null;
  let lostAt = 0;
  let tries = 0;
  let timer = 0;
  let opened = false;
  let state = null;

  const outbox = createOutbox((message) => socket.send(JSON.stringify(message)));

  function tell(name) {
    state = name;
    on.state(name);
  }

  function open() {
    clearTimeout(timer);
    if (socket) return;
    if (state !== "busy") tell(tries === 0 ? "connecting" : "lost"); // a full server stays one while it is asked again
    const mine = new Socket(url);
    socket = mine;
    mine.binaryType = "arraybuffer";
    mine.onopen = () => {
      const resumed = session !== null && Date.now() - lostAt < RESUME ? session : null;
      mine.send(JSON.stringify({ type: "hello", token: token(), session: resumed, ...hello(resumed !== null) }));
    };
    mine.onmessage = ({ data }) => (typeof data === "string" ? receive(JSON.parse(data)) : receiveFrame(data));
    mine.onclose = ({ code }) => mine === socket && closed(code);
  }

  function receive(message) {
    if (message.type === "welcome") {
      session = message.session;
      tries = 0;
      opened = true;
      tell("open");
    }
    on.message(message);
  }

  // The next frame comes once this one has been drawn; a hidden page draws nothing and answers at once.
  function receiveFrame(data) {
    const frame = decodeFrame(data);
    const mine = socket;
    const acknowledge = () => {
      if (mine === socket && mine.readyState === 1) mine.send(JSON.stringify({ type: "ack", frame: frame.frame }));
    };
    on.frame(frame);
    if (document.hidden) acknowledge();
    else requestAnimationFrame(acknowledge);
  }

  function closed(code) {
    socket = null;
    if (opened) lostAt = Date.now();
    opened = false;
    outbox.clear();
    tell(CLOSED[code] ?? "lost");
    if (state === "refused" || state === "replaced") return;
    timer = setTimeout(open, state === "busy" ? 4000 : DELAYS[Math.min(tries, DELAYS.length - 1)]);
    tries += 1;
  }

  return {
    open,
    send(message) {
      if (opened) outbox.send(message);
    },
    // At once, after another page has brought a new token or the person asked for it.
    retry() {
      tries = 0;
      open();
    },
  };
}
