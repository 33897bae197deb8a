// A map of words: search a word, see its neighbours, walk from one to the next.
// The data: words, for each map a place [x, y] from -1 to 1 of each word, and the neighbours of each.

const { words, maps, near, cosines, chosen } = JSON.parse(document.getElementById("data").textContent);

const SAID = {
  en: {
    search: "Word", find: "Find", map: "Map", whole: "Whole map", nearer: "Nearer", farther: "Farther",
    none: "Choose a word",
    near: `Its nearest of the ${words.length} words here, by the cosine of the angle between the vectors:`,
    unknown: (word) => `“${word}” is not among the ${words.length} words of this page`,
    how: "Click a word in the map or in the list, or search one. Drag to move; wheel, + and − to come nearer. " +
      "With the keyboard: arrows move the map, + and − zoom, 0 shows it whole.",
    canvas: "Map of words", other: "한국어",
  },
  ko: {
    search: "단어", find: "찾기", map: "지도", whole: "전체 보기", nearer: "확대", farther: "축소",
    none: "단어를 고르세요",
    near: `이 페이지의 단어 ${words.length}개 가운데 벡터 사이 각도의 코사인으로 가장 가까운 단어:`,
    unknown: (word) => `“${word}”은(는) 이 페이지의 단어 ${words.length}개에 없습니다`,
    how: "지도나 목록에서 단어를 누르거나 검색하세요. 끌면 움직이고, 휠이나 +와 −로 확대·축소합니다. " +
      "키보드: 화살표로 이동, +와 −로 확대·축소, 0으로 전체 보기.",
    canvas: "단어 지도", other: "English",
  },
};

const element = (id) => document.getElementById(id);
const canvas = element("canvas");
const pen = canvas.getContext("2d");
const index = new Map(words.map((word, i) => [word, i]));
const marked = new Set(chosen);

let language = navigator.language.startsWith("ko") ? "ko" : "en";
let places = Object.values(maps)[0];
let selected = chosen[0] ?? -1;
let hovered = -1;
let view = { x: 0, y: 0, zoom: 1 };
let unknown = "";
let size = { width: 0, height: 0 }; // of the canvas: to ask it for each point takes longer than to draw it
let frame = 0;
const widths = new Map(); // of names, by font: to measure them takes longer still

// The map -----------------------------------------------------------------------------------------

const scale = () => (view.zoom * Math.min(size.width, size.height) * 0.92) / 2;

function onScreen([x, y]) {
  return [size.width / 2 + (x - view.x) * scale(), size.height / 2 - (y - view.y) * scale()];
}

// Events come faster than pictures: one drawing a frame is enough.
function redraw() {
  frame ||= requestAnimationFrame(draw);
}

function draw() {
  frame = 0;
  const style = getComputedStyle(document.body);
  const [ink, blue, orange, paper, quiet] = ["ink", "blue", "orange", "paper", "quiet"].map((name) => {
    canvas.style.color = `var(--${name})`; // a canvas knows no variables: have them computed
    return getComputedStyle(canvas).color;
  });
  const ratio = devicePixelRatio;
  canvas.width = size.width * ratio;
  canvas.height = size.height * ratio;
  pen.scale(ratio, ratio);
  const at = places.map(onScreen);
  const neighbours = new Set(selected < 0 ? [] : near[selected]);

  const first = [...new Set([hovered, selected, ...neighbours, ...marked])].filter((i) => i >= 0);
  const bright = new Set([selected, ...neighbours, ...marked]);

  const dot = (i, alpha, colour, radius) => {
    pen.globalAlpha = alpha;
    pen.fillStyle = colour;
    pen.beginPath();
    pen.arc(...at[i], radius, 0, 2 * Math.PI);
    pen.fill();
  };
  for (let i = 0; i < words.length; i++) {
    if (!bright.has(i)) {
      dot(i, i === hovered ? 1 : 0.4, blue, 2.5);
    }
  }
  pen.strokeStyle = orange;
  pen.globalAlpha = 0.45;
  for (const i of neighbours) {
    pen.beginPath();
    pen.moveTo(...at[selected]);
    pen.lineTo(...at[i]);
    pen.stroke();
  }
  for (const i of first) {
    if (bright.has(i)) {
      dot(i, 1, orange, i === selected ? 5 : 3.5);
    }
  }
  pen.globalAlpha = 1;
  name([...new Set([...first, ...words.keys()])], new Set(first), at, style.fontFamily, { ink, orange, paper, quiet });
}

// Names that touch none before them, with a rim of paper to be read above points.
function name(order, first, at, family, { ink, orange, paper, quiet }) {
  const fonts = { chosen: `bold 17px ${family}`, bright: `600 14px ${family}`, plain: `12px ${family}` };
  const taken = new Map(); // from a band of the picture, as high as a name, to the names in it
  pen.strokeStyle = paper;
  pen.lineJoin = "round";
  for (const i of order) {
    const [x, y] = at[i];
    if (x < -50 || y < -20 || x > size.width + 50 || y > size.height + 20) {
      continue;
    }
    const bright = first.has(i);
    const font = i === selected ? fonts.chosen : bright ? fonts.bright : fonts.plain;
    const width = widthOf(i, font);
    const left = x + 6 + width > size.width ? x - 6 - width : x + 6;
    const box = [left - 2, y - 10, left + width + 2, y + 7];
    const bands = [Math.floor(box[1] / 17), Math.floor(box[3] / 17)].map(
      (band) => taken.get(band) ?? taken.set(band, []).get(band),
    );
    const apart = (b) => box[0] > b[2] || box[2] < b[0] || box[1] > b[3] || box[3] < b[1];
    if (!bands.every((band) => band.every(apart)) && i !== selected && i !== hovered) {
      continue;
    }
    bands.forEach((band) => band.push(box));
    pen.font = font;
    pen.lineWidth = bright ? 4 : 2.5;
    pen.strokeText(words[i], left, y + 4);
    pen.fillStyle = i === selected ? orange : bright ? ink : quiet;
    pen.fillText(words[i], left, y + 4);
  }
  pen.lineWidth = 1;
}

function widthOf(i, font) {
  const known = widths.get(font) ?? widths.set(font, []).get(font);
  if (known[i] === undefined) {
    pen.font = font;
    known[i] = pen.measureText(words[i]).width;
  }
  return known[i];
}

function nearest(x, y, reach = 14) {
  let best = -1;
  for (let i = 0; i < words.length; i++) {
    const [a, b] = onScreen(places[i]);
    const distance = Math.hypot(a - x, b - y);
    if (distance < reach) {
      [best, reach] = [i, distance];
    }
  }
  return best;
}

function zoom(factor, x = size.width / 2, y = size.height / 2) {
  const before = scale();
  view.zoom = Math.min(60, Math.max(0.8, view.zoom * factor));
  const change = 1 / before - 1 / scale();
  view.x += (x - size.width / 2) * change;
  view.y -= (y - size.height / 2) * change;
  redraw();
}

function whole() {
  view = { x: 0, y: 0, zoom: 1 };
  redraw();
}

// Words -------------------------------------------------------------------------------------------

function select(i, bring = false) {
  [selected, unknown] = [i, ""];
  if (bring) {
    const [x, y] = onScreen(places[i]);
    if (x < 30 || y < 30 || x > size.width - 30 || y > size.height - 30) {
      [view.x, view.y] = places[i];
    }
  }
  tell();
  redraw();
}

function tell() {
  const say = SAID[language];
  element("chosen").textContent = unknown ? say.unknown(unknown) : selected < 0 ? say.none : words[selected];
  element("told").textContent = selected < 0 || unknown ? "" : say.near;
  element("near").replaceChildren(...(selected < 0 || unknown ? [] : near[selected].map(row)));
}

function row(i, place) {
  const item = document.createElement("li");
  const button = document.createElement("button");
  const [word, cosine, bar] = ["word", "cosine", "bar"].map((kind) => {
    const span = document.createElement("span");
    span.className = kind;
    return span;
  });
  word.textContent = words[i];
  cosine.textContent = cosines[selected][place].toFixed(3);
  bar.style.width = `${100 * Math.max(0, cosines[selected][place])}%`;
  button.append(word, cosine, bar);
  button.addEventListener("click", () => {
    select(i, true);
    element("near").querySelector("button")?.focus();
  });
  item.append(button);
  return item;
}

function search(text) {
  const wanted = text.trim().normalize("NFC");
  const lower = wanted.toLowerCase();
  const begins = (word) => word.toLowerCase().startsWith(lower);
  const found = index.get(wanted) ?? index.get(lower) ?? words.findIndex(begins);
  if (wanted && found >= 0) {
    select(found, true);
  } else if (wanted) {
    [selected, unknown] = [-1, wanted];
    tell();
    redraw();
  }
}

function speak() {
  const say = SAID[language];
  document.documentElement.lang = language;
  for (const part of document.querySelectorAll("[data-say]")) {
    part.textContent = say[part.dataset.say];
  }
  for (const part of document.querySelectorAll("[data-name]")) {
    part.setAttribute("aria-label", say[part.dataset.name]);
  }
  canvas.setAttribute("aria-label", say.canvas);
  canvas.setAttribute("role", "application");
  element("language").textContent = say.other;
  element("language").lang = language === "en" ? "ko" : "en";
  tell();
}

// Hands -------------------------------------------------------------------------------------------

for (const [number, title] of Object.keys(maps).entries()) {
  const label = document.createElement("label");
  const radio = document.createElement("input");
  Object.assign(radio, { type: "radio", name: "map", checked: number === 0 });
  radio.addEventListener("change", () => {
    places = maps[title];
    whole();
  });
  label.append(radio, title);
  element("maps").append(label);
}
element("words").append(...words.map((word) => Object.assign(document.createElement("option"), { value: word })));
element("search").addEventListener("submit", (event) => {
  event.preventDefault();
  search(element("word").value);
});
element("word").addEventListener("input", (event) => index.has(event.target.value) && search(event.target.value));
element("nearer").addEventListener("click", () => zoom(1.5));
element("farther").addEventListener("click", () => zoom(1 / 1.5));
element("whole").addEventListener("click", whole);
element("language").addEventListener("click", () => {
  language = language === "en" ? "ko" : "en";
  speak();
});

let drag = null;
canvas.addEventListener("pointerdown", (event) => {
  canvas.setPointerCapture(event.pointerId);
  drag = { x: event.offsetX, y: event.offsetY, from: { ...view }, moved: false };
});
canvas.addEventListener("pointermove", (event) => {
  if (drag) {
    const [dx, dy] = [event.offsetX - drag.x, event.offsetY - drag.y];
    drag.moved ||= Math.hypot(dx, dy) > 4;
    [view.x, view.y] = [drag.from.x - dx / scale(), drag.from.y + dy / scale()];
    redraw();
    return;
  }
  const over = nearest(event.offsetX, event.offsetY);
  canvas.classList.toggle("over", over >= 0);
  if (over !== hovered) {
    hovered = over;
    redraw();
  }
});
canvas.addEventListener("pointerup", (event) => {
  const found = drag && !drag.moved ? nearest(event.offsetX, event.offsetY) : -1;
  drag = null;
  if (found >= 0) {
    select(found);
  }
});
canvas.addEventListener("pointercancel", () => (drag = null));
canvas.addEventListener("pointerleave", () => {
  hovered = -1;
  redraw();
});
canvas.addEventListener("wheel", (event) => {
  event.preventDefault();
  zoom(Math.exp(-event.deltaY / 400), event.offsetX, event.offsetY);
}, { passive: false });
canvas.addEventListener("keydown", (event) => {
  const step = 60 / scale();
  const moves = { ArrowLeft: [-step, 0], ArrowRight: [step, 0], ArrowUp: [0, step], ArrowDown: [0, -step] };
  const [x, y] = moves[event.key] ?? [0, 0];
  if (event.key === "+" || event.key === "=") {
    zoom(1.3);
  } else if (event.key === "-") {
    zoom(1 / 1.3);
  } else if (event.key === "0") {
    whole();
  } else if (x || y) {
    event.preventDefault();
    [view.x, view.y] = [view.x + x, view.y + y];
    redraw();
  }
});

new ResizeObserver(() => {
  size = { width: canvas.clientWidth, height: canvas.clientHeight };
  redraw();
}).observe(canvas);
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", redraw);
speak();
