// The network's picture and the output's, in their pure parts: where things stand, what a link's width means, what colour a
// value has, how a field grows finer, what is read as a number.

import assert from "node:assert/strict";
import { test } from "node:test";
import { readNumber } from "../../apps/playground/static/js/card.js";
import { enlarge } from "../../apps/playground/static/js/enlarge.js";
import { byteValue, parameterLayout } from "../../apps/playground/static/js/frame.js";
import { linksOf, scaleFor } from "../../apps/playground/static/js/links.js";
import { faded, layerMeans } from "../../apps/playground/static/js/network_foot.js";
import { paintClasses, paintField, valueByte } from "../../apps/playground/static/js/palette.js";
import { biasMark, linkAt, linkEnds, linkMiddle, neuron, place } from "../../apps/playground/static/js/placement.js";
import { toData, toPixels } from "../../apps/playground/static/js/axes.js";
import { featureField } from "../../apps/playground/static/js/thumbnails.js";

const network = { features: ["x", "ySquared"], layers: [3, 2, 1] };
const features = [true, false, false, true, false, false, false];
const small = { features, layers: network.layers, width: 680, height: 520 };

test("all stands within the room, the largest network too, and what is too high for it makes it higher", () => {
  for (const layers of [[1], [4, 2, 1], Array(8).fill(32).concat(5)]) {
    for (const [width, height] of [[460, 300], [680, 520], [1600, 1200]]) {
      const placement = place({ features, layers, width, height });
      assert.ok(placement.height >= height);
      for (const { nodes } of placement.columns) {
        nodes.forEach((node, i) => {
          assert.ok(node.x - node.size / 2 > 0 && node.x + node.size / 2 < width, `x ${node.x} of ${width}`);
          assert.ok(node.y - node.size / 2 >= placement.head && node.y + node.size / 2 <= placement.height - placement.foot);
          if (i > 0) assert.ok(node.y - node.size / 2 >= nodes[i - 1].y + nodes[i - 1].size / 2, "neurons overlap");
        });
      }
      placement.columns.slice(1).forEach(({ x, size }, i) => assert.ok(x - size / 2 > placement.columns[i].x + placement.columns[i].size / 2));
    }
  }
});

test("a finger finds every neuron: 44 px apart at least", () => {
  const { columns } = place({ ...small, layers: [8, 32, 1], coarse: true });
  for (const { nodes } of columns) nodes.slice(1).forEach((node, i) => assert.ok(node.y - nodes[i].y >= 43));
});

test("the link under the pointer is found along its whole curve, and nothing far from all of them", () => {
  const placement = place(small);
  for (const { layer, to, from } of linksOf(network, parameterLayout(network))) {
    const { x0, y0, x1, y1 } = linkEnds(placement, { layer, to, from });
    for (const t of [0.12, 0.3, 0.45]) {
      const x = x0 + (x1 - x0) * t * (1.5 - 1.5 * t + t * t);
      const y = y0 + (y1 - y0) * t * t * (3 - 2 * t);
      const found = linkAt(placement, network, x, y, 0.5);
      const there = linkEnds(placement, found);
      const level = there.y0 + (there.y1 - there.y0) * t * t * (3 - 2 * t);
      assert.ok(Math.abs(level - y) < 0.5, "another link passes the very same place, or it is this one");
    }
    const { x, y } = linkMiddle(placement, { layer, to, from });
    assert.deepEqual([x, y], [(x0 + x1) / 2, (y0 + y1) / 2]);
  }
  assert.equal(linkAt(placement, network, placement.columns[1].x, 200), null); // on a column
  assert.equal(linkAt(placement, network, (placement.columns[2].x + placement.columns[3].x) / 2, placement.head), null);
});

test("links of the first layer come from the active features, at their places among the seven", () => {
  const placement = place(small);
  assert.equal(linkEnds(placement, { layer: 0, to: 0, from: 1 }).y0, placement.columns[0].nodes[3].y);
  const node = neuron(placement, 1, 1);
  const mark = biasMark(node);
  assert.ok(mark.x < node.x && mark.y > node.y);
});

test("links stand where the frame's parameters stand", () => {
  const places = [...linksOf(network, parameterLayout(network))].map(({ at }) => at);
  assert.deepEqual(places, [0, 1, 2, 3, 4, 5, 9, 10, 11, 12, 13, 14, 17, 18]); // 6, 7, 8, 15, 16, 19 are biases
});

test("a scale is 1, 2 or 5 times a power of ten, follows growth at once and decline late", () => {
  const curves = [{ at: 0 }, { at: 2 }];
  const of = (value, before = null) => scaleFor([value, 1e9, -value / 2], curves, before); // 1e9: a bias, not looked at
  const near = (got, wanted) => assert.ok(Math.abs(got - wanted) < 1e-12, `${got} is not ${wanted}`);
  near(of(0.3), 0.5);
  near(of(-0.5), 0.5);
  near(of(0.51), 1);
  near(of(1.2e-4), 2e-4);
  near(of(700), 1000);
  assert.equal(of(1.1, 1), 2);
  assert.equal(of(0.4, 1), 1);
  near(of(0.2, 1), 0.2);
  assert.equal(of(NaN, null), 1);
  assert.equal(of(0, 5), 5);
});

test("the mean of a layer is of its weights alone", () => {
  const layout = parameterLayout(network);
  const values = Float32Array.from({ length: layout.size }, (_, i) => (i < 9 ? -1 : 2));
  values.set([100, 100, 100], 6); // the biases of the first layer
  assert.deepEqual(layerMeans(values, network, layout), [1, 2, 2]);
});

test("a gradient that is hundreds of times smaller in the first layer vanishes, and the other way round explodes", () => {
  assert.equal(faded([0.01, 0.1, 1]), null);
  assert.deepEqual(faded([1.2e-7, 1e-5, 0.013]), { key: "legend.vanishing", times: 1e5 });
  assert.deepEqual(faded([40, 3, 0.05]), { key: "legend.exploding", times: 1000 });
  assert.equal(faded([0, 0]), null); // nothing to say of no gradient at all
  assert.equal(faded([NaN, 1]), null);
});

test("values go to bytes and back, clamped, and NaN is 0", () => {
  for (const value of [-1, -0.5, 0, 0.3, 1]) assert.ok(Math.abs(byteValue(valueByte(value)) - value) <= 1 / 254);
  assert.deepEqual([valueByte(-7), valueByte(7), valueByte(NaN), valueByte(Infinity)], [1, 255, 0, 0]);
});

test("a feature's field has the top row at y = +6 and the left column at x = -6", () => {
  const field = featureField("y", 4);
  assert.deepEqual([field[0], field[15]], [255, 1]);
  assert.deepEqual([...featureField("x", 4).slice(0, 4)], [1, 1, 255, 255]);
  const product = featureField("xTimesY", 2); // -3 * 3, 3 * 3, -3 * -3, 3 * -3
  assert.deepEqual([...product], [1, 255, 255, 1]);
});

test("fields are looked up; classes mix by probability, and fade where undecided", () => {
  const pixels = new Uint32Array(2);
  paintField(pixels, Uint8Array.of(0, 255), Uint32Array.from({ length: 256 }, (_, i) => i * 3));
  assert.deepEqual([...pixels], [0, 765]);
  const palette = { classes: [[200, 0, 0], [0, 200, 0]], zero: [100, 100, 100], table: Uint32Array.of(7) };
  const color = (i) => [pixels[i] & 255, (pixels[i] >> 8) & 255, (pixels[i] >> 16) & 255];
  paintClasses(pixels, Uint8Array.of(255, 128, 1, 128), palette, false); // p = 1, 0 and 1/2, 1/2
  assert.deepEqual(color(0), [200, 0, 0]);
  assert.deepEqual(color(1), [100, 100, 90]); // a tenth of the mixture is left
  paintClasses(pixels, Uint8Array.of(120, 128, 136, 128), palette, true);
  assert.deepEqual(color(0), [0, 200, 0]);
  paintClasses(pixels, Uint8Array.of(0, 255, 255, 1), palette, false);
  assert.equal(pixels[0], 7); // not a number
});

test("a finer field keeps what is linear, and where a cell is no number nothing is made up", () => {
  const side = 5;
  const plane = Uint8Array.from({ length: side * side }, (_, i) => 20 + 30 * (i % side) + 9 * Math.floor(i / side));
  const finer = enlarge(plane, side, 4);
  for (const [i, j] of [[4, 6], [9, 9], [13, 15]]) {
    const at = (k) => (k + 0.5) / 4 - 0.5;
    assert.ok(Math.abs(finer[i * 20 + j] - (20 + 30 * at(j) + 9 * at(i))) <= 0.5);
  }
  plane[12] = 0;
  const broken = enlarge(plane, side, 4);
  assert.equal(broken[10 * 20 + 10], 0);
  assert.notEqual(broken[0], 0);
});

test("places of the plane go to pixels and back", () => {
  assert.deepEqual(toPixels([-6, 6], 300), [0, 0]);
  assert.deepEqual(toPixels([6, -6], 300), [300, 300]);
  assert.deepEqual(toData(toPixels([1.5, -4], 300), 300), [1.5, -4]);
});

test("what a person types is a finite number or nothing", () => {
  assert.deepEqual(["0.42", " -3 ", "−1,5", "1e-3", "0"].map(readNumber), [0.42, -3, -1.5, 0.001, 0]);
  for (const text of ["", "  ", "abc", "1e999", "NaN", "--1", "1 2"]) assert.equal(readNumber(text), null);
});
