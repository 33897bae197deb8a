// The strip of hyperparameters: how the network learns. What it learns from is in the data column, what it is, in the middle.

import { choiceField, numberField } from "./field.js";
import { SETTINGS, lossRefusal } from "./options.js";

const BATCHES = [1, 2, 5, 10, 20, 30, 50, 100, 250];

export function mount(app) {
  const { store } = app;
  document.getElementById("controls").append(
    numberField(app, "learningRate", SETTINGS.learningRate.steps),
    choiceField(app, "activation"),
    choiceField(app, "regularization"),
    numberField(app, "regularizationRate", SETTINGS.regularizationRate.steps, {
      inactive: ({ regularization }) => (regularization === "none" ? "regularizationRate.inactive" : null),
    }),
    choiceField(app, "problem"),
    choiceField(app, "loss", { refusal: (loss) => lossRefusal(loss, store.get("classes")) }),
    choiceField(app, "optimizer"),
    numberField(app, "batchSize", BATCHES),
  );
}
