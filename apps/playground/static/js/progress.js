// Where the training is: the epoch, and quietly beside it the updates and how fast they come.

import { h } from "./dom.js";
import { formatCount, formatRate } from "./numbers.js";

const CALM = 400; // ms between two speeds shown, so that they can be read

export function mount({ store, t }) {
  const label = h("span", { class: "label" });
  const epoch = h("output", { class: "epoch number", "aria-live": "off" });
  const detail = h("span", { class: "progress-detail number" });
  let shown = 0;

  store.on(["epoch", "lang"], (value) => {
    label.textContent = t("progress.epoch");
    epoch.textContent = formatCount(value);
  });
  store.on(["frame", "running", "lang"], (frame, running, lang) => {
    const now = performance.now();
    if (running && now - shown < CALM) return;
    shown = now;
    const updates = frame?.updates ?? 0;
    detail.textContent = running && frame?.rate > 0
      ? t("progress.rate", { rate: formatRate(frame.rate, lang) })
      : t("progress.updates", { count: formatCount(updates) });
    detail.title = t("progress.title", { count: formatCount(updates) });
  });
  document.getElementById("progress").append(label, epoch, detail);
}
