// Play and pause, steps of a chosen size, back to the same weights, and new weights.

import { button, h } from "./dom.js";
import { icon } from "./icons.js";
import { attachPopover } from "./popover.js";
import { addShortcut, keyName, mountShortcuts } from "./shortcuts.js";

const STEPS = [
  { unit: "batch", times: 1 },
  { unit: "batch", times: 10 },
  { unit: "epoch", times: 1 },
  { unit: "epoch", times: 10 },
  { unit: "epoch", times: 100 },
  { unit: "epoch", times: 1000 },
];

export function mount(app) {
  const { store, t, send, change } = app;
  let size = STEPS[2]; // an epoch, as a step of the original is

  const toggle = () => send({ type: "run", running: !store.get("running") });
  const step = ({ unit, times }) => send({ type: "step", unit, times });
  const reset = () => send({ type: "reset" });
  const renew = () => change({ weightSeed: Math.floor(Math.random() * 2 ** 32) });

  const play = h("button", { class: "button button--primary button--large play", type: "button", onclick: toggle });
  const stepText = h("span", {});
  const stepOnce = h("button", { class: "button step", type: "button", onclick: () => step(size) }, icon("step"), stepText);
  const stepMenu = h("button", { class: "button button--icon step-menu", type: "button" }, icon("down"));
  const resetText = h("span", {});
  const resetButton = h("button", { class: "button reset", type: "button", onclick: reset }, icon("reset"), resetText);
  const renewText = h("span", {});
  const renewButton = h("button", { class: "button renew", type: "button", onclick: renew }, icon("dice"), renewText);
  const steps = h("span", { class: "split" }, stepOnce, stepMenu);

  attachPopover(stepMenu, {
    label: () => t("step.choose"),
    className: "menu",
    fill: (close) =>
      STEPS.map((choice) => {
        const choose = () => {
          size = choice;
          showStep();
          close();
          stepOnce.focus();
        };
        const chosen = choice === size;
        const item = button("quiet", choose, stepName(choice));
        item.setAttribute("aria-pressed", String(chosen));
        item.autofocus = chosen;
        return item;
      }),
  });

  const stepName = ({ unit, times }) => t(times === 1 ? `step.${unit}` : `step.${unit}s`, { times });

  function showStep() {
    stepText.textContent = stepName(size);
    const name = t("transport.step", { size: stepName(size) });
    stepOnce.setAttribute("aria-label", name);
    stepOnce.title = `${name} (${keyName("s", t)})`;
  }

  function name(named, text, key, shortcut) {
    text.textContent = t(key);
    named.title = `${t(`${key}.title`)} (${keyName(shortcut, t)})`;
  }

  store.on(["running", "lang"], (running) => {
    play.replaceChildren(icon(running ? "pause" : "play"), h("span", {}, t(running ? "transport.pause" : "transport.play")));
    play.title = `${t(running ? "transport.pause" : "transport.play")} (${keyName(" ", t)})`;
  });
  store.on("lang", () => {
    showStep();
    stepMenu.setAttribute("aria-label", t("step.choose"));
    stepMenu.title = t("step.choose");
    name(resetButton, resetText, "transport.reset", "r");
    name(renewButton, renewText, "transport.renew", "n");
  });
  store.on("hidden", (hidden) => {
    play.hidden = hidden.includes("playButton");
    steps.hidden = hidden.includes("stepButton");
    resetButton.hidden = renewButton.hidden = hidden.includes("resetButton");
  });
  store.on("connection", (connection) => {
    for (const each of [play, stepOnce, stepMenu, resetButton, renewButton]) each.disabled = connection !== "open";
  });

  document.getElementById("transport").append(play, steps, resetButton, renewButton);
  addShortcut(" ", "shortcut.play", toggle);
  addShortcut("s", "shortcut.step", () => step(size));
  addShortcut("b", "shortcut.batch", () => step(STEPS[0]));
  addShortcut("r", "shortcut.reset", reset);
  addShortcut("n", "shortcut.renew", renew);
  mountShortcuts(app);
}
