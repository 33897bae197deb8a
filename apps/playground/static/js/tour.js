// "What each part is": a ring around each region in turn, with a numbered card beside it. Escape ends it.

import { h } from "./dom.js";

const STOPS = [
  { key: "data", regions: ["#data"] },
  { key: "features", regions: ["#features *", ".layer-header:first-child"] },
  { key: "network", regions: ["#network"] },
  { key: "output", regions: ["#heatmap"] },
  { key: "losses", regions: ["#losses", "#chart"] },
  { key: "controls", regions: ["#topbar", "#controls"] },
  { key: "drawer", regions: ["#tab-byhand"] },
];
const ROOM = 4; // px between a region and its ring
const GAP = 12; // px between ring and card, and to the window's edge

/** The smallest box around all of the elements that can be seen, with some room, within the window; or null. */
function boxOf(selectors) {
  const elements = selectors.flatMap((selector) => [...document.querySelectorAll(selector)]);
  const boxes = elements.map((element) => element.getBoundingClientRect()).filter(({ width, height }) => width && height);
  if (boxes.length === 0) return null;
  const least = (side) => Math.max(2, Math.min(...boxes.map((box) => box[side])) - ROOM);
  const most = (side, limit) => Math.min(limit - 2, Math.max(...boxes.map((box) => box[side])) + ROOM);
  return { left: least("left"), top: least("top"), right: most("right", innerWidth), bottom: most("bottom", innerHeight) };
}

/** Where a card of width x height stands: beside the box where there is room, else inside its lower edge. Pure. */
export function placeCard(box, { width, height }, { innerWidth, innerHeight }) {
  const inside = (value, size, limit) => Math.max(GAP, Math.min(value, limit - size - GAP));
  const beside = inside(box.top, height, innerHeight);
  if (box.right + GAP + width + GAP <= innerWidth) return { left: box.right + GAP, top: beside };
  if (box.left - GAP - width >= GAP) return { left: box.left - GAP - width, top: beside };
  const left = inside((box.left + box.right - width) / 2, width, innerWidth);
  if (box.bottom + GAP + height + GAP <= innerHeight) return { left, top: box.bottom + GAP };
  if (box.top - GAP - height >= GAP) return { left, top: box.top - GAP - height };
  return { left, top: inside(box.bottom - height - GAP, height, innerHeight) };
}

/** Starts the tour; finished(completed) is called when it ends. */
export function startTour(app, finished) {
  const { t } = app;
  const opener = document.activeElement;
  const stops = STOPS.filter(({ regions }) => boxOf(regions));
  let at = 0;
  const ring = h("div", { class: "tour-ring", "aria-hidden": "true" });
  const card = h("div", { class: "tour-card panel", role: "dialog", tabindex: "-1", onkeydown: keys });
  document.body.append(ring, card);
  addEventListener("resize", place);
  show();

  function show() {
    const { key } = stops[at];
    const last = at === stops.length - 1;
    const button = (name, onclick, kind) => h("button", { type: "button", class: `button button--small ${kind}`, onclick }, t(name));
    const next = last ? button("coach.tour.done", () => end(true), "button--accent") : button("coach.tour.next", () => move(1), "button--accent");
    card.setAttribute("aria-label", t(`tour.${key}.title`));
    card.replaceChildren(
      h("p", { class: "label" }, t("coach.tour.step", { step: at + 1, steps: stops.length })),
      h("h3", {}, t(`tour.${key}.title`)),
      h("p", {}, t(`tour.${key}.text`)),
      h("div", { class: "tour-foot" },
        button("coach.tour.end", () => end(false), "button--quiet"),
        at > 0 ? button("coach.tour.back", () => move(-1), "") : null,
        next,
      ),
    );
    place();
    next.focus({ preventScroll: true });
  }

  function place() {
    document.querySelector(stops[at].regions[0])?.scrollIntoView({ block: "nearest" });
    const box = boxOf(stops[at].regions);
    if (!box) return;
    ring.style.left = `${box.left}px`;
    ring.style.top = `${box.top}px`;
    ring.style.width = `${box.right - box.left}px`;
    ring.style.height = `${box.bottom - box.top}px`;
    const { left, top } = placeCard(box, card.getBoundingClientRect(), globalThis);
    card.style.left = `${left}px`;
    card.style.top = `${top}px`;
  }

  function move(turn) {
    at = Math.min(stops.length - 1, Math.max(0, at + turn));
    show();
  }

  function keys(event) {
    const act = { Escape: () => end(false), ArrowRight: () => move(1), ArrowLeft: () => move(-1) }[event.key];
    if (!act) return;
    event.preventDefault();
    event.stopPropagation();
    act();
  }

  function end(completed) {
    removeEventListener("resize", place);
    ring.remove();
    card.remove();
    opener?.focus?.({ preventScroll: true });
    finished(completed);
  }
}
