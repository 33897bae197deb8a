// A network of neurons and links that are objects, trained sample by sample: how the original playground works,
// written anew from its description (docs/playground.md). Hidden layers and output are tanh, the loss is half the
// square of the error.

import { FEATURES, SIDE, centre } from "./page.mjs";

class Link {
  constructor(source, target, weight) {
    this.source = source;
    this.target = target;
    this.weight = weight;
    this.sum = 0; // of the gradients of a batch
    this.count = 0;
  }
}

class Neuron {
  constructor(bias) {
    this.bias = bias;
    this.inputs = [];
    this.outputs = [];
    this.value = 0;
    this.valueGradient = 0;
    this.totalGradient = 0;
    this.sum = 0;
    this.count = 0;
  }

  forward() {
    let total = this.bias;
    for (let i = 0; i < this.inputs.length; i++) {
      const link = this.inputs[i];
      total += link.weight * link.source.value;
    }
    this.value = Math.tanh(total);
  }

  backward() {
    this.totalGradient = this.valueGradient * (1 - this.value * this.value);
    this.sum += this.totalGradient;
    this.count++;
    for (let i = 0; i < this.inputs.length; i++) {
      const link = this.inputs[i];
      link.sum += this.totalGradient * link.source.value;
      link.count++;
    }
  }

  gather() {
    this.valueGradient = 0;
    for (let i = 0; i < this.outputs.length; i++) {
      const link = this.outputs[i];
      this.valueGradient += link.weight * link.target.totalGradient;
    }
  }

  update(rate) {
    if (this.count > 0) {
      this.bias -= (rate * this.sum) / this.count;
      this.sum = 0;
      this.count = 0;
    }
    for (let i = 0; i < this.inputs.length; i++) {
      const link = this.inputs[i];
      if (link.count > 0) {
        link.weight -= (rate * link.sum) / link.count;
        link.sum = 0;
        link.count = 0;
      }
    }
  }
}

export class Network {
  constructor({ features, layers }) {
    this.features = features.map((key) => FEATURES[key]);
    this.layers = [features.map(() => new Neuron(0))];
    for (const { weight, bias } of layers) {
      const before = this.layers.at(-1);
      const neurons = bias.map((value) => new Neuron(value));
      neurons.forEach((neuron, to) => {
        before.forEach((source, from) => {
          const link = new Link(source, neuron, weight[to][from]);
          neuron.inputs.push(link);
          source.outputs.push(link);
        });
      });
      this.layers.push(neurons);
    }
    this.output = this.layers.at(-1)[0];
  }

  forward(x, y) {
    const inputs = this.layers[0];
    for (let i = 0; i < inputs.length; i++) inputs[i].value = this.features[i](x, y);
    for (let k = 1; k < this.layers.length; k++) {
      for (let i = 0; i < this.layers[k].length; i++) this.layers[k][i].forward();
    }
    return this.output.value;
  }

  backward(label) {
    this.output.valueGradient = this.output.value - label;
    for (let k = this.layers.length - 1; k >= 1; k--) {
      const layer = this.layers[k];
      for (let i = 0; i < layer.length; i++) layer[i].backward();
      if (k === 1) return;
      for (let i = 0; i < this.layers[k - 1].length; i++) this.layers[k - 1][i].gather();
    }
  }

  train(points, { batch, rate, epochs }) {
    for (let epoch = 0; epoch < epochs; epoch++) {
      for (let i = 0; i < points.length; i++) {
        const [x, y, label] = points[i];
        this.forward(x, y);
        this.backward(label);
        if ((i + 1) % batch === 0) {
          for (let k = 1; k < this.layers.length; k++) {
            for (let j = 0; j < this.layers[k].length; j++) this.layers[k][j].update(rate);
          }
        }
      }
    }
  }

  loss(points) {
    let sum = 0;
    for (const [x, y, label] of points) sum += 0.5 * (this.forward(x, y) - label) ** 2;
    return sum / points.length;
  }

  // What every neuron says at every pixel of the page.
  fields() {
    const fields = this.layers.slice(1).map((layer) => layer.map(() => new Float64Array(SIDE * SIDE)));
    for (let row = 0; row < SIDE; row++) {
      for (let column = 0; column < SIDE; column++) {
        this.forward(centre(column), -centre(row));
        for (let k = 1; k < this.layers.length; k++) {
          for (let i = 0; i < this.layers[k].length; i++) {
            fields[k - 1][i][row * SIDE + column] = this.layers[k][i].value;
          }
        }
      }
    }
    return fields.flat();
  }
}
