// What is read: numbers, scales and ticks, thinned lines, and both languages.

import assert from "node:assert/strict";
import { readFileSync, readdirSync } from "node:fs";
import { test } from "node:test";
import { fill } from "../../apps/playground/static/js/i18n.js";
import { overfits } from "../../apps/playground/static/js/verdict.js";
import { formatCount, formatLoss, formatMetric, formatRate, formatSetting } from "../../apps/playground/static/js/numbers.js";
import { linearScale, linearTicks, logScale, logTicks, nearestRow, thinLine, tickLabel } from "../../apps/playground/static/js/scale.js";
import { join, strings } from "../../apps/playground/static/js/strings/index.js";

const JS = new URL("../../apps/playground/static/js/", import.meta.url);

test("numbers are rounded to what they are worth", () => {
  assert.deepEqual([0.5, 0, 0.0004321, 12.3456, 2345.6, 1e9, NaN, null].map(formatLoss), ["0.500", "0.000", "4.3·10⁻⁴", "12.346", "2346", "1.00·10⁹", "∞", "∞"]);
  assert.equal(formatCount(1234567), "1,234,567");
  assert.deepEqual([1, 0.9999, 0.5, null].map((v) => formatMetric(v, false)), ["100.0%", "99.9%", "50.0%", "–"]);
  assert.deepEqual([0.98765, -0.5, -1000].map((v) => formatMetric(v, true)), ["0.988", "−0.500", "< −99"]);
  assert.deepEqual([formatRate(7494, "ko"), formatRate(286123, "en"), formatRate(286123, "ko")], ["7,490", "286K", "28.6만"]);
  assert.deepEqual([0.00001, 0.03, 10, 0.1].map(formatSetting), ["0.00001", "0.03", "10", "0.1"]);
});

test("ticks are round, inside, and few", () => {
  assert.deepEqual(linearTicks(0, 1, 5), [0, 0.2, 0.4, 0.6, 0.8, 1]);
  assert.deepEqual(linearTicks(0, 0.3, 4), [0, 0.1, 0.2, 0.3]);
  assert.deepEqual(linearTicks(0, 3, 10, true), [0, 1, 2, 3]);
  assert.deepEqual(logTicks(0.001, 1, 5), [0.001, 0.01, 0.1, 1]);
  assert.deepEqual(logTicks(0.1, 0.6, 5), [0.1, 0.2, 0.5]);
  for (let power = -12; power < 12; power++) {
    for (const high of [1, 1.7, 3, 9.9]) {
      const top = high * 10 ** power;
      const ticks = linearTicks(0, top, 4);
      assert.ok(ticks.length >= 3 && ticks.length <= 7 && ticks.every((tick) => tick <= top * 1.000001), `${top}: ${ticks}`);
    }
  }
  assert.deepEqual([0, 0.05, 1, 1e-5, 20000, 2e6].map(tickLabel), ["0", "0.05", "1", "1e-5", "20k", "2e6"]);
});

test("scales go there and back", () => {
  const linear = linearScale([0, 10], [40, 240]);
  assert.deepEqual([linear.at(0), linear.at(10), linear.back(140)], [40, 240, 5]);
  const log = logScale([0.001, 1], [100, 0]);
  assert.ok(Math.abs(log.at(0.001) - 100) < 1e-9 && Math.abs(log.at(1)) < 1e-9 && log.at(0) === log.at(0.001));
  assert.ok(Math.abs(log.back(log.at(0.05)) - 0.05) < 1e-12);
});

test("a thinned line has at most four points a pixel and keeps the one spike; gaps stay gaps", () => {
  const rows = Array.from({ length: 5000 }, (_, epoch) => [epoch, epoch === 3333 ? 9 : 0.5]);
  const at = linearScale([0, 5000], [0, 100]).at;
  const line = thinLine(rows, 1, at);
  assert.ok(line.length <= 4 * 101, `${line.length}`);
  assert.ok(line.some(([epoch, loss]) => epoch === 3333 && loss === 9));
  assert.deepEqual([line[0][0], line.at(-1)[0]], [0, 4999]);
  assert.ok(line.every(([epoch], i) => i === 0 || epoch > line[i - 1][0]));
  assert.deepEqual(thinLine([[0, 1], [1, null], [2, 3]], 1, (x) => 10 * x), [[0, 1], null, [2, 3]]);
  assert.deepEqual([-5, 2, 2.6, 99].map((x) => nearestRow([[0], [2], [3], [7]], x)), [0, 1, 2, 3]);
});

test("overfitting is seen in losses drawn apart, not in a young or a well-behaved training", () => {
  const rows = (test) => Array.from({ length: 200 }, (_, i) => [i, 0.5 * 0.98 ** i, test(i)]);
  assert.equal(overfits(rows((i) => 0.5 - Math.min(i, 50) * 0.006 + Math.max(0, i - 50) * 0.002)), true);
  assert.equal(overfits(rows((i) => 0.55 * 0.98 ** i)), false);
  assert.equal(overfits(rows(() => 0.5).slice(0, 20)), false);
});

test("both languages say everything, with the same names to fill in", () => {
  const names = (text) => [...new Set(text.match(/\{\w+\}/g) ?? [])].sort();
  for (const [key, pair] of Object.entries(strings)) {
    assert.equal(pair.length, 2, key);
    assert.ok(pair.every((text) => typeof text === "string" && text.trim() === text && text.length > 0), key);
    assert.deepEqual(names(pair[0]), names(pair[1]), key);
  }
  assert.throws(() => join({ a: ["", ""] }, { a: ["", ""] }), /twice/);
  assert.equal(fill("{a} of {b}", { a: 0 }), "0 of {b}");
});

test("every string that the page names is there", () => {
  const sources = readdirSync(JS).filter((name) => name.endsWith(".js"));
  const missing = [];
  for (const name of sources) {
    const text = readFileSync(new URL(name, JS), "utf8");
    for (const [, key] of text.matchAll(/\bt\("([\w.]+)"/g)) if (!(key in strings)) missing.push(`${name}: ${key}`);
    for (const [, start] of text.matchAll(/\bt\(`([\w.]+\.)\$\{/g)) {
      if (!Object.keys(strings).some((key) => key.startsWith(start))) missing.push(`${name}: ${start}…`);
    }
  }
  const html = readFileSync(new URL("../index.html", JS), "utf8");
  for (const [, key] of html.matchAll(/data-t(?:-label|-title)?="([\w.]+)"/g)) if (!(key in strings)) missing.push(`index.html: ${key}`);
  assert.deepEqual(missing, []);
});

test("every error and every value of a choice has its words", async () => {
  const { SETTINGS } = await import(new URL("options.js", JS));
  const codes = process.env.CODES.split(",");
  assert.deepEqual(codes.filter((code) => !(`error.${code}` in strings)), []);
  const named = ["activation", "regularization", "problem", "loss", "optimizer"].flatMap((key) => SETTINGS[key].values.map((value) => `${key}.${value}`));
  assert.deepEqual(named.filter((key) => !(key in strings)), []);
});
