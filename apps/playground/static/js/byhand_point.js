// Choosing the point of backprop by hand: by a click in the output picture, through the training points, or typed.

import { h } from "./dom.js";
import { icon } from "./icons.js";
import { createSheet, moveMark, placeOf } from "./plot_overlay.js";

const FURTHEST = 1e6; // of a coordinate or a label, as the server has it

/** The label of the training point nearest to [x, y], or `fallback` where there is none. */
export function nearestLabel(points, [x, y], fallback) {
  let best = Infinity;
  let label = fallback;
  for (const point of points) {
    const distance = (point[0] - x) ** 2 + (point[1] - y) ** 2;
    if (distance < best) [best, label] = [distance, point[2]];
  }
  return label;
}

/** The labels that can be chosen: none (a number is typed) for regression, else those of the classes. */
export const labelsOf = (classes) => (classes === 0 ? [] : classes === 2 ? [-1, 1] : Array.from({ length: classes }, (_, index) => index));

/** A form that calls begin([x, y, label]); show(visible), set(point). */
export function createPointPicker(app, begin) {
  const { store, t } = app;
  let index = -1; // of the training point, -1 = none of them
  const field = (key, control) => {
    const name = h("span", { class: "field-label" });
    return { key, name, label: h("label", { class: "field" }, name, control) };
  };
  const number = () => h("input", { class: "input", type: "number", step: "any", required: true, oninput: typed });
  const x = number();
  const y = number();
  const value = number();
  const choice = h("select", { class: "select", onchange: typed });
  const fields = [field("byhand.x", x), field("byhand.y", y), field("byhand.label", value), field("byhand.label", choice)];
  const complaint = h("p", { class: "field-error", role: "alert" });
  const hint = h("p", { class: "hint" });
  const title = h("h3", {});
  const intro = h("p", {});
  const start = h("button", { type: "submit", class: "button button--accent" });
  const walk = [-1, 1].map((turn) =>
    h("button", { type: "button", class: "button button--icon", onclick: () => walkPoints(turn), onkeydown: arrows }, icon(turn < 0 ? "left" : "right")),
  );
  const row = h("div", { class: "point-row" }, walk, fields.map(({ label }) => label), start);
  const form = h("form", { class: "point-picker", novalidate: true, onsubmit: submit }, title, intro, hint, row, complaint);
  const { sheet, show } = createSheet("plot-sheet--pick", { onclick: clicked });
  const mark = h("span", { class: "plot-mark", "aria-hidden": "true" });
  sheet.append(mark);

  function current() {
    const label = store.get("classes") === 0 ? value.value : choice.value;
    return [x.value, y.value, label].map((text) => (text.trim() === "" ? NaN : Number(text)));
  }

  function set(point) {
    [x.value, y.value] = point;
    (store.get("classes") === 0 ? value : choice).value = String(point[2]);
    complaint.textContent = "";
    moveMark(mark, point);
  }

  function typed() {
    index = -1;
    const [px, py] = current();
    if (Number.isFinite(px) && Number.isFinite(py)) moveMark(mark, [px, py]);
  }

  function clicked(event) {
    const [px, py] = placeOf(event, sheet);
    const { train, test } = store.get("points");
    index = -1;
    set([px, py, nearestLabel([...train, ...test], [px, py], store.get("classes") === 0 ? 0 : labelsOf(store.get("classes"))[0])]);
    begin(current());
  }

  function walkPoints(turn) {
    const { train } = store.get("points");
    if (train.length === 0) return;
    index = index < 0 ? (turn > 0 ? 0 : train.length - 1) : (index + turn + train.length) % train.length;
    set(train[index]);
  }

  function arrows(event) {
    const turn = { ArrowLeft: -1, ArrowUp: -1, ArrowRight: 1, ArrowDown: 1 }[event.key];
    if (!turn) return;
    event.preventDefault();
    walkPoints(turn);
  }

  function submit(event) {
    event.preventDefault();
    const point = current();
    const bad = point.findIndex((each) => !Number.isFinite(each) || Math.abs(each) > FURTHEST);
    complaint.textContent = bad < 0 ? "" : bad === 2 ? t("byhand.badLabel") : t("byhand.bad", { low: -FURTHEST, high: FURTHEST });
    if (bad < 0) begin(point);
    else [x, y, store.get("classes") === 0 ? value : choice][bad].focus();
  }

  function texts() {
    title.textContent = t("byhand.pick");
    intro.textContent = t("byhand.intro");
    hint.textContent = t("byhand.pick.hint");
    start.textContent = t("byhand.begin");
    for (const { key, name } of fields) name.textContent = t(key);
    walk[0].setAttribute("aria-label", t("byhand.point.previous"));
    walk[1].setAttribute("aria-label", t("byhand.point.next"));
    walk[0].title = t("byhand.point.previous");
    walk[1].title = t("byhand.point.next");
  }

  function fitLabels(classes) {
    const before = choice.value;
    const labels = labelsOf(classes).map(String);
    choice.replaceChildren(...labels.map((label) => h("option", { value: label }, classes > 2 ? t("byhand.class", { class: Number(label) + 1 }) : label.replace("-", "\u2212"))));
    choice.value = labels.includes(before) ? before : (labels.at(-1) ?? "");
    fields[2].label.hidden = classes !== 0;
    fields[3].label.hidden = classes === 0;
  }

  store.on("lang", texts);
  store.on(["classes", "lang"], fitLabels);
  store.on("points", ({ train }) => {
    const chosen = current();
    const there = train.some((point) => point.every((each, place) => each === chosen[place]));
    if (train.length > 0 && (chosen.some(Number.isNaN) || (!there && !store.get("byHand")))) {
      index = 0;
      set(train[0]);
    }
  });
  return { form, showSheet: show, set };
}
