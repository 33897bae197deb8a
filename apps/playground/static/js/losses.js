// Loss and accuracy (or R^2) of training and test data, now; each row carries the line that is its in the chart below.

import { h, svg } from "./dom.js";
import { helpButton } from "./help.js";
import { formatLoss, formatMetric } from "./numbers.js";

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
  document.getElementById("losses").append(table);
}

function row(part) {
  const line = svg("line", { x1: 1, x2: 23, y1: 4, y2: 4 });
  const box = { viewBox: "0 0 24 8", width: 24, height: 8, "aria-hidden": "true" };
  const swatch = svg("svg", { class: `swatch swatch--${part}`, ...box }, line);
  const name = h("span", {});
  const loss = h("td", { class: "number loss" });
  const metric = h("td", { class: "number" });
  return { name, loss, metric, row: h("tr", {}, h("th", { scope: "row" }, swatch, name), loss, metric) };
}
