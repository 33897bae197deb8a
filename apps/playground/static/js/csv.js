// One's own points from a CSV file, which the server reads and checks, and back into one.

import { h } from "./dom.js";

/** The points of a text that the server has taken, in its order. Pure; what it would not take gives no error here. */
export function readAccepted(text) {
  return text
    .replace(/^\ufeff/, "")
    .split(/\r\n|\r|\n/)
    .map((line) => line.split("#", 1)[0].split(/[,;\t]/).map((cell) => cell.trim().replace(/^"|"$/g, "").trim()))
    .map((cells) => (cells.length === 3 && cells.every((cell) => cell !== "") ? cells.map(Number) : []))
    .filter((point) => point.length === 3 && point.every(Number.isFinite));
}

/** load() asks for a file and sends it; save() asks the server for the points as a file. */
export function createCsv(app) {
  const { store } = app;
  const hidden = { class: "visually-hidden", tabindex: "-1", "aria-hidden": "true" };
  const input = h("input", { type: "file", accept: ".csv,.tsv,.txt,text/csv,text/plain", ...hidden, onchange: read });
  let pending = null; // a text that has been sent and not answered

  async function read() {
    const [file] = input.files;
    input.value = ""; // the same file can be chosen again
    if (!file) return;
    const { csv, message } = store.get("limits");
    const text = file.size <= csv ? await file.text() : null;
    const size = text === null ? file.size : new TextEncoder().encode(JSON.stringify({ type: "csv", text })).length;
    if (text === null || size > message) {
      app.notify({ kind: "error", key: "error.csv_large", params: { bytes: size, most: csv } });
      return;
    }
    const labels = readAccepted(text).map((point) => point[2]);
    const { problem, loss } = store.get("settings");
    if (problem === "classification" && loss !== "cross_entropy" && Math.max(...labels, 0) > 1) app.change({ loss: "cross_entropy" });
    pending = text;
    app.send({ type: "csv", text });
  }

  app.on("error", ({ code }) => {
    if (code.startsWith("csv_") || code.startsWith("points_")) pending = null;
  });
  app.on("state", ({ settings, points }) => {
    const name = settings.problem === "regression" ? settings.regDataset : settings.dataset;
    if (pending === null || name !== "own") return;
    const rows = readAccepted(pending);
    if (rows.length !== points.train.length + points.test.length) return;
    pending = null;
    store.set("own", rows);
    store.set("drawing", null);
    app.notify({ kind: "info", key: "csv.loaded", params: { count: rows.length } });
  });
  return { input, load: () => input.click(), save: () => app.send({ type: "export", what: "csv" }) };
}
