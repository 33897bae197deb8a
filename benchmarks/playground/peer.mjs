// node peer.mjs original|arrays: a side of the benchmark. Requests come one JSON object a line, answers leave so.
//
//   {"do": "load", features, layers, points, batch, rate, epochs, check}   -> the losses of the first epochs, and
//                                                                            what the neurons say at some pixels
//   {"do": "train", seconds}     trainings of so many epochs, each from the start  -> seconds each, the last loss
//   {"do": "fields", seconds}    -> seconds each

import { createInterface } from "node:readline";
import { performance } from "node:perf_hooks";

const { Network } = await import(`./${process.argv[2]}.mjs`);
let task = null;

function timed(seconds, run) {
  const taken = [];
  const begun = performance.now();
  do {
    const start = performance.now();
    run();
    taken.push((performance.now() - start) / 1000);
  } while (performance.now() - begun < 1000 * seconds);
  return taken;
}

const answers = {
  load(request) {
    task = request;
    const network = new Network(task);
    const losses = [network.loss(task.points)];
    for (let epoch = 0; epoch < task.check; epoch++) {
      network.train(task.points, { ...task, epochs: 1 });
      losses.push(network.loss(task.points));
    }
    const pixels = network.fields().map((field) => Array.from(field.filter((_, i) => i % 997 === 0)));
    return { losses, pixels, version: process.version };
  },

  train({ seconds }) {
    let network = null;
    const taken = timed(seconds, () => {
      network = new Network(task);
      network.train(task.points, task);
    });
    return { taken, loss: network.loss(task.points) };
  },

  fields({ seconds }) {
    const network = new Network(task);
    return { taken: timed(seconds, () => network.fields()) };
  },
};

for await (const line of createInterface({ input: process.stdin })) {
  const request = JSON.parse(line);
  console.log(JSON.stringify(answers[request.do](request)));
}
