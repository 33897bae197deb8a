// The guided first run: a welcome, a tour of the parts, and lessons with goals that are seen to be reached.

import { largestGradient, updates } from "./byhand_steps.js";
import { h } from "./dom.js";
import { icon } from "./icons.js";
import { LESSONS, progress } from "./lessons.js";
import { formatLoss } from "./numbers.js";
import { startTour } from "./tour.js";

const VISITED = "kernelgrad.visited"; // localStorage: the welcome has been closed
const DONE = "kernelgrad.lessons"; // localStorage: ids of the lessons finished, with commas

function remember(key, value) {
  try {
    if (value !== undefined) localStorage.setItem(key, value);
    return localStorage.getItem(key) ?? "";
  } catch {
    return ""; // storage is forbidden: nothing is remembered, all works
  }
}

export function mount(app) {
  const { store, t } = app;
  const region = document.getElementById("coach");
  const text = h("span", {});
  const opener = h("button", { type: "button", class: "button button--quiet guide", onclick: toggle }, icon("help"), text);
  document.getElementById("tools").prepend(opener);
  const done = new Set(remember(DONE).split(",").filter(Boolean));
  const loss = h("p", { class: "coach-loss number" });
  const announce = h("p", { class: "visually-hidden", role: "status" });
  let memory = {};
  let events = new Set();
  let shown = null; // the lesson whose memory and events these are
  let drawn = "";
  let before = null; // the generation that a lesson's setting up puts an end to; what is older tells nothing

  const known = (id) => LESSONS.some((lesson) => lesson.id === id);
  const asked = store.get("lesson"); // the address' tutorial
  let bare = known(asked); // that lesson stands there, and nothing has been set up for it
  const first = !remember(VISITED) && !store.get("hideText") && !location.hash.includes("networkShape");
  if (known(asked)) open(asked);
  else store.set("lesson", first ? "welcome" : null);

  function open(id) {
    if (id === null) {
      remember(VISITED, "yes");
      if (region.contains(document.activeElement)) opener.focus();
    }
    store.set("lesson", id);
    const lesson = LESSONS.find((each) => each.id === id);
    if (lesson?.drawer && store.get("drawer") !== lesson.drawer) store.set("drawer", lesson.drawer);
  }

  // The list needs room that the open drawer may take.
  function toggle() {
    if (region.checkVisibility()) return open(null);
    store.set("drawer", null);
    open(chosen() ?? "list");
  }

  function tour() {
    startTour(app, (completed) => completed && begin("circle"));
  }

  function begin(id) {
    remember(VISITED, "yes");
    open(id);
    setUp(id);
    region.querySelector("h3")?.focus({ preventScroll: true });
  }

  function setUp(id) {
    bare = false;
    app.send({ type: "run", running: false });
    before = store.get("generation");
    store.set("selected", null);
    store.set("byHandStep", null);
    memory = {};
    events = new Set();
    app.change(LESSONS.find((lesson) => lesson.id === id).setup);
    app.send({ type: "reset" });
  }

  const button = (key, onclick, kind = "") => h("button", { type: "button", class: `button button--small ${kind}`, onclick }, t(key));
  const close = () => {
    const kind = "button button--quiet button--icon button--small coach-close";
    const name = { "aria-label": t("coach.close"), title: t("coach.close") };
    return h("button", { type: "button", class: kind, ...name, onclick: () => open(null) }, icon("close"));
  };

  function drawWelcome() {
    return [
      h("div", { class: "coach-text" }, h("h3", { tabindex: "-1" }, t("coach.welcome")), h("p", {}, t("coach.welcome.text"))),
      h("div", { class: "coach-actions" }, button("coach.tour", tour, "button--accent"), button("coach.begin", () => begin("circle"))),
    ];
  }

  function drawList() {
    const items = LESSONS.map(({ id }) => {
      const mark = done.has(id) ? h("span", { class: "badge badge--good" }, icon("check"), t("coach.finished")) : null;
      return h("li", {}, h("button", { type: "button", class: "chip", onclick: () => begin(id) }, t(`lesson.${id}.title`), mark));
    });
    return [
      h("div", { class: "coach-text" }, h("h3", { tabindex: "-1" }, t("coach.lessons")), h("ol", { class: "coach-list" }, items)),
      h("div", { class: "coach-actions" }, button("coach.tour", tour)),
    ];
  }

  function drawLesson(lesson, reached) {
    const { id } = lesson;
    const complete = reached.every(Boolean);
    const next = LESSONS[LESSONS.indexOf(lesson) + 1];
    const goals = lesson.goals.map(({ key }, index) => {
      const state = h("span", { class: "visually-hidden" }, `: ${t(reached[index] ? "coach.reached" : "coach.open.goal")}`);
      const [kind, mark] = reached[index] ? ["goal goal--reached", "check"] : ["goal", "target"];
      return h("li", { class: kind }, icon(mark), h("span", {}, t(`lesson.${id}.goal.${key}`), state));
    });
    const hint = h("details", { class: "coach-hint" }, h("summary", {}, t("coach.hint")), h("p", {}, t(`lesson.${id}.hint`)));
    return [
      h("div", { class: "coach-text" },
        h("h3", { tabindex: "-1" }, t(`lesson.${id}.title`)),
        h("p", {}, t(`lesson.${id}.text`)),
        h("p", { class: "hint" }, t(`lesson.${id}.look`)),
      ),
      h("div", { class: "coach-goals" },
        h("p", { class: "label" }, t("coach.goal")),
        h("ul", {}, goals),
        complete ? h("p", { class: "coach-done" }, t("coach.done")) : loss,
        complete ? null : hint,
      ),
      h("div", { class: "coach-actions" },
        complete && next ? button("coach.next", () => begin(next.id), "button--accent") : button("coach.setup", () => setUp(id), bare ? "button--accent" : ""),
        button("coach.back", () => open("list"), "button--quiet"),
      ),
    ];
  }

  function facts() {
    const generation = store.get("generation");
    if (before !== null && generation !== before) before = null;
    const fresh = before === null && store.get("frame")?.generation === generation;
    const frame = fresh ? store.get("frame") : null;
    const reply = store.get("byHandReply");
    return {
      settings: store.get("settings"),
      history: fresh ? store.get("history") : [],
      epoch: frame?.epoch ?? 0,
      losses: { train: frame?.train_loss, test: frame?.test_loss }, // undefined: not told yet; null: not finite
      events,
      byHandStep: store.get("byHandStep"),
      largest: reply ? largestGradient(updates(reply)) : null,
      selected: store.get("selected"),
      memory,
    };
  }

  // A word that names nothing here (the original's tutorials, say) opens nothing.
  function chosen() {
    const id = store.get("lesson");
    return known(id) || id === "welcome" || id === "list" ? id : null;
  }

  function update() {
    const id = chosen();
    if (id !== shown) {
      shown = id;
      memory = {};
      events = new Set();
    }
    opener.setAttribute("aria-expanded", String(id !== null));
    text.textContent = t("coach.open");
    region.hidden = id === null;
    if (id === null) return;
    const lesson = LESSONS.find((each) => each.id === id);
    const now = facts();
    const reached = lesson ? progress(lesson, now) : [];
    if (lesson) {
      const both = { train: formatLoss(now.losses.train), test: formatLoss(now.losses.test) };
      loss.textContent = now.losses.test === undefined ? "" : id === "overfitting" ? t("coach.now.gap", both) : t("coach.now", { loss: both.test });
    }
    const state = JSON.stringify([id, store.get("lang"), reached, done.size, bare]);
    if (state === drawn) return;
    drawn = state;
    const complete = lesson && reached.every(Boolean);
    if (complete && !done.has(id)) {
      done.add(id);
      remember(DONE, [...done].join(","));
    }
    const focused = region.contains(document.activeElement);
    region.replaceChildren(...(lesson ? drawLesson(lesson, reached) : id === "list" ? drawList() : drawWelcome()), close(), announce);
    announce.textContent = complete ? t("coach.done") : "";
    if (focused) region.querySelector("h3").focus({ preventScroll: true });
  }

  app.on("event", ({ code }) => {
    events.add(code);
    update();
  });
  region.addEventListener("keydown", (event) => event.key === "Escape" && open(null));
  store.on(["lesson", "lang", "settings", "frame", "epoch", "byHandStep", "byHandReply", "selected"], update);
}
