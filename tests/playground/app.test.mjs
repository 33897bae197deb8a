// The page's core against a server of the test's own: what it sends when, and what it takes.

import assert from "node:assert/strict";
import { test } from "node:test";

const sockets = [];
class FakeSocket {
  readyState = 1;
  sent = [];
  constructor(url) {
    this.url = url;
    sockets.push(this);
  }
  send(text) {
    this.sent.push(JSON.parse(text));
  }
  hear(message) {
    this.onmessage({ data: JSON.stringify(message) });
  }
}
const quiet = { addEventListener() {}, hidden: false };
Object.assign(globalThis, {
  WebSocket: FakeSocket,
  document: quiet,
  window: quiet,
  history: { replaceState: (_, __, text) => (location.hash = text) },
  location: { hash: "", pathname: "/", host: "127.0.0.1:1", protocol: "http:", origin: "http://127.0.0.1:1" },
  requestAnimationFrame: (fn) => setTimeout(fn, 0),
  addEventListener() {},
});
Object.defineProperty(globalThis, "navigator", { value: { languages: ["en"] } });
Object.defineProperty(globalThis, "performance", { value: { now: () => Date.now() } }); // and Date is the test's
const { createApp } = await import("../../apps/playground/static/js/app.js");
const { shareLink } = await import("../../apps/playground/static/js/share.js");
const { SETTINGS, defaults } = await import("../../apps/playground/static/js/options.js");

const LIMITS = { layers: 8, neurons: 32, points: 5000, csv: 256000, message: 262144 };
const NETWORK = { features: ["x", "y"], layers: [4, 2, 1], activation: "tanh", output: "tanh" };

function state(settings, more = {}) {
  return {
    type: "state", generation: 1, settings: { ...defaults(SETTINGS), ...settings }, compatible: true, network: NETWORK, classes: 2, own: null,
    points: { train: [], test: [] }, history: [[0, 0.5, 0.5]], running: false, epoch: 0, ...more,
  };
}

function begin(context, hash = "") {
  context.mock.timers.enable({ apis: ["setTimeout", "Date"] });
  location.hash = hash;
  const app = createApp();
  app.start();
  const socket = sockets.at(-1);
  socket.onopen();
  const hello = socket.sent[0];
  socket.hear({ type: "welcome", session: "s", resumed: false, limits: LIMITS, backend: "" });
  socket.hear(state(hello.settings));
  const wait = (ms = 1000) => {
    for (let passed = 0; passed < ms; passed += 20) context.mock.timers.tick(20);
  };
  wait();
  socket.sent.length = 0;
  return { app, socket, hello, wait, store: app.store };
}

const types = ({ sent }) => sent.map(({ type, settings }) => (settings ? `${type} ${JSON.stringify(settings)}` : type));

test("the address is said in the hello, its token with it, and nowhere else", (context) => {
  const { hello, app } = begin(context, "#token=secret&dataset=spiral&noise=10&bad=1");
  assert.equal(hello.token, "secret");
  assert.deepEqual([hello.settings.dataset, hello.settings.noise, hello.session], ["spiral", 10, null]);
  assert.deepEqual(Object.keys(hello.settings).sort(), Object.keys(SETTINGS).sort());
  assert.equal(app.store.get("notice").params.parts, "bad=1");
  assert.equal(shareLink(app), "http://127.0.0.1:1/#dataset=spiral&noise=10");
  assert.ok(!location.hash.includes("secret"));
});

test("a change is shown at once; one is on its way at a time, the last wins, and an error takes it back", (context) => {
  const { app, socket, store, wait } = begin(context);
  for (const noise of [5, 10, 15, 20]) app.change({ noise });
  wait();
  assert.deepEqual(types(socket), ['settings {"noise":5}']);
  assert.equal(store.get("settings").noise, 20);
  socket.hear(state({ noise: 5 }));
  wait();
  assert.deepEqual(types(socket).slice(1), ['settings {"noise":20}']);
  assert.equal(store.get("settings").noise, 20);
  socket.hear({ type: "error", code: "setting_value", details: { key: "noise" }, message: "no" });
  assert.equal(store.get("settings").noise, 5);
  assert.equal(store.get("notice").key, "error.setting_value");
});

test("changes made before a message come before it", (context) => {
  const { app, socket, wait } = begin(context);
  app.change({ noise: 5 });
  app.change({ batchSize: 20 });
  app.send({ type: "reset" });
  wait();
  assert.deepEqual(types(socket), ['settings {"noise":5}', 'settings {"batchSize":20}', "reset"]);
});

test("points of three classes bring the loss they need, before them", (context) => {
  const { app, socket, wait, store } = begin(context);
  app.change({ noise: 5 });
  app.send({ type: "points", points: [[0, 0, 0], [1, 1, 1], [2, 2, 2]] });
  wait();
  assert.deepEqual(types(socket), ['settings {"noise":5}', 'settings {"loss":"cross_entropy"}', "points"]);
  socket.hear(state({ loss: "cross_entropy", dataset: "own" }, { own: [[0, 0, 0], [1, 1, 1], [2, 2, 2]], classes: 3 }));
  assert.match(shareLink(app), /#dataset=own&loss=cross_entropy&points=0,0,0;1,1,1;2,2,2$/);
  assert.equal(store.get("classes"), 3);
});

test("a run that is refused does not leave the page running, and frames of another generation are not shown", (context) => {
  const { app, socket, store, wait } = begin(context);
  app.send({ type: "run", running: true });
  assert.equal(store.get("running"), true);
  socket.hear({ type: "error", code: "batch_large", details: {}, message: "no" });
  assert.equal(store.get("running"), false);
  const frame = (header) => {
    const text = new TextEncoder().encode(JSON.stringify({ running: true, history: [], blocks: [], ...header }).padEnd(400));
    const bytes = new Uint8Array(4 + text.length);
    new DataView(bytes.buffer).setUint32(0, text.length, true);
    bytes.set(text, 4);
    return bytes.buffer;
  };
  socket.sent.length = 0;
  socket.onmessage({ data: frame({ frame: 1, generation: 0, epoch: 99 }) });
  assert.equal(store.get("epoch"), 0);
  socket.onmessage({ data: frame({ frame: 2, generation: 1, epoch: 3, history: [[3, 0.4, 0.4]] }) });
  assert.equal(store.get("epoch"), 3);
  assert.deepEqual(store.get("history").at(-1), [3, 0.4, 0.4]);
  wait(40);
  assert.deepEqual(socket.sent.filter(({ type }) => type === "ack").map(({ frame: number }) => number), [1, 2]);
});

test("a new session is not begun with points that don't fit into a message; one that is resumed has them", (context) => {
  const { app, socket, store, wait } = begin(context);
  const points = Array.from({ length: 5000 }, () => [-0.000012345678901234567, 0.000012345678901234567, -1]);
  app.send({ type: "points", points });
  socket.hear(state({ dataset: "own" }, { own: points }));
  socket.onclose({ code: 1006 });
  wait(300);
  const hello = () => (sockets.at(-1).onopen(), sockets.at(-1).sent[0]);
  const { session, settings, points: sent } = hello();
  assert.deepEqual([session, settings.dataset, sent === null], ["s", "own", true]);
  sockets.at(-1).onclose({ code: 1006 });
  wait(70000);
  const later = hello();
  assert.deepEqual([later.session, later.settings.dataset, later.points === null], [null, "circle", true]);
  assert.equal(store.get("notice").key, "notice.pointsLost");
});

test("a new server gets the settings of the page, changed meanwhile, and goes on training", (context) => {
  const { app, socket, store, wait } = begin(context);
  app.send({ type: "run", running: true });
  socket.onclose({ code: 1006 });
  app.change({ learningRate: 0.1 });
  app.send({ type: "points", points: [[0, 0, 1], [1, 1, -1]] });
  assert.equal(store.get("connection"), "lost");
  wait(300);
  const next = sockets.at(-1);
  assert.notEqual(next, socket);
  next.onopen();
  assert.equal(next.sent[0].session, "s");
  assert.deepEqual([next.sent[0].settings.learningRate, next.sent[0].settings.dataset, next.sent[0].points.length], [0.1, "own", 2]);
  next.hear({ type: "welcome", session: "t", resumed: false, limits: LIMITS, backend: "" });
  next.hear(state(next.sent[0].settings, { own: next.sent[0].points }));
  wait();
  assert.deepEqual(next.sent.at(-1), { type: "run", running: true });
});
