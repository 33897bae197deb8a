// The page's core: app = {store, send, t, change, on, ...}. Settings live on the server; the page shows a change at once and
// takes what the server answers.

import { bindAddress, readAddress } from "./address.js";
import { createConnection } from "./connection.js";
import { createHistory } from "./history.js";
import { createTranslator, hasString, preferredLanguage } from "./i18n.js";
import { PAGE, SETTINGS, classesOfPoints, completeChange, defaults, usesOwn } from "./options.js";
import { namedIn, recallPreferences } from "./preferences.js";
import { createStore } from "./store.js";

const SOCKET = "/socket";
const ROOM = 4096; // bytes of a hello besides its points
const TAKEN = ["generation", "network", "classes", "points", "running", "epoch", "compatible"]; // from a state as they are

export function createApp() {
  const address = readAddress();
  const recalled = recallPreferences();
  const page = { ...defaults(PAGE), ...recalled, ...address.page };
  const store = createStore({
    ...page,
    lang: page.lang || preferredLanguage(),
    named: namedIn(address.page),
    settings: { ...defaults(SETTINGS), ...address.settings },
    own: address.points, // a person's points in the order given; the server shuffles them by the seed
    hidden: address.hidden,
    network: null,
    points: { train: [], test: [] },
    classes: 2,
    history: [],
    running: false,
    epoch: 0,
    frame: null,
    connection: "connecting",
    generation: -1,
    compatible: true,
    limits: { layers: 8, neurons: 32, points: 5000, csv: 262144, message: 262144 },
    shown: null,
    selected: null,
    spotlight: null,
    byHand: false,
    drawing: null,
    lesson: address.page.tutorial || null,
    stop: { loss: page.stopLoss, epoch: page.stopEpoch },
    notice: null,
  });

  const listeners = new Map(); // type of message -> [fn]
  const history = createHistory();
  let confirmed = store.get("settings");
  let asked = null; // changes sent and not answered yet
  let waiting = null; // changes made since
  let running = false; // as the server said last

  const connection = createConnection({
    url: `${location.protocol === "https:" ? "wss" : "ws"}://${location.host}${SOCKET}`,
    token: () => address.token(),
    hello,
    on: { state: (name) => store.set("connection", name), message: receive, frame: receiveFrame },
  });

  // What a session begins with, or goes on with: it has the points already then. Points that don't fit into a message are
  // not for a new one, and that is said.
  function hello(resumed) {
    const settings = store.get("settings");
    if (!usesOwn(settings)) return { settings, points: null };
    const own = store.get("own");
    const fits = own?.length > 0 && JSON.stringify(own).length + ROOM < store.get("limits").message;
    if (fits || resumed) return { settings, points: fits ? own : null };
    app.notify({ kind: "warning", key: "notice.pointsLost" });
    const key = settings.problem === "regression" ? "regDataset" : "dataset";
    return { settings: { ...settings, [key]: SETTINGS[key].fallback }, points: null };
  }

  function receive(message) {
    if (message.type === "welcome") welcome(message);
    else if (message.type === "state") receiveState(message);
    else if (message.type === "error") receiveError(message);
    for (const fn of listeners.get(message.type) ?? []) fn(message);
  }

  function welcome(message) {
    asked = message.resumed ? waiting : null; // a new session has it from the hello
    waiting = null;
    if (asked) connection.send({ type: "settings", settings: asked });
    store.set("limits", message.limits);
    store.set("resumed", message.resumed);
    store.set("backend", message.backend);
    sendView();
    if (store.get("running")) app.send({ type: "run", running: true });
  }

  function receiveState(message) {
    confirmed = message.settings;
    settle();
    history.replace(message.history);
    running = message.running;
    if (message.generation !== store.get("generation")) store.set("shown", null); // so does the server: the neuron may be gone
    if (usesOwn(message.settings)) store.set("own", message.own);
    for (const key of TAKEN) store.set(key, message[key]);
    store.set("history", history.rows);
  }

  function receiveError({ code, details, message }) {
    settle();
    store.set("running", running); // "run" may be what was refused
    const key = `error.${code}`;
    app.notify(hasString(key) ? { kind: "error", key, params: details } : { kind: "error", text: message });
  }

  function receiveFrame(frame) {
    if (frame.generation !== store.get("generation")) return;
    if (frame.history.length > 0) {
      history.append(frame.history);
      store.set("history", history.rows);
    }
    running = frame.running;
    store.set("epoch", frame.epoch);
    store.set("running", running);
    store.set("frame", frame);
  }

  // One change is on its way at a time; what came since goes when it is answered.
  function settle() {
    asked = waiting;
    waiting = null;
    if (asked) connection.send({ type: "settings", settings: asked });
    store.set("settings", { ...confirmed, ...asked });
  }

  function change(partial) {
    const whole = completeChange(store.get("settings"), partial, classesOfPoints(store.get("own")));
    store.set("settings", { ...store.get("settings"), ...whole });
    if (asked || store.get("connection") !== "open") {
      waiting = { ...waiting, ...whole };
    } else {
      asked = whole;
      connection.send({ type: "settings", settings: whole });
    }
  }

  function send(message) {
    if (message.type === "points") prepareFor(message.points);
    if (message.type === "run") store.set("running", message.running);
    if (message.type !== "view") hurry();
    connection.send(message);
  }

  // Changes made before a message come before it.
  function hurry() {
    if (!waiting || store.get("connection") !== "open") return;
    connection.send({ type: "settings", settings: waiting });
    asked = { ...asked, ...waiting };
    waiting = null;
  }

  // Points of three and more classes can't come while a loss for two is chosen. Without a server they wait for the next hello.
  function prepareFor(points) {
    store.set("own", points);
    const { problem, loss } = store.get("settings");
    const regression = problem === "regression";
    if (!regression && loss !== "cross_entropy" && classesOfPoints(points) > 2) change({ loss: "cross_entropy" });
    if (store.get("connection") === "open") return;
    store.set("settings", { ...store.get("settings"), [regression ? "regDataset" : "dataset"]: "own" });
  }

  function sendView() {
    const { loss, epoch } = store.get("stop");
    send({
      type: "view",
      shown: store.get("shown"),
      gradients: store.get("view") !== "weights",
      visible: !document.hidden,
      speed: store.get("speed"),
      stop: { loss, epoch },
    });
  }

  const app = {
    store,
    send,
    change,
    t: createTranslator(() => store.get("lang")),
    // fn(message) for each message of a type: "by_hand", "file", "event", "state", ...
    on(type, fn) {
      listeners.set(type, [...(listeners.get(type) ?? []), fn]);
    },
    // {kind: "error" | "warning" | "info", key, params} or with text; null takes it away.
    notify: (notice) => store.set("notice", notice),
    retry: () => connection.retry(),
    start() {
      store.on("shown", (shown) => send({ type: "view", shown }));
      store.on("view", (view) => send({ type: "view", gradients: view !== "weights" }));
      store.on("speed", (speed) => send({ type: "view", speed }));
      store.on("stop", ({ loss, epoch }) => send({ type: "view", stop: { loss, epoch } }));
      document.addEventListener("visibilitychange", () => send({ type: "view", visible: !document.hidden }));
      bindAddress(app, address);
      connection.open();
    },
  };
  return app;
}
