// Frames as the server encodes them: FRAME is the path of one written by protocol.encode_frame, EXPECTED of its numbers.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { byteValue, decodeFrame, parameterLayout } from "../../apps/playground/static/js/frame.js";

const bytes = readFileSync(process.env.FRAME);
const expected = JSON.parse(readFileSync(process.env.EXPECTED, "utf8"));
const whole = bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.byteLength);

test("header and blocks arrive as they were sent", () => {
  const { blocks, ...header } = decodeFrame(whole);
  for (const [key, value] of Object.entries(expected.header)) assert.deepEqual(header[key], value);
  assert.deepEqual(Object.keys(blocks), Object.keys(expected.blocks));
  for (const [name, { shape, values }] of Object.entries(expected.blocks)) {
    assert.deepEqual(blocks[name].shape, shape);
    assert.deepEqual([...blocks[name].data], values);
  }
});

test("blocks look into the message: nothing is copied", () => {
  for (const block of Object.values(decodeFrame(whole).blocks)) assert.equal(block.data.buffer, whole);
});

test("a frame that is cut short is refused", () => {
  assert.throws(() => decodeFrame(whole.slice(0, whole.byteLength - 4)), RangeError);
});

test("bytes stand for -1 to 1, and 0 for no number", () => {
  assert.deepEqual([byteValue(1), byteValue(128), byteValue(255)], [-1, 0, 1]);
  assert.ok(Number.isNaN(byteValue(0)));
});

test("parameters of 2-3-1: weight [to][from] row by row, then the biases, layer by layer", () => {
  const layout = parameterLayout({ features: ["x", "y"], layers: [3, 1] });
  assert.equal(layout.size, 13);
  assert.deepEqual([layout.weight(0, 0, 0), layout.weight(0, 0, 1), layout.weight(0, 2, 1)], [0, 1, 5]);
  assert.deepEqual([layout.bias(0, 0), layout.bias(0, 2)], [6, 8]);
  assert.deepEqual([layout.weight(1, 0, 0), layout.weight(1, 0, 2), layout.bias(1, 0)], [9, 11, 12]);
  assert.deepEqual([layout.thumbnail(0, 2), layout.thumbnail(1, 0)], [2, 3]);
});
