// The lessons of the guided run: what sets the page up, and the goals, told from what the page knows. Pure.
//
// A goal is {key, reached(facts)}; facts = {settings, history, epoch, losses: {train, test}, events (a Set of codes),
// byHandStep, largest, selected, memory}. `memory` is a lesson's own and lives while it is open; watch(facts) writes into it.

const COORDINATES = { x: true, y: true, xSquared: false, ySquared: false, xTimesY: false, sinX: false, sinY: false };
const PLAIN = {
  ...COORDINATES,
  problem: "classification",
  activation: "tanh",
  regularization: "none",
  regularizationRate: 0,
  learningRate: 0.03,
  batchSize: 10,
  optimizer: "sgd",
  loss: "squared",
  noise: 0,
  percTrainData: 50,
  seed: 1,
  weightSeed: 1,
  initZero: false,
};

const LOW = 0.05;
const MENDED = 0.03; // of reg-gauss, where predicting 0 everywhere gives 0.05
const APART = 2; // test loss over training loss

/** Whether a loss is a number at all: null is how a frame writes what is not finite. */
const finite = (loss) => typeof loss === "number" && Number.isFinite(loss);

const low = ({ losses, epoch }) => epoch > 0 && finite(losses.test) && losses.test < LOW;

/** Whether training has burst: the server says so, a loss is no number, or it is several times what it was at first. */
export function diverged({ history, losses, events }) {
  const first = history[0]?.[1];
  const most = 5 * Math.max(finite(first) ? first : 0, 0.1);
  const burst = (loss) => loss !== undefined && (!finite(loss) || loss > most);
  return events.has("diverged") || burst(losses.train) || history.slice(-50).some(([, train]) => burst(train));
}

export const LESSONS = [
  {
    id: "circle",
    setup: { ...PLAIN, dataset: "circle", networkShape: [4, 2] },
    goals: [{ key: "low", reached: low }],
  },
  {
    id: "xor",
    setup: { ...PLAIN, dataset: "xor", networkShape: [], weightSeed: 6 }, // of which 4 neurons find the way
    goals: [
      { key: "straight", reached: ({ memory }) => memory.seenStraight === true },
      { key: "low", reached: (facts) => facts.settings.dataset === "xor" && low(facts) },
    ],
    // First to see that one straight line does not do, then to mend it.
    watch({ settings, epoch, losses, memory }) {
      const bare = settings.networkShape.length === 0 && !settings.xTimesY;
      if (bare && epoch >= 20 && losses.test > 0.2) memory.seenStraight = true;
    },
  },
  {
    id: "spiral",
    setup: { ...PLAIN, dataset: "spiral", networkShape: [8, 8] },
    goals: [
      { key: "features", reached: ({ settings }) => settings.dataset === "spiral" && settings.sinX && settings.sinY },
      { key: "low", reached: (facts) => facts.settings.dataset === "spiral" && low(facts) },
    ],
  },
  {
    id: "overfitting",
    setup: { ...PLAIN, dataset: "moons", noise: 50, percTrainData: 10, networkShape: [8, 8], xSquared: true, ySquared: true, xTimesY: true, sinX: true, sinY: true },
    goals: [
      { key: "gap", reached: ({ memory }) => memory.gap === true },
      { key: "closer", reached: ({ memory }) => memory.closer === true },
    ],
    watch({ losses, epoch, memory, settings }) {
      if (epoch < 20 || !finite(losses.test) || !finite(losses.train)) return;
      if (losses.test > APART * losses.train && losses.test - losses.train > 0.05) memory.gap = true;
      const simpler = settings.regularization !== "none" || settings.percTrainData > 10 || settings.networkShape.length < 2;
      if (memory.gap && simpler && epoch >= 100 && losses.test < 1.5 * losses.train) memory.closer = true;
    },
  },
  {
    id: "diverge",
    setup: { ...PLAIN, problem: "regression", regDataset: "reg-gauss", networkShape: [8, 8], activation: "relu", learningRate: 3 },
    goals: [
      { key: "burst", reached: ({ memory }) => memory.burst === true },
      { key: "mended", reached: ({ memory }) => memory.mended === true },
    ],
    watch(facts) {
      const { settings, losses, epoch, memory } = facts;
      if (settings.learningRate > 0.3 && diverged(facts)) memory.burst = true;
      if (memory.burst && settings.learningRate <= 0.3 && epoch >= 5 && finite(losses.test) && losses.test < MENDED) memory.mended = true;
    },
  },
  {
    id: "byhand",
    setup: { ...PLAIN, dataset: "circle", networkShape: [3, 2] },
    drawer: "byhand",
    goals: [
      { key: "walked", reached: ({ memory }) => memory.walked === true },
      { key: "largest", reached: ({ memory }) => memory.found === true },
    ],
    watch({ byHandStep, largest, selected, memory }) {
      if (byHandStep && byHandStep.at === byHandStep.steps - 1) memory.walked = true;
      const same = selected?.kind === "weight" && largest && ["layer", "to", "from"].every((key) => selected[key] === largest[key]);
      if (memory.walked && same) memory.found = true;
    },
  },
];

/** Which goals are reached, in their order: [boolean, ...]. Those once reached stay so while the lesson is open. */
export function progress(lesson, facts) {
  lesson.watch?.(facts);
  facts.memory.reached ??= lesson.goals.map(() => false);
  lesson.goals.forEach((goal, index) => {
    facts.memory.reached[index] ||= Boolean(goal.reached(facts));
  });
  return facts.memory.reached;
}
