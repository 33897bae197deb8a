// The browser's side of the address: the token is taken out and kept, changes of the page are written, and what a person
// writes, pastes or goes back to is read.

import { PAGE, SETTINGS, defaults, usesOwn } from "./options.js";
import { namedIn, storage, withoutUnnamed } from "./preferences.js";
import { formatAddress, parseAddress } from "./state.js";

const TOKEN = "kernelgrad.token";
const APART = ["lang", "theme", "stopLoss", "stopEpoch", "tutorial"]; // of PAGE: not in the store under their own name, or personal
const PAUSE = 300; // ms; browsers allow about 100 changes of an address in 30 s

export function readAddress() {
  const found = parseAddress(location.hash);
  if (found.token !== null) {
    storage.setItem(TOKEN, found.token);
    const rest = location.hash.slice(1).split("&").filter((part) => !part.startsWith("token="));
    history.replaceState(null, "", `#${rest.join("&")}`);
  }
  return { ...found, token: () => storage.getItem(TOKEN) ?? "" };
}

// The address of what the page shows now, without "#".
export function currentAddress({ store }) {
  const page = Object.fromEntries(Object.keys(PAGE).map((key) => [key, store.get(key)]));
  const { loss, epoch } = store.get("stop");
  Object.assign(page, { stopLoss: loss, stopEpoch: epoch, tutorial: lessonName(store.get("lesson")) });
  const settings = store.get("settings");
  return formatAddress({
    settings,
    page: withoutUnnamed(page, store.get("named")),
    hidden: store.get("hidden"),
    points: usesOwn(settings) ? store.get("own") : null,
  });
}

// The greeting and the list of lessons are no lessons: no address names them.
const lessonName = (lesson) => (["welcome", "list", null].includes(lesson) ? "" : lesson);

export function bindAddress(app, first) {
  const { store } = app;
  let timer = 0;
  let known = location.hash; // as it was read or written last
  complain(app, first.dropped);

  const write = () => {
    clearTimeout(timer);
    timer = 0;
    if (location.hash !== known) return; // typed just now: "hashchange" is on its way
    const text = currentAddress(app);
    if (text !== location.hash.slice(1)) history.replaceState(null, "", text ? `#${text}` : location.pathname);
    known = location.hash;
  };
  const keys = Object.keys(PAGE).filter((key) => !key.startsWith("stop") && key !== "tutorial");
  store.on(["settings", "own", "hidden", "stop", "lesson", "named", ...keys], () => {
    timer ||= setTimeout(write, PAUSE);
  });
  window.addEventListener("pagehide", () => timer && write());

  window.addEventListener("hashchange", () => {
    clearTimeout(timer);
    timer = 0;
    const found = readAddress();
    known = location.hash;
    adopt(app, found);
  });
  window.addEventListener("storage", ({ key }) => key === TOKEN && app.retry());
}

// What stands in an address, with defaults for what does not. Points of one's own are the start of another page.
function adopt(app, found) {
  if (found.points) {
    location.reload();
    return;
  }
  const { store } = app;
  const page = { ...defaults(PAGE), ...found.page };
  for (const key of Object.keys(PAGE)) if (!APART.includes(key)) store.set(key, page[key]);
  for (const name of namedIn(page)) store.set(name, page[name]);
  store.set("named", namedIn(page));
  store.set("stop", { loss: page.stopLoss, epoch: page.stopEpoch });
  store.set("lesson", page.tutorial || null);
  store.set("hidden", found.hidden);
  app.change({ ...defaults(SETTINGS), ...found.settings });
  app.send({ type: "reset" });
  complain(app, found.dropped);
}

function complain(app, dropped) {
  if (dropped.length > 0) app.notify({ kind: "warning", key: "notice.dropped", params: { parts: dropped.join(", ") } });
}
