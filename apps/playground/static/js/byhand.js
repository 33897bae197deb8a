// Backprop by hand: choose a point, then walk through its forward and backward pass, one neuron at a time.

import { createPointPicker } from "./byhand_point.js";
import { drawRaw, drawStep, stepTitle } from "./byhand_step_view.js";
import { chapters, steps, updates } from "./byhand_steps.js";
import { h } from "./dom.js";
import { icon } from "./icons.js";
import { show } from "./formula.js";

const SLOW = 2500; // ms a step while it plays
const AGAIN = 400; // ms between two questions while the weights move
const MOST_APPLIED = 60; // parameters that can be sent one by one

export function mount(app, panel) {
  const { store, t } = app;
  let point = null; // the point walked through, null while one is chosen
  let reply = null;
  let list = [];
  let at = 0;
  let asked = 0; // id of the latest question
  let weights = null; // as they were when it was asked
  let timer = 0; // of playing slowly
  let dueAgain = 0;
  let told = null; // {key, params}: what happened last
  let lossBefore = null;
  let rawOpen = false; // whether the engine's own lines are unfolded
  let unfolded = []; // the step's sums and tables that were, by their order, as often as they were

  const picker = createPointPicker(app, begin);
  const status = h("p", { class: "hint byhand-status", role: "status" });
  const pointLine = h("p", { class: "byhand-point" });
  const progress = h("p", { class: "byhand-progress", role: "status" });
  const bar = h("progress", { class: "byhand-bar", "aria-hidden": "true" });
  const moves = {
    first: () => go(0),
    previous: () => go(at - 1),
    play: () => (timer ? stop() : play()),
    next: () => go(at + 1),
    last: () => go(list.length - 1),
  };
  const pictures = { first: "first", previous: "left", play: "play", next: "right", last: "last" };
  const buttons = Object.fromEntries(
    Object.entries(moves).map(([name, onclick]) => [
      name,
      h("button", { type: "button", class: "button button--icon", onclick: () => press(name, onclick) }, icon(pictures[name])),
    ]),
  );
  const another = h("button", { type: "button", class: "button button--small", onclick: choose });
  const apply = h("button", { type: "button", class: "button button--accent", onclick: applyUpdate });
  const jump = h("div", { class: "byhand-chapters", role: "group" });
  const side = h("div", { class: "byhand-side" },
    h("div", { class: "byhand-head" }, pointLine, another),
    h("div", { class: "byhand-moves", role: "group" }, Object.values(buttons)),
    progress, bar, jump, status,
  );
  const body = h("div", { class: "byhand-step" });
  const walker = h("div", { class: "byhand", onkeydown: keys }, side, body);
  panel.append(picker.form, walker);

  function press(name, act) {
    if (name !== "play") stop();
    act();
  }

  function begin(chosen) {
    const paused = store.get("running");
    if (paused) app.send({ type: "run", running: false });
    told = paused ? { key: "byhand.paused" } : null;
    point = chosen;
    reply = null;
    at = 0;
    unfolded = [];
    lossBefore = null;
    ask();
    draw();
    buttons.next.focus();
  }

  function choose() {
    stop();
    point = reply = null;
    store.set("spotlight", null);
    store.set("byHandReply", null);
    draw();
    picker.form.querySelector("button[type=submit]").focus();
  }

  function ask() {
    asked += 1;
    weights = store.get("frame")?.blocks.weights.data.slice() ?? null;
    app.send({ type: "by_hand", id: asked, point });
  }

  function receive(message) {
    if (message.id !== asked || !point) return;
    const same = reply && list.length === steps(message).length;
    reply = message;
    list = steps(reply);
    if (!same) at = 0;
    if (lossBefore !== null) told = { key: "byhand.applied", params: { before: show(lossBefore, 4), after: show(reply.loss.value, 4) } };
    lossBefore = null;
    store.set("byHandReply", reply);
    draw();
  }

  // The weights have changed under the numbers (training, an edit, a reset): the same question anew, not too often.
  function weightsChanged(frame) {
    if (!point || !store.get("byHand") || !frame || dueAgain) return;
    const now = frame.blocks.weights.data;
    const same = weights && now.length === weights.length && now.every((value, index) => Object.is(value, weights[index]));
    if (same) return;
    if (weights && lossBefore === null && told?.key !== "byhand.paused") told = { key: "byhand.renewed" };
    dueAgain = setTimeout(() => {
      dueAgain = 0;
      if (point && store.get("byHand")) ask();
    }, AGAIN);
  }

  function go(to) {
    if (list.length === 0) return;
    const next = Math.min(list.length - 1, Math.max(0, to));
    if (next === at) return;
    at = next;
    unfolded = [];
    told = null;
    draw();
    body.scrollTop = 0;
  }

  function play() {
    if (at === list.length - 1) go(0);
    timer = setInterval(() => (at < list.length - 1 ? go(at + 1) : stop()), SLOW);
    drawMoves();
  }

  function stop() {
    clearInterval(timer);
    timer = 0;
    drawMoves();
  }

  function keys(event) {
    const move = { ArrowLeft: "previous", ArrowRight: "next", Home: "first", End: "last" }[event.key];
    if (!move || event.altKey || event.ctrlKey || event.metaKey || event.target.closest("input, select, pre")) return;
    event.preventDefault();
    press(move, moves[move]);
  }

  function applyUpdate() {
    lossBefore = reply.loss.value;
    for (const { layer, to, from, after } of updates(reply)) {
      app.send(from === null ? { type: "bias", layer, neuron: to, value: after } : { type: "weight", layer, to, from, value: after });
    }
  }

  function drawMoves() {
    const end = list.length - 1;
    for (const [name, button] of Object.entries(buttons)) {
      const key = name === "play" && timer ? "byhand.pause" : `byhand.${name}`;
      button.setAttribute("aria-label", t(key));
      button.title = t(key);
      const idle = list.length === 0 || (["first", "previous"].includes(name) && at === 0) || (["next", "last"].includes(name) && at === end);
      button.setAttribute("aria-disabled", String(idle));
    }
    buttons.play.replaceChildren(icon(timer ? "pause" : "play"));
  }

  function raw() {
    const details = drawRaw(reply, t);
    details.open = rawOpen;
    details.addEventListener("toggle", () => (rawOpen = details.open));
    return details;
  }

  // Numbers are renewed while someone reads: what was unfolded in this step stays so.
  function keepUnfolded() {
    const folds = [...body.querySelectorAll(".unfold")];
    folds.forEach((fold, index) =>
      fold.addEventListener("click", ({ isTrusted }) => {
        if (!isTrusted) return;
        unfolded.push(index);
        if (!fold.isConnected) body.querySelector("h3").focus({ preventScroll: true });
      }),
    );
    for (const index of unfolded) folds[index]?.click();
  }

  // A neuron clicked in the network: its step, forward or backward as the present one.
  function goTo(event) {
    const node = event.target.closest("[data-column]");
    if (!node || !reply || !store.get("byHand")) return;
    const [layer, neuron] = [Number(node.dataset.column) - 1, Number(node.dataset.index)];
    const backward = list[at].phase === "backward";
    const found = list.findIndex((step) => step.layer === layer && step.neuron === neuron && (backward ? step.kind.startsWith("delta") : step.kind === "forward"));
    if (found >= 0) press("jump", () => go(found));
  }

  // What can't be computed (the numbers are not finite, the label is of no class any more): back to choosing.
  function refused({ code }) {
    if (point && store.get("byHand") && (code === "diverged" || code.startsWith("points_"))) choose();
  }

  // Made anew for other numbers only, so that a chip that was pressed keeps the focus.
  function drawChapters() {
    const parts = chapters(list);
    const key = JSON.stringify([store.get("lang"), parts]);
    if (jump.dataset.key !== key) {
      jump.dataset.key = key;
      jump.replaceChildren(
        ...parts.map(({ kind, layer, first }) => {
          const name = layer === reply.layers.length - 1 ? t("byhand.output") : t("byhand.layer", { layer: layer + 1 });
          const text = t(`byhand.chapter.${kind}`, { layer: name });
          return h("button", { type: "button", class: "chip", onclick: () => press("jump", () => go(first)) }, text);
        }),
      );
    }
    const now = parts.findLastIndex(({ first }) => first <= at);
    [...jump.children].forEach((chip, index) => chip.setAttribute("aria-pressed", String(index === now)));
  }

  function draw() {
    picker.form.hidden = point !== null;
    walker.hidden = point === null;
    picker.showSheet(store.get("byHand"));
    if (point === null) return;
    const [x, y, label] = point;
    const classes = store.get("classes");
    const place = { x: show(x, 2), y: show(y, 2) };
    pointLine.textContent = classes > 2 ? t("byhand.point.class", { ...place, class: label + 1 }) : t("byhand.point", { ...place, label: show(label, classes === 0 ? 2 : 0) });
    another.textContent = t("byhand.change");
    apply.textContent = t("byhand.apply");
    status.textContent = told ? t(told.key, told.params) : t("byhand.notation");
    jump.setAttribute("aria-label", t("byhand.chapters"));
    drawMoves();
    if (!reply) {
      body.replaceChildren(h("p", { class: "hint" }, t("byhand.waiting")));
      return;
    }
    const step = list[at];
    progress.textContent = t("byhand.progress", { step: at + 1, steps: list.length });
    progress.append(h("span", { class: "visually-hidden" }, `: ${stepTitle(reply, step, t)}`));
    bar.max = list.length;
    bar.value = at + 1;
    drawChapters();
    const applied = told?.key === "byhand.applied" ? h("p", { class: "badge badge--good" }, t(told.key, told.params)) : "";
    const canApply = step.kind === "update" && step.updates.length <= MOST_APPLIED && !store.get("running");
    const focused = body.contains(document.activeElement) ? document.activeElement : null;
    body.replaceChildren(...drawStep(reply, step, store.get("settings"), t, canApply ? [apply, applied] : null), raw());
    keepUnfolded();
    if (focused) (focused.isConnected ? focused : body.querySelector("h3")).focus({ preventScroll: true });
    if (!store.get("byHand")) return;
    store.set("spotlight", step.spotlight);
    store.set("byHandStep", { at, steps: list.length, kind: step.kind });
  }

  app.on("by_hand", receive);
  app.on("error", refused);
  document.getElementById("network").addEventListener("click", goTo);
  store.on("frame", weightsChanged);
  store.on("generation", () => weightsChanged(store.get("frame")));
  store.on("byHand", (open) => {
    if (!open) {
      stop();
      store.set("spotlight", null);
    } else {
      store.set("drawing", null); // that takes the clicks in the picture, too
      if (point) ask();
    }
    draw();
  });
  store.on(["lang", "running"], draw);
}
