// The same network and training on typed arrays: what a programmer would write who wants JavaScript to be fast.
// Features are computed once, a layer is a matrix row by row, nothing is allocated while it trains.

import { FEATURES, SIDE, centre } from "./page.mjs";

class Layer {
  constructor({ weight, bias }) {
    this.from = weight[0].length;
    this.to = bias.length;
    this.weight = Float64Array.from(weight.flat());
    this.bias = Float64Array.from(bias);
    this.weightSum = new Float64Array(this.weight.length); // gradients of a batch
    this.biasSum = new Float64Array(this.to);
    this.value = new Float64Array(this.to);
    this.gradient = new Float64Array(this.to); // by the neuron's total
  }

  // given begins at an offset: a point's row of all features, or 0
  forward(given, offset) {
    const { from, to, weight, bias, value } = this;
    for (let j = 0, w = 0; j < to; j++) {
      let total = bias[j];
      for (let i = 0; i < from; i++) total += weight[w++] * given[offset + i];
      value[j] = Math.tanh(total);
    }
  }

  accumulate(given, offset) {
    const { from, to, weightSum, biasSum, gradient } = this;
    for (let j = 0, w = 0; j < to; j++) {
      const g = gradient[j];
      biasSum[j] += g;
      for (let i = 0; i < from; i++) weightSum[w++] += g * given[offset + i];
    }
  }

  // The gradient by the totals of the layer before.
  backward(before) {
    const { from, to, weight, gradient } = this;
    for (let i = 0; i < from; i++) {
      let sum = 0;
      for (let j = 0; j < to; j++) sum += weight[j * from + i] * gradient[j];
      before.gradient[i] = sum * (1 - before.value[i] * before.value[i]);
    }
  }

  update(step) {
    const { weight, bias, weightSum, biasSum } = this;
    for (let w = 0; w < weight.length; w++) {
      weight[w] -= step * weightSum[w];
      weightSum[w] = 0;
    }
    for (let j = 0; j < bias.length; j++) {
      bias[j] -= step * biasSum[j];
      biasSum[j] = 0;
    }
  }
}

export class Network {
  constructor({ features, layers }) {
    this.features = features.map((key) => FEATURES[key]);
    this.layers = layers.map((layer) => new Layer(layer));
    this.output = this.layers.at(-1);
  }

  inputs(points) {
    return Float64Array.from(points.flatMap(([x, y]) => this.features.map((feature) => feature(x, y))));
  }

  forward(inputs, offset) {
    const { layers } = this;
    layers[0].forward(inputs, offset);
    for (let k = 1; k < layers.length; k++) layers[k].forward(layers[k - 1].value, 0);
    return this.output.value[0];
  }

  train(points, { batch, rate, epochs }) {
    const { layers, output } = this;
    const inputs = this.inputs(points);
    const labels = Float64Array.from(points, (point) => point[2]);
    const width = this.features.length;
    for (let epoch = 0; epoch < epochs; epoch++) {
      for (let i = 0; i < labels.length; i++) {
        const value = this.forward(inputs, i * width);
        output.gradient[0] = (value - labels[i]) * (1 - value * value);
        for (let k = layers.length - 1; k > 0; k--) {
          layers[k].accumulate(layers[k - 1].value, 0);
          layers[k].backward(layers[k - 1]);
        }
        layers[0].accumulate(inputs, i * width);
        if ((i + 1) % batch === 0) {
          for (let k = 0; k < layers.length; k++) layers[k].update(rate / batch);
        }
      }
    }
  }

  loss(points) {
    const inputs = this.inputs(points);
    let sum = 0;
    points.forEach((point, i) => {
      sum += 0.5 * (this.forward(inputs, i * this.features.length) - point[2]) ** 2;
    });
    return sum / points.length;
  }

  // What every neuron says at every pixel of the page.
  fields() {
    const size = SIDE * SIDE;
    this.pixels ??= this.inputs(
      Array.from({ length: size }, (_, pixel) => [centre(pixel % SIDE), -centre(Math.floor(pixel / SIDE))]),
    );
    const fields = this.layers.map((layer) => Array.from(layer.bias, () => new Float64Array(size)));
    for (let pixel = 0; pixel < size; pixel++) {
      this.forward(this.pixels, pixel * this.features.length);
      for (let k = 0; k < fields.length; k++) {
        const { value } = this.layers[k];
        for (let j = 0; j < value.length; j++) fields[k][j][pixel] = value[j];
      }
    }
    return fields.flat();
  }
}
