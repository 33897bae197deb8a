// The data column: which points the network learns from, how noisy, how many for training; drawing one's own, CSV files.

import { createCsv } from "./csv.js";
import { paintPoints, pictureOf } from "./dataset_pictures.js";
import { h } from "./dom.js";
import { createDrawing } from "./drawing.js";
import { helpButton } from "./help.js";
import { icon } from "./icons.js";
import { SETTINGS, classesOf } from "./options.js";
import { readPalette } from "./palette.js";

const PIXELS = 96; // of a picture, about twice what is shown
const SEEDS = 2 ** 32;

export function mount(app) {
  const { store, t, change } = app;
  const title = h("h2", { class: "column-title", id: "data-title" });
  const sets = h("div", { class: "data-sets", role: "radiogroup", "aria-labelledby": "data-title" });
  const described = h("p", { class: "hint data-described" });
  const counts = h("p", { class: "hint number" });
  const drawing = createDrawing(app);
  const csv = createCsv(app);
  const noise = slider("noise", { min: 0, max: 50, step: 5 }, (value) => `${value}`);
  const share = slider("percTrainData", { min: 10, max: 90, step: 10 }, (value) => `${value}%`);
  const actions = [
    { key: "data.regenerate", icon: "dice", run: () => change({ seed: Math.floor(Math.random() * SEEDS) }) },
    { key: "data.draw", icon: "pencil", run: drawing.toggle },
    { key: "data.load", icon: "import", run: csv.load },
    { key: "data.save", icon: "export", run: csv.save },
  ].map((action) => {
    const text = h("span", {});
    return { ...action, text, button: h("button", { type: "button", class: "button button--small", onclick: action.run }, icon(action.icon), text) };
  });
  const [regenerate, draw, load, save] = actions.map(({ button }) => button);
  const ownTitle = h("h3", { class: "section-title" });
  document.getElementById("data").append(
    h("header", { class: "column-header" }, title, helpButton(app, "dataset")),
    h("div", { class: "data-choice", "data-key": "dataset" }, sets, described),
    noise, share, counts, regenerate,
    h("div", { class: "data-own" }, ownTitle, h("div", { class: "data-actions" }, draw, load, save), drawing.tools, csv.input),
  );

  const name = () => (store.get("settings").problem === "regression" ? "regDataset" : "dataset");

  function slider(key, range, written) {
    const input = h("input", { type: "range", class: "slider", id: `data-${key}`, ...range });
    const label = h("label", { class: "field-label", for: `data-${key}` });
    const value = h("span", { class: "field-value number" });
    input.addEventListener("input", () => change({ [key]: Number(input.value) }));
    store.on(["settings", "lang"], (settings) => {
      label.textContent = t(`control.${key}`);
      if (document.activeElement !== input || Number(input.value) !== settings[key]) input.value = settings[key];
      value.textContent = written(settings[key]);
      input.setAttribute("aria-valuetext", written(settings[key]));
    });
    const field = h("div", { class: "field field--row", "data-key": key }, h("span", { class: "field-head" }, label, helpButton(app, key)), value, input);
    store.on("hidden", (hidden) => (field.hidden = hidden.includes(key)));
    return field;
  }

  // One's own points are there once something has been drawn or loaded; until then choosing them starts the drawing.
  function choose(value) {
    const own = store.get("own") ?? [];
    if (value !== "own") {
      store.set("drawing", null);
      change({ [name()]: value });
    } else if (own.length > 0) {
      app.send({ type: "points", points: own });
    } else if (store.get("drawing") === null) {
      drawing.toggle();
    }
  }

  function walk(event) {
    const turn = { ArrowLeft: -1, ArrowUp: -1, ArrowRight: 1, ArrowDown: 1 }[event.key];
    if (!turn) return;
    event.preventDefault();
    const all = [...sets.children];
    const next = all[(all.indexOf(document.activeElement) + turn + all.length) % all.length];
    next.focus();
    if (next.dataset.value !== "own") choose(next.dataset.value);
  }

  function showSets(key) {
    const palette = readPalette();
    sets.replaceChildren(
      ...SETTINGS[key].values.map((value) => {
        const canvas = h("canvas", { width: PIXELS, height: PIXELS, "aria-hidden": "true" });
        const classes = classesOf({ problem: key === "dataset" ? "classification" : "regression", dataset: value });
        const own = value === "own";
        if (!own) paintPoints(canvas, pictureOf(value), classes, palette);
        const picture = own ? h("span", { class: "data-set-own" }, icon("pencil")) : canvas;
        const properties = { type: "button", role: "radio", class: "data-set", "data-value": value, onclick: () => choose(value), onkeydown: walk };
        return h("button", properties, picture, h("span", {}, t(`dataset.${value}`)));
      }),
    );
  }

  let shown = "";
  store.on(["settings", "lang", "dark"], (settings, lang, dark) => {
    const key = name();
    if (shown !== `${key} ${lang} ${dark}`) {
      const focused = sets.contains(document.activeElement);
      showSets(key);
      if (focused) sets.querySelector(`[data-value="${settings[key]}"]`)?.focus();
      shown = `${key} ${lang} ${dark}`;
    }
    for (const set of sets.children) {
      const chosen = set.dataset.value === settings[key];
      set.setAttribute("aria-checked", String(chosen));
      set.tabIndex = chosen ? 0 : -1;
    }
    described.textContent = t(`dataset.${settings[key]}.text`);
    const own = settings[key] === "own";
    noise.hidden = own || store.get("hidden").includes("noise");
    regenerate.hidden = own;
  });
  store.on(["points", "lang"], ({ train, test }) => {
    counts.textContent = t("data.counts", { train: train.length, test: test.length });
  });
  store.on("hidden", (hidden) => (sets.parentElement.hidden = hidden.includes("dataset")));
  store.on(["drawing", "lang"], (active) => draw.setAttribute("aria-pressed", String(active !== null)));
  store.on("lang", () => {
    title.textContent = t("page.data");
    ownTitle.textContent = t("data.own");
    for (const { key, text, button } of actions) {
      text.textContent = t(key);
      button.title = t(`${key}.title`);
    }
  });
}
