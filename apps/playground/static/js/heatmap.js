// The output over the plane, large: the field of the whole network or of the neuron pointed at, the points, the axes. Sets
// app.heatmap = {toData(event), toPixels([x, y]), overlay, side()}: an element over the field for drawing.

import { MARGIN, drawAxes, toData, toPixels } from "./axes.js";
import { h, svg } from "./dom.js";
import { enlarge } from "./enlarge.js";
import { show } from "./formula.js";
import { byteValue } from "./frame.js";
import { helpButton } from "./help.js";
import { mountLegend } from "./legend.js";
import { FEATURE_NAMES, neuronName } from "./names.js";
import { mountOptions } from "./output_options.js";
import { FEATURES } from "./options.js";
import { paintClasses, paintField, readPalette } from "./palette.js";
import { drawPoints } from "./scatter.js";
import { featureField } from "./thumbnails.js";

const CELLS = 100;
const FINER = 4; // times as many cells a side where only the decision is shown
const SMALLEST = 220; // px, of the field's side
const CHART = 124; // px, of the chart's height

// A canvas of side*side cells whose pixels can be set; canvas() shows them.
function createCells(side) {
  const canvas = h("canvas", { width: side, height: side });
  const context = canvas.getContext("2d");
  const image = context.createImageData(side, side);
  const shown = () => {
    context.putImageData(image, 0, 0);
    return canvas;
  };
  return { pixels: new Uint32Array(image.data.buffer), canvas: shown };
}

const tenths = (value) => value.toFixed(1).replace("-0.0", "0.0").replace("-", "−");

// Each output's field with more cells.
function finer({ bytes, kinds }) {
  const size = (CELLS * FINER) ** 2;
  const all = new Uint8Array(kinds * size);
  for (let k = 0; k < kinds; k++) all.set(enlarge(bytes.subarray(k * CELLS * CELLS, (k + 1) * CELLS * CELLS), CELLS, FINER), k * size);
  return all;
}

export function mount(app) {
  const { store, t } = app;
  const region = document.getElementById("heatmap");
  const caption = document.getElementById("shown");
  const axes = svg("svg", { class: "axes", "aria-hidden": "true" });
  const field = h("canvas", { class: "field-canvas", role: "img" });
  const dots = h("canvas", { class: "field-canvas", "aria-hidden": "true" });
  const overlay = h("div", { class: "heatmap-overlay" });
  const plane = h("div", { class: "plane", "data-plane": true }, field, dots, overlay);
  region.append(axes, plane);

  const smooth = createCells(CELLS);
  const sharp = createCells(CELLS * FINER);
  let palette = readPalette();
  let side = 0;
  let pointer = null; // [x, y] of the data, while the pointer is over the field

  app.heatmap = {
    overlay,
    side: () => side,
    toPixels: (point) => toPixels(point, side),
    toData(event) {
      const box = plane.getBoundingClientRect();
      return toData([event.clientX - box.left, event.clientY - box.top], side);
    },
  };
  document.getElementById("output-title").after(helpButton(app, "field"));
  const legend = mountLegend(app);
  mountOptions(app);

  // The field that is to be seen: {bytes, kinds}, or null as long as none has come.
  function current() {
    const feature = store.get("shownFeature") ?? null;
    if (feature !== null) return { bytes: featureField(FEATURES[feature], CELLS), kinds: 1 };
    const frame = store.get("frame");
    if (frame?.generation !== store.get("generation") || !frame?.blocks.field) return null;
    const { data, shape } = frame.blocks.field;
    if (shape[0] === 2) return { bytes: data.subarray(CELLS * CELLS), kinds: 1 }; // the second class says all of two
    return { bytes: data, kinds: shape[0] };
  }

  function paint() {
    if (side === 0) return;
    const seen = current();
    const discrete = store.get("discretize");
    const { pixels, canvas } = discrete ? sharp : smooth;
    const bytes = seen && (discrete ? finer(seen) : seen.bytes);
    if (!seen) pixels.fill(palette.table[128]);
    else if (seen.kinds === 1) paintField(pixels, bytes, discrete ? palette.discrete : palette.table);
    else paintClasses(pixels, bytes, palette, discrete);
    const context = field.getContext("2d");
    context.imageSmoothingQuality = "high";
    context.drawImage(canvas(), 0, 0, field.width, field.height);
    legend.discrete(discrete);
    describe(seen);
  }

  function paintDots() {
    if (side === 0) return;
    const context = dots.getContext("2d");
    context.setTransform(dots.width / side, 0, 0, dots.height / side, 0, 0);
    const showTest = store.get("showTestData") || Boolean(store.get("drawing")); // who draws points sees all of them
    drawPoints(context, store.get("points"), { side, palette, classes: store.get("classes"), showTest });
  }

  // Which neuron is shown, and the value under the pointer.
  function describe(seen) {
    const name = shownName();
    const value = seen && pointer ? valueAt(seen, pointer) : null;
    const [x, y] = (pointer ?? []).map(tenths);
    caption.textContent = value ? t("output.at", { x, y, value }) : name;
    field.setAttribute("aria-label", t("output.field", { name }));
  }

  function shownName() {
    const feature = store.get("shownFeature") ?? null;
    if (feature !== null) return FEATURE_NAMES[FEATURES[feature]];
    const [network, shown] = [store.get("network"), store.get("frame")?.shown];
    return network && shown ? neuronName(app, network, ...shown) : t("output.network");
  }

  function valueAt({ bytes, kinds }, point) {
    const [left, top] = toPixels(point, CELLS).map((c) => Math.min(CELLS - 1, Math.max(0, Math.floor(c))));
    const values = Array.from({ length: kinds }, (_, k) => byteValue(bytes[k * CELLS * CELLS + top * CELLS + left]));
    legend.mark(kinds === 1 ? values[0] : null);
    return values.map((value) => show(kinds === 1 ? value : (value + 1) / 2, 2)).join(" · ");
  }

  function resize() {
    const column = document.getElementById("output");
    const others = [...column.children].filter((child) => child !== region).reduce((sum, child) => sum + heightOf(child), 0);
    const { paddingTop, paddingBottom } = getComputedStyle(column);
    const high = column.clientHeight - parseFloat(paddingTop) - parseFloat(paddingBottom) - others - MARGIN;
    const next = Math.floor(Math.min(region.clientWidth - MARGIN - 2, Math.max(SMALLEST, high)));
    if (next === side) return;
    side = next;
    region.style.height = `${side + MARGIN}px`;
    document.getElementById("legend").style.maxWidth = `${side}px`;
    drawAxes(axes, side);
    plane.style.width = plane.style.height = `${side}px`;
    plane.style.left = `${MARGIN}px`;
    for (const canvas of [field, dots]) canvas.width = canvas.height = Math.round(side * devicePixelRatio);
    overlay.dispatchEvent(new CustomEvent("resized"));
    paint();
    paintDots();
  }

  // What a part of the column needs at least: the chart takes what is left.
  function heightOf(element) {
    const { marginTop, marginBottom } = getComputedStyle(element);
    return (element.id === "chart" ? CHART : element.offsetHeight) + parseFloat(marginTop) + parseFloat(marginBottom);
  }

  plane.addEventListener("pointermove", (event) => {
    pointer = app.heatmap.toData(event);
    describe(current());
  });
  plane.addEventListener("pointerleave", () => {
    pointer = null;
    legend.mark(null);
    describe(current());
  });

  store.on("dark", () => {
    palette = readPalette();
    legend.paint(palette);
    paintDots();
  });
  store.on(["frame", "shownFeature", "discretize", "dark", "lang", "network"], paint);
  store.on(["points", "classes", "showTestData", "drawing"], paintDots);
  const observer = new ResizeObserver(resize);
  observer.observe(document.getElementById("output"));
  observer.observe(document.getElementById("losses"));
}
