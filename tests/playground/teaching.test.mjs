// What teaches: the steps of backprop by hand, the lessons' goals, points drawn and loaded, the tour.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { labelsOf, nearestLabel } from "../../apps/playground/static/js/byhand_point.js";
import { chapters, largestGradient, steps, titleKey, updates, whyKey } from "../../apps/playground/static/js/byhand_steps.js";
import { readAccepted } from "../../apps/playground/static/js/csv.js";
import { pictureOf } from "../../apps/playground/static/js/dataset_pictures.js";
import { reckon, show, sum, term, text } from "../../apps/playground/static/js/formula.js";
import { LESSONS, diverged, progress } from "../../apps/playground/static/js/lessons.js";
import { SETTINGS, defaults } from "../../apps/playground/static/js/options.js";
import { createPoints, toBrushes, toLabels } from "../../apps/playground/static/js/own_points.js";
import { strings } from "../../apps/playground/static/js/strings/index.js";
import { readValue } from "../../apps/playground/static/js/table.js";
import { placeCard } from "../../apps/playground/static/js/tour.js";

const replies = JSON.parse(readFileSync(process.env.BY_HAND));
const close = (a, b) => Math.abs(a - b) <= 1e-12 * Math.max(1, Math.abs(a), Math.abs(b));
const unfolded = (cells) => cells.flatMap((cell) => (cell.kind === "folded" ? unfolded(cell.cells) : [cell]));

// The right side of a line computed anew from its exact numbers; null where a part is words (as tanh(0.3)).
function computed(cells) {
  const right = unfolded(cells).slice(2);
  const known = { "·": "*", "+": "+", "−": "-", "½ (": "0.5*(", ")²": ")**2", "− ln": "-Math.log", "ln": "*Math.log" };
  known["− ["] = "-(";
  known["+ ( 1 −"] = "+(1-";
  known[") ln ( 1 −"] = ")*Math.log(1-";
  known[") ]"] = "))";
  const parts = right.map((cell) => (cell.kind === "term" ? `(${cell.value})` : cell.kind === "operator" ? known[cell.text] : cell.symbol === "η" ? `(${cell.number})` : null));
  if (parts.some((part) => part === null || part === undefined)) return null;
  return Function(`"use strict"; return ${parts.join("")};`)();
}

test("numbers are read easily: a true minus, powers of ten only where decimals say nothing", () => {
  assert.deepEqual([0, 0.5, -0.25, 12.3456, 0.00001234, -1e6, NaN, Infinity].map((v) => show(v)), ["0", "0.500", "−0.250", "12.346", "1.2·10⁻⁵", "−1.0·10⁶", "NaN", "∞"]);
});

test("numbers to reckon with keep three digits that count", () => {
  assert.deepEqual([0, 1.2, -0.1, 0.0852, -0.00806, 0.00049712, -1e-9, 1e6].map(reckon), ["0", "1.200", "−0.100", "0.0852", "−0.00806", "4.97·10⁻⁴", "−1.00·10⁻⁹", "1.0·10⁶"]);
});

test("a long sum is folded, and read out whole", () => {
  const terms = Array.from({ length: 11 }, (_, index) => [term(`x${index}`, index)]);
  const cells = sum(terms);
  assert.equal(cells.filter(({ kind }) => kind === "folded").length, 1);
  assert.equal(cells.find(({ kind }) => kind === "folded").count, 6);
  assert.match(text(cells), /^x0 \+ x1 \+ .*x10; 0 \+ 1.000 .*10.000$/);
  assert.ok(sum(terms.slice(0, 6)).every(({ kind }) => kind !== "folded"));
});

for (const reply of replies) {
  const name = `${reply.loss.kind}, ${reply.layers.map(({ neurons }) => neurons.length)}`;
  const list = steps(reply);

  test(`steps go through every neuron once forward and once back: ${name}`, () => {
    const places = reply.layers.flatMap(({ neurons }, layer) => neurons.map((_, neuron) => `${layer}:${neuron}`));
    const of = (kind) => list.filter((step) => step.kind.startsWith(kind)).map(({ layer, neuron }) => `${layer}:${neuron}`);
    assert.deepEqual(of("forward"), places);
    assert.deepEqual(of("delta").toSorted(), places.toSorted());
    assert.deepEqual(of("delta"), of("gradients"));
    const layers = of("delta").map((place) => Number(place.split(":")[0]));
    assert.deepEqual(layers, layers.toSorted((a, b) => b - a)); // from the output backward
    assert.deepEqual([list[0].kind, list.at(-1).kind], ["inputs", "update"]);
    assert.equal(chapters(list).length, 3 + 2 * reply.layers.length);
    for (const step of list) assert.ok(strings[titleKey(step)] && strings[whyKey(step)], whyKey(step));
  });

  test(`every line is true in its exact numbers: ${name}`, () => {
    let checked = 0;
    for (const line of list.flatMap(({ lines }) => lines)) {
      const value = line.length > 1 ? computed(line) : null;
      if (value === null) continue;
      checked += 1;
      assert.ok(close(value, line[0].value), `${text(line)}: ${value}, not ${line[0].value}`);
    }
    assert.ok(checked >= 2 * reply.layers.length);
  });

  test(`each gradient is delta times input, and measured: ${name}`, () => {
    for (const step of list.filter(({ kind }) => kind === "gradients")) {
      const neuron = reply.layers[step.layer].neurons[step.neuron];
      assert.equal(step.checks.length, neuron.inputs.length + 1);
      for (const { line, exact, agrees } of step.checks) {
        const product = line.filter(({ kind }) => kind === "term").reduce((all, { value }) => all * value, 1);
        assert.ok(close(product, exact) && agrees, text(line));
      }
    }
  });

  test(`the update moves each parameter against its gradient: ${name}`, () => {
    const all = updates(reply);
    assert.equal(all.length, reply.layers.reduce((count, { neurons }) => count + neurons.length * (neurons[0].inputs.length + 1), 0));
    for (const { before, gradient, after } of all) assert.ok(close(after, before - reply.learning_rate * gradient));
    const largest = largestGradient(all);
    assert.ok(largest.from !== null && all.every(({ from, gradient }) => from === null || Math.abs(gradient) <= Math.abs(largest.gradient)));
  });

  test(`the network is shown what is known so far: ${name}`, () => {
    const forward = list.filter(({ phase }) => phase === "forward");
    forward.slice(1).forEach((step, index) => assert.equal(Object.keys(step.spotlight.values).length, reply.features.length + index + 1));
    for (const { spotlight } of list) {
      for (const [layer, to, from] of spotlight.links) assert.ok(reply.layers[layer].neurons[to].inputs[from]);
    }
  });
}

test("a point gets the label of its nearest neighbour, and only labels that there are", () => {
  assert.equal(nearestLabel([[0, 0, -1], [3, 3, 1]], [2, 2.5], 0), 1);
  assert.equal(nearestLabel([], [1, 1], 4), 4);
  assert.deepEqual([0, 2, 3].map(labelsOf), [[], [-1, 1], [0, 1, 2]]);
});

const facts = (settings, losses, more = {}) => ({
  settings: { ...defaults(SETTINGS), ...settings },
  history: [[0, 0.5, 0.5]], epoch: 200, losses, events: new Set(), byHandStep: null, largest: null, selected: null, memory: {}, ...more,
});
const lesson = (id) => LESSONS.find((each) => each.id === id);

test("lessons set up what can be set, and have their words", () => {
  for (const { id, setup, goals } of LESSONS) {
    for (const [key, value] of Object.entries(setup)) {
      assert.ok(key in SETTINGS, key);
      if (SETTINGS[key].kind === "choice") assert.ok(SETTINGS[key].values.includes(value), `${key}: ${value}`);
    }
    const keys = ["title", "text", "look", "hint", ...goals.map(({ key }) => `goal.${key}`)];
    for (const key of keys) assert.equal(strings[`lesson.${id}.${key}`]?.length, 2, `${id} ${key}`);
  }
});

test("circle: a low test loss, and not before training", () => {
  const circle = lesson("circle");
  assert.deepEqual(progress(circle, facts(circle.setup, { train: 0.01, test: 0.06 })), [false]);
  assert.deepEqual(progress(circle, facts(circle.setup, { train: 0.01, test: 0.01 }, { epoch: 0 })), [false]);
  assert.deepEqual(progress(circle, facts(circle.setup, { train: null, test: null })), [false]);
  assert.deepEqual(progress(circle, facts(circle.setup, { train: 0.01, test: 0.04 })), [true]);
});

test("xor: failing is seen first, what is reached stays", () => {
  const memory = {};
  const xor = lesson("xor");
  const at = (change, test, epoch) => progress(xor, facts({ ...xor.setup, ...change }, { train: test, test }, { memory, epoch }));
  assert.deepEqual(at({}, 0.5, 5), [false, false]);
  assert.deepEqual(at({}, 0.5, 25), [true, false]);
  assert.deepEqual(at({ xTimesY: true }, 0.02, 10), [true, true]);
  assert.deepEqual(at({ xTimesY: true }, 0.3, 1), [true, true]);
});

test("overfitting: apart, then mended by what mends it", () => {
  const memory = {};
  const over = lesson("overfitting");
  const at = (change, train, test) => progress(over, facts({ ...over.setup, ...change }, { train, test }, { memory }));
  assert.deepEqual(at({}, 0.2, 0.22), [false, false]);
  assert.deepEqual(at({}, 0.03, 0.24), [true, false]);
  assert.deepEqual(at({}, 0.2, 0.21), [true, false]); // a reset alone is no cure
  assert.deepEqual(at({ percTrainData: 70 }, 0.1, 0.13), [true, true]);
});

test("divergence is told by a loss that is no number, a large one, or the server", () => {
  assert.equal(diverged(facts({}, { train: 0.4, test: 0.4 })), false);
  assert.equal(diverged(facts({}, { train: null, test: null })), true);
  assert.equal(diverged(facts({}, { train: 40, test: 40 })), true);
  assert.equal(diverged(facts({}, { train: 0.4, test: 0.4 }, { events: new Set(["diverged"]) })), true);
  assert.equal(diverged(facts({}, { train: undefined, test: undefined }, { history: [] })), false);
  const memory = {};
  const diverge = lesson("diverge");
  const at = (rate, train) => progress(diverge, facts({ ...diverge.setup, learningRate: rate }, { train, test: train }, { memory }));
  assert.deepEqual(at(0.03, 0.01), [false, false]);
  assert.deepEqual(at(3, null), [true, false]);
  assert.deepEqual(at(0.03, 0.04), [true, false]); // predicting 0 everywhere is as good
  assert.deepEqual(at(0.03, 0.01), [true, true]);
});

test("by hand: the last step, then the very weight with the largest gradient", () => {
  const memory = {};
  const at = (step, selected) => progress(lesson("byhand"), facts({}, {}, { memory, byHandStep: { at: step, steps: 9 }, largest: { layer: 1, to: 0, from: 2 }, selected }));
  const right = { kind: "weight", layer: 1, to: 0, from: 2 };
  assert.deepEqual(at(3, right), [false, false]);
  assert.deepEqual(at(8, null), [true, false]);
  assert.deepEqual(at(8, { ...right, from: 1 }), [true, false]);
  assert.deepEqual(at(0, right), [true, true]);
});

test("drawn points keep apart, are erased, and come back", () => {
  const own = createPoints([], 3);
  own.begin();
  assert.deepEqual([[0, 0, 1], [0.1, 0, 1], [1, 0, 1]].map((point) => own.add(point)), [true, false, true]);
  own.end();
  own.begin();
  own.add([2, 0, 0]);
  assert.equal(own.add([3, 0, 0]), false); // 3 is the most
  own.end();
  own.begin();
  assert.equal(own.erase([5, 5]), false);
  own.end(); // it did nothing: there is nothing of it to undo
  assert.ok(own.undo());
  assert.deepEqual(own.points, [[0, 0, 1], [1, 0, 1]]);
  own.begin();
  assert.ok(own.erase([0.2, 0]));
  own.end();
  assert.deepEqual(own.points, [[1, 0, 1]]);
  assert.ok(own.clear() && own.undo() && own.undo() && own.undo());
  assert.deepEqual([own.points, own.undo()], [[], false]);
});

test("two brushes are -1 and 1; a third makes classes 0, 1, 2; values stay", () => {
  const two = [[0, 0, -1], [1, 1, 1]];
  assert.deepEqual(toLabels(toBrushes(two, false), false), two);
  assert.deepEqual(toLabels([...toBrushes(two, false), [2, 2, 2]], false).map((point) => point[2]), [0, 1, 2]);
  assert.deepEqual(toLabels(toBrushes([[0, 0, -0.5]], true), true), [[0, 0, -0.5]]);
});

test("a file that the server takes is read as the server reads it", () => {
  for (const { text: content, rows } of JSON.parse(readFileSync(process.env.CSV))) assert.deepEqual(readAccepted(content), rows);
});

test("pictures of data sets lie in the plane, with labels of their classes", () => {
  for (const name of [...SETTINGS.dataset.values, ...SETTINGS.regDataset.values].filter((value) => value !== "own")) {
    const points = pictureOf(name);
    assert.ok(points.every(([x, y, label]) => Math.abs(x) <= 6 && Math.abs(y) <= 6 && Number.isFinite(label)), name);
    assert.ok(new Set(points.map((point) => Math.sign(point[2]))).size >= 2, name);
    assert.deepEqual(points, pictureOf(name));
  }
});

test("a typed weight is a number or nothing", () => {
  assert.deepEqual(["0.5", "−1,25", " 3 ", "1e-3", "", "abc", "1/0", "Infinity"].map(readValue), [0.5, -1.25, 3, 0.001, null, null, null, null]);
});

test("the tour's card is in the window, and beside what it speaks of where there is room", () => {
  const window = { innerWidth: 1280, innerHeight: 800 };
  const card = { width: 340, height: 200 };
  const boxes = [[0, 120, 230, 750], [910, 120, 1280, 750], [0, 0, 1280, 120], [0, 756, 1280, 800], [0, 0, 1280, 800]];
  for (const [left, top, right, bottom] of boxes) {
    const at = placeCard({ left, top, right, bottom }, card, window);
    assert.ok(at.left >= 0 && at.top >= 0 && at.left + card.width <= 1280 && at.top + card.height <= 800);
    const apart = at.left >= right || at.left + card.width <= left || at.top >= bottom || at.top + card.height <= top;
    assert.ok(apart || (right - left === 1280 && bottom - top === 800));
  }
});
