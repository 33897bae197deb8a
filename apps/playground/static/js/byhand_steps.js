// From a by_hand reply to the steps that the panel walks through: inputs, forward, loss, backward, update. Pure.

import { operator, pair, reckon, sum, symbol, term } from "./formula.js";
import { FEATURE_NAMES } from "./names.js";

const equals = operator("=");
const times = operator("·");

/** The symbol of a feature, as the network names it. */
export const featureSymbol = (name) => FEATURE_NAMES[name];

/** Names by place. Layers count from 1, as in (1); layer 0 of `layers` is the first that has weights. */
const at = (base, layer, neuron) => symbol(base, String(neuron + 1), String(layer + 1));
export const weightSymbol = (layer, to, from) => symbol("w", `${to + 1},${from + 1}`, String(layer + 1));
export const biasSymbol = (layer, neuron) => at("b", layer, neuron);

/** dL over d of a symbol, as a symbol (∂L/∂a with its indices). */
const partial = (of) => symbol(`∂L/∂${of.base}`, of.below, of.above);

/** What enters layer `layer` from neuron or feature `from`. */
function inputSymbol(reply, layer, from) {
  return layer === 0 ? featureSymbol(reply.features[from].name) : at("a", layer - 1, from);
}

/** The value of the activation written out, symbols and numbers: [above, below]. */
function activationCell(activation, z) {
  const number = reckon(z);
  if (activation === "tanh") return pair("tanh(z)", `tanh(${number})`);
  if (activation === "relu") return pair("max(0, z)", `max(0, ${number})`);
  if (activation === "sigmoid") return pair("1 / (1 + e⁻ᶻ)", `1 / (1 + exp(${reckon(-z)}))`);
  return pair("z", number);
}

function slopeCell(activation, neuron) {
  const a = neuron.a < 0 ? `(${reckon(neuron.a)})` : reckon(neuron.a);
  if (activation === "tanh") return pair("1 − a²", `1 − ${a}²`);
  if (activation === "sigmoid") return pair("a · (1 − a)", `${a} · (1 − ${a})`);
  if (activation === "relu") return pair("[z > 0]", `[${reckon(neuron.z)} > 0]`);
  return pair("1", "1");
}

function inputs(reply) {
  const [x, y] = reply.point;
  const written = {
    xSquared: ["(X₁)²", `${bracket(x)}²`],
    ySquared: ["(X₂)²", `${bracket(y)}²`],
    xTimesY: ["X₁ · X₂", `${bracket(x)} · ${bracket(y)}`],
    sinX: ["sin(X₁)", `sin(${reckon(x)})`],
    sinY: ["sin(X₂)", `sin(${reckon(y)})`],
  };
  const lines = reply.features.map(({ name, value }) => {
    const result = term(featureSymbol(name), value, { strong: true });
    return written[name] ? [result, equals, pair(...written[name])] : [result];
  });
  return { kind: "inputs", phase: "forward", layer: -1, neuron: null, lines };
}

const bracket = (value) => (value < 0 ? `(${reckon(value)})` : reckon(value));

function forward(reply, layer, neuron) {
  const { activation, neurons } = reply.layers[layer];
  const { inputs: parts, bias, z, a } = neurons[neuron];
  const products = parts.map(({ value, weight }, from) => [
    term(weightSymbol(layer, neuron, from), weight, { bracketed: from > 0 }),
    times,
    term(inputSymbol(reply, layer, from), value, { bracketed: true }),
  ]);
  products.push([term(biasSymbol(layer, neuron), bias, { bracketed: true })]);
  const lines = [[term(at("z", layer, neuron), z, { strong: true }), equals, ...sum(products)]];
  const result = term(at("a", layer, neuron), a, { strong: true });
  if (activation === "softmax") {
    const scores = neurons.map((other, index) => [pair(symbol(`exp z`, String(index + 1)), `exp(${reckon(other.z)})`)]);
    lines.push([result, equals, ...scores[neuron], operator("/ ("), ...sum(scores), operator(")")]);
  } else {
    lines.push([result, equals, activationCell(activation, z)]);
  }
  return { kind: "forward", phase: "forward", layer, neuron, activation, lines };
}


function loss(reply) {
  const last = reply.layers.length - 1;
  const { kind, value, target } = reply.loss;
  const result = term("L", value, { strong: true });
  const chosen = kind === "cross_entropy" ? target : 0;
  const output = reply.layers[last].neurons[chosen];
  const a = at("a", last, chosen);
  const lines = [];
  if (kind === "squared") {
    lines.push([result, equals, operator("½ ("), term(a, output.a), operator("−"), term("y", target, { bracketed: true }), operator(")²")]);
  } else {
    // The engine computes ln from z itself, so that a probability rounded to 0 or 1 costs nothing; the number is the same.
    const y = () => term("y", target, { digits: 0 });
    const certain = [operator("− ln"), term(a, output.a)];
    const either = [operator("− ["), y(), operator("ln"), term(a, output.a), operator("+ ( 1 −"), y(), operator(") ln ( 1 −"), term(a, output.a), operator(") ]")];
    lines.push([result, equals, ...(kind === "bce" ? either : certain)]);
  }
  return { kind: "loss", loss: kind, phase: "loss", layer: last, neuron: chosen, lines };
}

function delta(reply, layer, neuron) {
  const { activation, neurons } = reply.layers[layer];
  const { a, da, slope, delta: value, parts } = neurons[neuron];
  const isOutput = layer === reply.layers.length - 1;
  const aSymbol = at("a", layer, neuron);
  const result = term(at("δ", layer, neuron), value, { strong: true });
  const step = { kind: isOutput ? "delta.output" : "delta", phase: "backward", layer, neuron, activation };
  // Sigmoid or softmax under its own loss: the two factors of the chain rule cancel into one difference.
  if (isOutput && reply.loss.kind !== "squared") {
    const target = term(symbol("y", neurons.length > 1 ? String(neuron + 1) : ""), reply.loss.targets[neuron], { digits: 0 });
    return { ...step, kind: "delta.fused", lines: [[result, equals, term(aSymbol, a), operator("−"), target]] };
  }
  const daSymbol = partial(aSymbol);
  const origin = isOutput
    ? [term(aSymbol, a), operator("−"), term("y", reply.loss.target, { bracketed: true })]
    : sum(
        parts.map(({ weight, delta: next }, to) => [
          term(weightSymbol(layer + 1, to, neuron), weight, { bracketed: to > 0 }),
          times,
          term(at("δ", layer + 1, to), next, { bracketed: true }),
        ]),
      );
  const lines = [[term(daSymbol, da, { strong: true }), equals, ...origin]];
  lines.push([term(symbol("f ′(z)"), slope, { strong: true }), equals, slopeCell(activation, neurons[neuron])]);
  lines.push([result, equals, term(daSymbol, da), times, term(symbol("f ′(z)"), slope, { bracketed: true })]);
  return { ...step, lines };
}

const TOLERANCE = 1e-4; // of the relative difference, below which gradient and measurement agree

function gradients(reply, layer, neuron) {
  const one = reply.layers[layer].neurons[neuron];
  const deltaTerm = () => term(at("δ", layer, neuron), one.delta);
  const check = (name, line, { value, numeric, difference, kink }) => {
    return { name, line, exact: value, numeric, difference, kink, agrees: difference < TOLERANCE };
  };
  const rows = one.gradients.map((each, from) => {
    const input = term(inputSymbol(reply, layer, from), each.input, { bracketed: true });
    return check(weightSymbol(layer, neuron, from), [deltaTerm(), times, input], each);
  });
  const bias = { value: one.bias_gradient, numeric: one.bias_numeric, difference: one.bias_difference, kink: one.bias_kink };
  rows.push(check(biasSymbol(layer, neuron), [deltaTerm()], bias));
  return { kind: "gradients", phase: "backward", layer, neuron, lines: [], checks: rows };
}

/** Every weight and bias with its gradient and what one step of plain gradient descent makes of it. */
export function updates(reply) {
  const rate = reply.learning_rate;
  return reply.layers.flatMap((each, layer) =>
    each.neurons.flatMap((neuron, to) => {
      const weights = neuron.gradients.map(({ value }, from) => {
        const before = neuron.inputs[from].weight;
        return { layer, to, from, name: weightSymbol(layer, to, from), before, gradient: value, after: before - rate * value };
      });
      const after = neuron.bias - rate * neuron.bias_gradient;
      return [...weights, { layer, to, from: null, name: biasSymbol(layer, to), before: neuron.bias, gradient: neuron.bias_gradient, after }];
    }),
  );
}

/** The weight (not bias) whose gradient is the largest in size, of `updates`. */
export function largestGradient(all) {
  const weights = all.filter(({ from }) => from !== null);
  return weights.reduce((best, each) => (Math.abs(each.gradient) > Math.abs(best.gradient) ? each : best));
}

function update(reply) {
  const all = updates(reply);
  const largest = largestGradient(all);
  const line = [
    term(symbol("w′", largest.name.below, largest.name.above), largest.after, { strong: true }),
    equals,
    term(largest.name, largest.before),
    operator("−"),
    pair("η", String(reply.learning_rate)),
    times,
    term(partial(largest.name), largest.gradient, { bracketed: true }),
  ];
  return { kind: "update", phase: "backward", layer: null, neuron: null, lines: [line], updates: all, largest: largest.name };
}

/** What the network view shows at a step: the neuron, the numbers known so far, the links in play. */
function spotlight(reply, step, known) {
  const { layer, neuron, phase } = step;
  if (layer === null || neuron === null) return { layer, neuron, phase, values: known, links: [] };
  const into = reply.layers[layer].neurons[neuron].inputs.map((_, from) => [layer, neuron, from]);
  const out = (reply.layers[layer + 1]?.neurons ?? []).map((_, to) => [layer + 1, to, neuron]);
  return { layer, neuron, phase, values: known, links: step.kind === "loss" ? [] : step.kind === "delta" ? out : into };
}

/** All steps of one pass, in order, each with its spotlight. */
export function steps(reply) {
  const places = reply.layers.flatMap((each, layer) => each.neurons.map((_, neuron) => [layer, neuron]));
  const backwards = reply.layers
    .map((each, layer) => each.neurons.map((_, neuron) => [layer, neuron]))
    .reverse()
    .flat();
  const list = [
    inputs(reply),
    ...places.map(([layer, neuron]) => forward(reply, layer, neuron)),
    loss(reply),
    ...backwards.flatMap(([layer, neuron]) => [delta(reply, layer, neuron), gradients(reply, layer, neuron)]),
    update(reply),
  ];
  const activations = Object.fromEntries(reply.features.map(({ value }, index) => [`-1:${index}`, value]));
  const deltas = {};
  return list.map((step) => {
    const at = `${step.layer}:${step.neuron}`;
    if (step.kind === "forward") activations[at] = reply.layers[step.layer].neurons[step.neuron].a;
    if (step.kind.startsWith("delta")) deltas[at] = reply.layers[step.layer].neurons[step.neuron].delta;
    const known = step.phase === "backward" ? deltas : activations;
    return { ...step, spotlight: spotlight(reply, step, near(known, step.layer, places.length > MANY)) };
  });
}

const MANY = 24; // neurons, beyond which only numbers of the layer at hand and its neighbours are shown

function near(known, layer, few) {
  const shown = Object.entries(known).filter(([key]) => !few || (layer !== null && Math.abs(Number(key.split(":")[0]) - layer) <= 1));
  return Object.fromEntries(shown);
}

/** The string that names a step, and the sentence that says what happens and why. */
export const titleKey = ({ kind }) => `byhand.title.${kind.startsWith("delta") ? "delta" : kind}`;

export function whyKey({ kind, loss, activation }) {
  if (kind === "loss") return `byhand.why.loss.${loss}`;
  const special = kind === "forward" && ["linear", "softmax"].includes(activation);
  return `byhand.why.${kind}${special ? `.${activation}` : ""}`;
}

/** The chapters of a pass for the jump bar: [{kind, layer, first}], `first` the number of the first step. */
export function chapters(list) {
  const chapterOf = (step) => (step.kind.startsWith("delta") ? "gradients" : step.kind);
  return list.flatMap((step, first) => {
    const before = list[first - 1];
    const starts = !before || chapterOf(before) !== chapterOf(step) || before.layer !== step.layer;
    return starts ? [{ kind: chapterOf(step), layer: step.layer, first }] : [];
  });
}
