// How parts of the network are called: "X₁²", "neuron 2 of layer 1", "weight from X₁ to neuron 2 of layer 1".

export const FEATURE_NAMES = { x: "X₁", y: "X₂", xSquared: "X₁²", ySquared: "X₂²", xTimesY: "X₁X₂", sinX: "sin X₁", sinY: "sin X₂" };

// layer and index as in network.layers, from 0; the last layer are the outputs.
export function neuronName({ t }, network, layer, index) {
  const outputs = layer === network.layers.length - 1;
  if (!outputs) return t("name.neuron", { neuron: index + 1, layer: layer + 1 });
  return network.layers[layer] === 1 ? t("name.output") : t("name.outputOf", { class: index + 1 });
}

export function sourceName(app, network, layer, from) {
  return layer === 0 ? FEATURE_NAMES[network.features[from]] : neuronName(app, network, layer - 1, from);
}

// target: {kind: "weight", layer, to, from} or {kind: "bias", layer, neuron}.
export function targetName(app, network, target) {
  if (target.kind === "bias") return app.t("name.bias", { neuron: neuronName(app, network, target.layer, target.neuron) });
  const names = { from: sourceName(app, network, target.layer, target.from), to: neuronName(app, network, target.layer, target.to) };
  return app.t("name.weight", names);
}
