// What can be set: each setting's values, default and range, as the server checks them too; and which go together.

const number = (fallback, min, max, extra = {}) => ({ kind: "number", fallback, min, max, ...extra });
const whole = (fallback, min, max, extra = {}) => ({ kind: "whole", fallback, min, max, ...extra });
const choice = (fallback, values) => ({ kind: "choice", fallback, values });
const flag = (fallback) => ({ kind: "flag", fallback });

const RATES = [0, 0.001, 0.003, 0.01, 0.03, 0.1, 0.3, 1, 3, 10];
const SEED = 2 ** 32 - 1;

// The settings sent to the server, in the order in which an address names them.
export const SETTINGS = {
  problem: choice("classification", ["classification", "regression"]),
  dataset: choice("circle", ["circle", "xor", "gauss", "spiral", "moons", "rings", "blobs3", "spiral3", "own"]),
  regDataset: choice("reg-plane", ["reg-plane", "reg-gauss", "own"]),
  percTrainData: whole(50, 10, 90),
  noise: whole(0, 0, 50),
  seed: whole(1, 0, SEED, { fractions: true }),
  x: flag(true),
  y: flag(true),
  xSquared: flag(false),
  ySquared: flag(false),
  xTimesY: flag(false),
  sinX: flag(false),
  sinY: flag(false),
  networkShape: { kind: "shape", fallback: [4, 2], layers: 8, min: 1, max: 32 },
  activation: choice("tanh", ["tanh", "relu", "sigmoid", "linear"]),
  weightSeed: whole(1, 0, SEED),
  initZero: flag(false),
  loss: choice("squared", ["squared", "bce", "cross_entropy"]),
  optimizer: choice("sgd", ["sgd", "momentum", "nesterov", "rmsprop", "adam"]),
  learningRate: number(0.03, 0, 100, { above: true, steps: [0.00001, 0.0001, 0.001, 0.003, 0.01, 0.03, 0.1, 0.3, 1, 3, 10] }),
  batchSize: whole(10, 1, 5000),
  regularization: choice("none", ["none", "L1", "L2"]),
  regularizationRate: number(0, 0, 100, { steps: RATES }),
};

// What only the page knows, also in the address. "" = not chosen.
export const PAGE = {
  showTestData: flag(false),
  discretize: flag(false),
  view: choice("weights", ["weights", "gradients", "updates"]),
  speed: number(30, 0, 1000),
  stopLoss: number(null, 0, 1e6),
  stopEpoch: whole(null, 1, 1e7),
  tutorial: { kind: "word", fallback: "" },
  hideText: flag(false),
  lang: choice("", ["en", "ko"]),
  theme: choice("", ["light", "dark"]),
};

// NAME_hide takes a part of the page away, as in the original.
export const HIDEABLE = [
  "showTestData", "discretize", "playButton", "stepButton", "resetButton", "learningRate", "activation", "regularization",
  "regularizationRate", "problem", "dataset", "percTrainData", "noise", "batchSize", "numHiddenLayers",
  "optimizer", "loss",
];

export const SPEEDS = [1, 5, 30, 200, 1000, 0]; // epochs a second; 0 = as fast as it goes
export const FEATURES = ["x", "y", "xSquared", "ySquared", "xTimesY", "sinX", "sinY"];
export const URL_POINTS = 500;

export function defaults(table = SETTINGS) {
  return Object.fromEntries(Object.entries(table).map(([key, { fallback }]) => [key, fallback]));
}

const CLASSES = { blobs3: 3, spiral3: 3 };

// Classes of the data that these settings choose, 0 for regression; own data have as many as their labels.
export function classesOf({ problem, dataset }, ownClasses = 2) {
  if (problem === "regression") return 0;
  return dataset === "own" ? Math.max(2, ownClasses) : (CLASSES[dataset] ?? 2);
}

// As many classes as the labels of these points make: any above 1 counts from 0.
export const classesOfPoints = (points) => Math.max(2, ...(points ?? []).map(([, , label]) => (label > 1 ? label + 1 : 2)));

export const usesOwn = ({ problem, dataset, regDataset }) => (problem === "regression" ? regDataset : dataset) === "own";

// Why a loss cannot be had with so many classes: a string key, or null.
export function lossRefusal(loss, classes) {
  if (classes === 0) return loss === "squared" ? null : "loss.onlyClassification";
  if (classes > 2) return loss === "cross_entropy" ? null : "loss.onlyTwoClasses";
  return null;
}

// The change, and another loss with it where the present one does not go with the data.
export function completeChange(settings, change, ownClasses = 2) {
  const next = { ...settings, ...change };
  const classes = classesOf(next, ownClasses);
  if (!lossRefusal(next.loss, classes)) return change;
  return { ...change, loss: classes > 2 ? "cross_entropy" : "squared" };
}
