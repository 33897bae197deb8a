// What an address says, and what of it is refused. RULES is the path of the server's own limits and defaults.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { FEATURES, PAGE, SETTINGS, completeChange, defaults, lossRefusal } from "../../apps/playground/static/js/options.js";
import { formatAddress, formatPoints, parseAddress, parsePoints } from "../../apps/playground/static/js/state.js";

const server = JSON.parse(readFileSync(process.env.RULES, "utf8"));

test("the settings and their defaults are the server's", () => {
  assert.deepEqual(defaults(SETTINGS), server.defaults);
  assert.deepEqual(FEATURES, server.features);
});

test("an address of the original is understood", () => {
  const found = parseAddress(
    "#activation=relu&regularization=L2&batchSize=12&dataset=spiral&regDataset=reg-gauss&learningRate=0.003&regularizationRate=0.1&noise=35" +
      "&networkShape=8,4,2&seed=0.31415&showTestData=true&discretize=false&percTrainData=70&x=true&y=false&xTimesY=true&xSquared=false" +
      "&ySquared=false&cosX=false&sinX=true&cosY=false&sinY=false&collectStats=false&problem=classification&initZero=false&hideText=true&noise_hide=true&playButton_hide=false",
  );
  assert.equal(found.settings.seed, 31415);
  assert.deepEqual(found.settings.networkShape, [8, 4, 2]);
  assert.equal(found.settings.learningRate, 0.003);
  assert.equal(found.settings.regularization, "L2");
  assert.deepEqual([found.settings.x, found.settings.y, found.settings.xTimesY, found.settings.sinX], [true, false, true, true]);
  assert.deepEqual([found.page.showTestData, found.page.discretize, found.page.hideText], [true, false, true]);
  assert.deepEqual(found.hidden, ["noise"]);
  assert.deepEqual(found.dropped, []);
});

test("what is written is read again, and defaults are not written", () => {
  const settings = { ...defaults(SETTINGS), dataset: "own", networkShape: [], learningRate: 0.00001, seed: 7, y: false, xTimesY: true };
  const page = { ...defaults(PAGE), stopLoss: 0.05, speed: 0, lang: "ko" };
  const points = [[1.25, -3, -1], [0, 0.01, 1]];
  const text = formatAddress({ settings, page, hidden: ["loss"], points });
  assert.equal(text, "dataset=own&seed=7&y=false&xTimesY=true&networkShape=&learningRate=0.00001&speed=0&stopLoss=0.05&lang=ko&loss_hide=true&points=1.25,-3,-1;0,0.01,1");
  const found = parseAddress(text);
  assert.deepEqual({ ...defaults(SETTINGS), ...found.settings }, settings);
  assert.deepEqual({ ...defaults(PAGE), ...found.page }, page);
  assert.deepEqual([found.points, found.hidden, found.dropped], [points, ["loss"], []]);
  assert.equal(formatAddress({ settings: defaults(SETTINGS), page: defaults(PAGE) }), "");
});

test("every value of every choice goes through an address", () => {
  for (const [key, { kind, values }] of Object.entries(SETTINGS)) {
    for (const value of kind === "choice" ? values : []) {
      const found = parseAddress(`${key}=${value}&points=0,0,1`);
      if (key !== "loss") assert.equal(found.settings[key], value, `${key}=${value}`);
    }
  }
});

const BAD = [
  "learningRate=0", "learningRate=-1", "learningRate=101", "learningRate=NaN", "learningRate=Infinity", "learningRate=0x10", "learningRate=",
  "noise=51", "noise=2.5", "percTrainData=9", "batchSize=0", "batchSize=5001", "networkShape=33", "networkShape=1,1,1,1,1,1,1,1,1", "networkShape=4,,2",
  "networkShape=4,-2", "seed=-1", "seed=4294967296", "seed=1.5", "activation=gelu", "activation=__proto__", "x=maybe", "regularization=l1",
  "view=3d", "lang=fr", "tutorial=../x", "stopEpoch=0", "hasOwnProperty=1", "__proto__=1", "unknown=1", "unknown_hide=true", "points=1,2", "points=1,2,x", "points=1e9,0,1",
];
for (const part of BAD) {
  test(`${part} is dropped and named`, () => {
    const found = parseAddress(part);
    assert.deepEqual([found.settings, found.page, found.points, found.hidden], [{}, {}, null, []]);
    assert.deepEqual(found.dropped, [part]);
  });
}

test("what can't go together is mended and named", () => {
  assert.deepEqual(parseAddress("x=false&y=false").dropped, ["x=false", "y=false"]);
  assert.deepEqual(parseAddress("dataset=own"), { ...parseAddress(""), dropped: ["dataset=own"] });
  const three = parseAddress("dataset=spiral3&loss=bce");
  assert.deepEqual([three.settings.loss, three.dropped], ["cross_entropy", ["loss=bce"]]);
  assert.equal(parseAddress("dataset=blobs3").settings.loss, "cross_entropy");
  assert.equal(parseAddress("dataset=own&points=0,0,0;1,1,2").settings.loss, "cross_entropy");
  assert.deepEqual(parseAddress("problem=regression&loss=bce").settings, { problem: "regression", loss: "squared" });
});

test("the token is taken out, and a broken escape breaks nothing", () => {
  assert.equal(parseAddress("#token=a-b_c&noise=5").token, "a-b_c");
  assert.deepEqual(parseAddress("%E0%A4%A=1").dropped.length, 1);
  assert.ok(parseAddress(`learningRate=${"9".repeat(10000)}`).dropped[0].length <= 40);
});

test("at most 500 points go into an address, exactly as they are", () => {
  const many = Array.from({ length: 500 }, (_, i) => [i / 100, -i / 3, i % 2]);
  assert.deepEqual(parsePoints(formatPoints(many)), many.map((row) => row.map((n) => n + 0)));
  assert.equal(formatAddress({ points: [...many, [0, 0, 1]] }), "");
  assert.equal(parsePoints(formatPoints([...many, [0, 0, 1]])), null);
});

test("the losses allowed are the server's, and a change brings the loss it needs", () => {
  for (const { loss, classes, allowed } of server.losses) assert.equal(lossRefusal(loss, classes) === null, allowed, `${loss} ${classes}`);
  assert.deepEqual(completeChange(defaults(SETTINGS), { dataset: "spiral3" }), { dataset: "spiral3", loss: "cross_entropy" });
  assert.deepEqual(completeChange({ ...defaults(SETTINGS), loss: "bce" }, { problem: "regression" }), { problem: "regression", loss: "squared" });
  assert.deepEqual(completeChange(defaults(SETTINGS), { noise: 5 }), { noise: 5 });
});
