// Loss and accuracy (or R^2) of training and test data, now; each row carries the line that is its in the chart below.

import { h, svg } from "./dom.js";
import { helpButton } from "./help.js";
import { formatLoss, formatMetric } from "./numbers.js";

// Test loss this much above the training loss, and risen: what is learnt by heart does not carry over.
const GAP = 1.5;

export function mount(app) {
  const { store, t } = app;
  const cells = { train: row("train"), test: row("test") };
  const head = { loss: h("span", {}), metric: h("span", {}) };
  const table = h("table", { class: "losses-table" },
    h("thead", {}, h("tr", {}, h("td", {}),
      h("th", { scope: "col", class: "number" }, head.loss, helpButton(app, "shownLoss")),
      h("th", { scope: "col", class: "number" }, head.metric, helpButton(app, "metric")))),
    h("tbody", {}, cells.train.row, cells.test.row));
  const caption = h("caption", { class: "visually-hidden" });
  table.prepend(caption);
  const verdict = h("p", { class: "hint losses-verdict" });

  store.on(["frame", "classes", "lang"], (frame, classes) => {
    const regression = classes === 0;
    caption.textContent = t("losses.caption");
    head.loss.textContent = t("losses.loss");
    head.metric.textContent = t(regression ? "losses.r2" : "losses.accuracy");
    for (const part of ["train", "test"]) {
      cells[part].name.textContent = t(`losses.${part}`);
      cells[part].loss.textContent = frame ? formatLoss(frame[`${part}_loss`]) : "–";
      cells[part].metric.textContent = frame ? formatMetric(frame[`${part}_metric`], regression) : "–";
    }
  });
  store.on(["history", "lang"], (history) => (verdict.textContent = overfits(history) ? t("losses.overfit") : ""));
  document.getElementById("losses").append(table, verdict);
}

function row(part) {
  const swatch = svg("svg", { class: `swatch swatch--${part}`, viewBox: "0 0 24 8", width: 24, height: 8, "aria-hidden": "true" }, svg("line", { x1: 1, x2: 23, y1: 4, y2: 4 }));
  const name = h("span", {});
  const loss = h("td", { class: "number loss" });
  const metric = h("td", { class: "number" });
  return { name, loss, metric, row: h("tr", {}, h("th", { scope: "row" }, swatch, name), loss, metric) };
}

// The test loss has left its lowest value behind while the training loss went on falling.
export function overfits(history) {
  if (history.length < 50) return false;
  const [, trainNow, testNow] = history.at(-1);
  if (!(testNow > 0.02) || !(testNow > GAP * trainNow)) return false;
  const best = history.reduce((low, entry) => (entry[2] < low[2] ? entry : low), history[0]);
  return testNow > best[2] * 1.2 && trainNow < best[1];
}
