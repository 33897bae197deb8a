// The "?" beside a control: what it is, what too much and too little of it does, and whether changing it starts the training
// anew. Strings: help.KEY, and where they make sense help.KEY.large and help.KEY.small; EFFECTS says the rest.

import { h } from "./dom.js";
import { hasString } from "./i18n.js";
import { attachPopover } from "./popover.js";

const EFFECTS = {
  learningRate: "live",
  regularizationRate: "live",
  regularization: "penalty",
  activation: "resets",
  batchSize: "resets",
  optimizer: "resets",
  loss: "resets",
  networkShape: "resets",
  features: "resets",
  problem: "data",
  dataset: "data",
  noise: "data",
  percTrainData: "data",
  seed: "data",
};

// A button to stand beside the label of the control `key`.
export function helpButton({ store, t }, key) {
  const button = h("button", { class: "help", type: "button" }, "?");
  const name = () => t(`control.${key}`);
  const line = (kind) => {
    const full = `help.${key}.${kind}`;
    return hasString(full) ? h("p", {}, h("strong", {}, t(`help.${kind}`)), " ", t(full)) : null;
  };
  const popover = attachPopover(button, {
    label: name,
    className: "help-card",
    fill: () => [
      h("p", { class: "card-title" }, name()),
      ...[h("p", {}, t(`help.${key}`)), line("large"), line("small")].filter(Boolean),
      EFFECTS[key] ? h("p", { class: "card-foot" }, t(`effect.${EFFECTS[key]}`)) : h("span", { hidden: true }),
    ],
  });
  store.on("lang", () => {
    button.setAttribute("aria-label", t("help.what", { name: name() }));
    popover.refresh();
  });
  return button;
}
