// The picture beneath the network's elements, on two canvases: links, and above them neurons. Neurons are drawn with every
// frame; the links of a large network take turns, layer by layer, so that eight layers of 32 neurons stay swift.

import { h } from "./dom.js";
import { drawEmphasis, drawLinks, drawNodes } from "./links.js";
import { FEATURES } from "./options.js";
import { readPalette } from "./palette.js";
import { SIDE, createAtlas, featureField } from "./thumbnails.js";

const LINKS_A_FRAME = 1100; // strokes
const LINKS_WITH_DASHES = 400; // above it dashes would only flicker
const SWEEP = 350; // ms between two drawings of all links of a network with more than LINKS_A_FRAME
const DASH_SPEED = 0.02; // px a millisecond

// room: the element the canvases are put in; state() -> {values, scale, running, dimmed(curve) or null, pointed: curve or
// null}, asked for when something is drawn.
export function createPicture(room, state) {
  const canvases = ["links", "neurons"].map((name) => h("canvas", { class: `network-canvas network-canvas--${name}`, "aria-hidden": "true" }));
  const [linkContext, neuronContext] = canvases.map((canvas) => canvas.getContext("2d"));
  const still = matchMedia("(prefers-reduced-motion: reduce)");
  const [atlas, features] = [createAtlas(), createAtlas()];
  let palette = readPalette();
  let scene = null;
  let stale = []; // layers whose links are to be drawn
  let [due, phase, before] = [false, 0, 0];
  let [swept, timer] = [-SWEEP, 0];
  room.prepend(...canvases);

  // Something has changed: values that come with every frame (the links of a large network follow a little later), or, at
  // once, what a person does.
  function request({ atOnce = false } = {}) {
    if (!scene) return;
    const wait = atOnce || scene.curves.length <= LINKS_A_FRAME ? 0 : swept + SWEEP - performance.now();
    if (wait <= 0) sweep();
    else timer ||= setTimeout(sweep, wait);
    schedule();
  }

  function sweep() {
    clearTimeout(timer);
    timer = 0;
    swept = performance.now();
    for (let layer = 0; layer < scene.layers.length; layer++) if (!stale.includes(layer)) stale.push(layer);
    schedule();
  }

  function schedule() {
    if (due) return;
    due = true;
    requestAnimationFrame(draw);
  }

  function draw(now) {
    due = false;
    if (!scene) return;
    const { placement, network, layout, curves } = scene;
    const seen = state();
    const moving = seen.running && !still.matches && curves.length <= LINKS_WITH_DASHES;
    if (moving) phase -= Math.min(50, now - before) * DASH_SPEED;
    before = now;
    const style = { ...seen, palette, widest: placement.widest, phase: moving ? phase : null };
    for (let left = LINKS_A_FRAME; stale.length > 0 && left > 0; ) {
      const layer = stale.shift();
      clearGap(placement, layer);
      drawLinks(linkContext, scene.layers[layer], style);
      left -= scene.layers[layer].length;
    }
    neuronContext.clearRect(0, 0, placement.width, placement.height);
    if (seen.pointed) drawEmphasis(neuronContext, seen.pointed, { ...style, value: seen.values?.[seen.pointed.at] });
    drawNodes(neuronContext, placement, { network, layout, atlas, features, ...style });
    if (moving) request();
    else if (stale.length > 0) schedule();
  }

  // Between two columns no links but their own are drawn.
  function clearGap({ columns, height }, layer) {
    const left = columns[layer].x + columns[layer].size / 2;
    linkContext.clearRect(left, 0, columns[layer + 1].x - columns[layer + 1].size / 2 - left, height);
  }

  return {
    request,
    place(next) {
      const { placement, curves, network } = next;
      scene = { ...next, layers: network.layers.map((_, layer) => curves.filter((curve) => curve.layer === layer)) };
      stale = [];
      clearTimeout(timer);
      timer = 0;
      for (const canvas of canvases) {
        canvas.width = Math.round(placement.width * devicePixelRatio);
        canvas.height = Math.round(placement.height * devicePixelRatio);
        canvas.style.width = `${placement.width}px`;
        canvas.style.height = `${placement.height}px`;
        canvas.getContext("2d").setTransform(devicePixelRatio, 0, 0, devicePixelRatio, 0, 0);
      }
      request({ atOnce: true });
    },
    // bytes: (N, 30*30) of all neurons.
    setThumbnails: (bytes) => atlas.set(bytes, palette.table),
    setTheme() {
      palette = readPalette();
      features.set(Uint8Array.from(FEATURES.flatMap((name) => [...featureField(name, SIDE)])), palette.table);
    },
  };
}
