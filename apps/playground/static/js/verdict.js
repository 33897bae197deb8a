// What the losses tell, in a word beside their chart: overfitting, or a training that diverged. The word opens its
// explanation; where there is nothing to tell, its place stays empty.

import { h } from "./dom.js";
import { attachPopover } from "./popover.js";

const RATIO = 1.5; // of test to training loss from which they have drawn apart
const RISEN = 1.2; // of the test loss to its lowest
const SMALL = 0.02; // a test loss that needs no word
const YOUNG = 50; // epochs

export function createVerdict(app) {
  const { store, t } = app;
  const button = h("button", { class: "badge verdict", type: "button", hidden: true });
  let told = null;
  const popover = attachPopover(button, {
    label: () => t(`verdict.${told}`),
    className: "help-card",
    fill: () => [
      h("p", { class: "card-title" }, t(`verdict.${told}`)),
      h("p", {}, t(`verdict.${told}.text`)),
      h("p", { class: "card-foot" }, t(`verdict.${told}.try`)),
    ],
  });
  let diverged = null; // the generation that did
  app.on("event", ({ code }) => {
    if (code === "diverged") diverged = store.get("generation");
  });
  store.on(["history", "frame", "lang"], (history, frame) => {
    const lost = frame && (frame.train_loss === null || (diverged === frame.generation && !frame.running));
    const now = lost ? "diverged" : overfits(history) ? "overfit" : null;
    if (now !== told) popover.close();
    told = now;
    button.hidden = !now;
    if (!now) return;
    button.className = `badge verdict badge--${now === "diverged" ? "bad" : "negative"}`;
    button.textContent = t(`verdict.${now}`);
  });
  return button;
}

// The test loss has left its lowest value behind while the training loss went on falling.
export function overfits(history) {
  if (history.length < 2 || history.at(-1)[0] < YOUNG) return false;
  const [, trainNow, testNow] = history.at(-1);
  if (!(testNow > SMALL) || !(testNow > RATIO * trainNow)) return false;
  const best = history.reduce((low, entry) => (entry[2] !== null && entry[2] < low[2] ? entry : low));
  return testNow > best[2] * RISEN && trainNow < best[1];
}
