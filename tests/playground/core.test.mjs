// The store, the outbox, the tie to the server and the history of losses, each with a clock or a socket of the test's own.

import assert from "node:assert/strict";
import { test } from "node:test";
import { createConnection } from "../../apps/playground/static/js/connection.js";
import { createHistory } from "../../apps/playground/static/js/history.js";
import { createOutbox } from "../../apps/playground/static/js/outbox.js";
import { createStore } from "../../apps/playground/static/js/store.js";

test("a watcher is told at once, then once a frame however much has changed", () => {
  const frames = [];
  const store = createStore({ a: 1, b: 2 }, (fn) => frames.push(fn));
  const told = [];
  const end = store.on(["a", "b"], (a, b) => told.push([a, b]));
  store.set("a", 3);
  store.set("a", 4);
  store.set("b", 5);
  store.set("b", 5);
  assert.equal(frames.length, 1);
  frames.shift()();
  assert.deepEqual(told, [[1, 2], [4, 5]]);
  store.set("b", 5);
  assert.equal(frames.length, 0); // no change
  store.set("b", 6);
  end();
  frames.shift()();
  assert.equal(told.length, 2);
});

test("an array that grew is a change, and a watcher that fails does not stop the next", (context) => {
  context.mock.method(console, "error", () => {});
  const frames = [];
  const rows = [];
  const store = createStore({ rows }, (fn) => frames.push(fn));
  let told = 0;
  store.on("rows", () => {
    if (told > 0) throw new Error("broken");
  });
  store.on("rows", () => (told += 1));
  store.set("rows", rows);
  frames.shift()();
  assert.equal(told, 2);
});

function clockedOutbox() {
  const sent = [];
  const timers = [];
  const clock = { time: 0, now: () => clock.time, after: (fn, ms) => timers.push({ fn, at: clock.time + ms }) };
  const outbox = createOutbox((message) => sent.push({ ...message, at: clock.time }), clock);
  const run = (until) => {
    for (; timers.length > 0 && timers[0].at <= until; ) {
      const { fn, at } = timers.shift();
      clock.time = at;
      fn();
    }
    clock.time = until;
  };
  return { sent, outbox, run };
}

test("a dragged slider and a moving pointer for one second: at most 26 messages, the last ones in them", () => {
  const { sent, outbox, run } = clockedOutbox();
  for (let ms = 0; ms < 1000; ms += 2) {
    run(ms);
    outbox.send({ type: "weight", layer: 0, to: 0, from: 1, value: ms });
    outbox.send({ type: "view", shown: [0, ms] });
  }
  run(1100);
  assert.ok(sent.length <= 28, `${sent.length}`);
  assert.equal(sent.findLast(({ type }) => type === "weight").value, 998);
  assert.deepEqual(sent.findLast(({ type }) => type === "view").shown, [0, 998]);
});

test("waiting messages of a kind become one, but never across one whose place matters", () => {
  const { sent, outbox, run } = clockedOutbox();
  outbox.send({ type: "reset" });
  outbox.send({ type: "settings", settings: { noise: 5 } });
  outbox.send({ type: "settings", settings: { noise: 10, seed: 2 } });
  outbox.send({ type: "weight", layer: 0, to: 0, from: 0, value: 1 });
  outbox.send({ type: "reset" });
  outbox.send({ type: "weight", layer: 0, to: 0, from: 0, value: 2 });
  outbox.send({ type: "step", unit: "epoch", times: 1 });
  outbox.send({ type: "step", unit: "epoch", times: 10 });
  run(1000);
  assert.deepEqual(sent.map(({ type, value, times, settings }) => [type, value ?? times ?? settings]), [
    ["reset", undefined], ["settings", { noise: 10, seed: 2 }], ["weight", 1], ["reset", undefined], ["weight", 2], ["step", 11],
  ]);
});

test("the history takes only what is later, starts anew with a state, and stays bounded", () => {
  const history = createHistory(100);
  history.replace([[0, 1, 1], [1, 0.9, 1]]);
  history.append([[1, 7, 7], [2, 0.8, 1]]);
  assert.deepEqual(history.rows, [[0, 1, 1], [1, 0.9, 1], [2, 0.8, 1]]);
  for (let epoch = 3; epoch < 1000; epoch++) history.append([[epoch, 0, 0]]);
  assert.ok(history.rows.length <= 100);
  assert.deepEqual([history.rows[0][0], history.rows.at(-1)[0]], [0, 999]);
});

class FakeSocket {
  static all = [];
  readyState = 1;
  sent = [];
  constructor() {
    FakeSocket.all.push(this);
  }
  send(text) {
    this.sent.push(JSON.parse(text));
  }
  hear(message) {
    this.onmessage({ data: JSON.stringify(message) });
  }
}

function connect(context) {
  context.mock.timers.enable({ apis: ["setTimeout", "Date"] });
  FakeSocket.all = [];
  const states = [];
  const connection = createConnection({
    url: "ws://x/socket", token: () => "key", hello: () => ({ settings: {}, points: null }), Socket: FakeSocket,
    on: { state: (name) => states.push(name), message: () => {}, frame: () => {} },
  });
  connection.open();
  FakeSocket.all[0].onopen();
  return { states, connection, socket: () => FakeSocket.all.at(-1), wait: (ms) => context.mock.timers.tick(ms) };
}

const lastHello = (socket) => (socket.onopen(), socket.sent.at(-1));

test("a lost session is asked for again within a minute, and not after it", (context) => {
  const { states, socket, wait } = connect(context);
  assert.deepEqual(socket().sent, [{ type: "hello", token: "key", session: null, settings: {}, points: null }]);
  socket().hear({ type: "welcome", session: "s1" });
  socket().onclose({ code: 1006 });
  wait(250);
  assert.equal(lastHello(socket()).session, "s1");
  socket().onclose({ code: 1006 });
  for (let i = 0; i < 20; i++) {
    wait(4000);
    if (FakeSocket.all.length > 2 + i) socket().onclose({ code: 1006 });
  }
  wait(4000);
  assert.equal(lastHello(socket()).session, null);
  assert.deepEqual([...new Set(states)], ["connecting", "open", "lost"]);
});

test("a wrong token and a session taken over are not tried again; a full server is", (context) => {
  const { states, connection, socket, wait } = connect(context);
  socket().onclose({ code: 4001 });
  wait(60000);
  assert.equal(FakeSocket.all.length, 1);
  connection.retry();
  socket().onclose({ code: 4002 });
  wait(4000);
  assert.equal(FakeSocket.all.length, 3);
  socket().onclose({ code: 4005 });
  wait(60000);
  assert.equal(FakeSocket.all.length, 3);
  assert.deepEqual(states.filter((name) => ["refused", "busy", "replaced"].includes(name)), ["refused", "busy", "replaced"]);
});

test("nothing is sent before the welcome, nor kept for after a loss", (context) => {
  const { connection, socket, wait } = connect(context);
  connection.send({ type: "reset" });
  socket().hear({ type: "welcome", session: "s1" });
  wait(100);
  assert.equal(socket().sent.length, 1);
  connection.send({ type: "reset" });
  assert.equal(socket().sent.at(-1).type, "reset");
});
