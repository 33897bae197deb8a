// What has to be said: how it stands with the server, and one notice at a time (a refused value, a divergence). Errors and
// warnings stay until they are closed or the next comes; what merely informs goes by itself.

import { button, h } from "./dom.js";
import { hasString } from "./i18n.js";
import { icon } from "./icons.js";
import { SETTINGS } from "./options.js";

const BRIEF = 6000; // ms
const GRACE = 400; // ms a connection may take before it is spoken of
const PASSING = ["event.diverged", "event.stopped"]; // said of a training: gone with it

// What the server names by its own words, and the strings that say it.
const WORDS = { key: "control", loss: "loss", needs: "loss", data: "dataset" };

export function mount(app) {
  const { store, t, notify } = app;
  const place = document.getElementById("notice");
  const link = h("div", { class: "notice notice--warning", hidden: true });
  const note = h("div", { class: "notice", hidden: true });
  place.append(link, note);

  let begun = false;
  let lost = false;
  let late = 0;
  store.on(["connection", "lang"], (connection) => {
    clearTimeout(late);
    if (connection === "open") {
      link.hidden = true;
      if (lost && begun) notify({ kind: "info", key: store.get("resumed") ? "connection.resumed" : "connection.restarted" });
      begun = true;
      lost = false;
      return;
    }
    lost ||= connection === "lost";
    const starting = connection === "connecting";
    link.replaceChildren(icon(starting ? "info" : "warning"), h("span", {}, t(`connection.${connection}`)));
    if (!starting) link.append(button("small", app.retry, t(connection === "replaced" ? "connection.here" : "connection.retry")));
    late = setTimeout(() => (link.hidden = false), starting ? GRACE : 0);
  });

  let timer = 0;
  store.on(["notice", "lang"], (notice) => {
    clearTimeout(timer);
    note.hidden = !notice;
    if (!notice) return;
    note.className = `notice notice--${notice.kind}`;
    const text = notice.key ? t(notice.key, params(notice.params)) : notice.text;
    const close = button("quiet icon small", () => notify(null), icon("close"));
    close.setAttribute("aria-label", t("notice.close"));
    note.replaceChildren(icon(notice.kind === "info" ? "info" : "warning"), h("span", {}, text));
    if (notice.action) note.append(button("small", notice.action.run, t(notice.action.key)));
    note.append(close);
    if (notice.kind === "info") timer = setTimeout(() => store.get("notice") === notice && notify(null), BRIEF);
  });

  // A parameter may itself be a text of the table, {key, params}, or a word of the server: both are said in the language of
  // the moment.
  function params(given = {}) {
    const say = (name, value) => {
      if (name === "allowed" && Object.hasOwn(SETTINGS, given.key)) return allowed(given.key, SETTINGS[given.key]);
      if (value?.key) return t(value.key, value.params);
      const key = `${WORDS[name]}.${value}`;
      return hasString(key) ? t(key) : value;
    };
    return Object.fromEntries(Object.entries(given).map(([name, value]) => [name, say(name, value)]));
  }

  // What a setting may be, in the language of the moment.
  function allowed(key, { kind, values, above, ...range }) {
    if (kind !== "choice") return t(above ? "allowed.above" : `allowed.${kind}`, range);
    return values.map((value) => (hasString(`${key}.${value}`) ? t(`${key}.${value}`) : value)).join(", ");
  }

  let generation = null;
  app.on("state", (state) => {
    if (state.generation !== generation && PASSING.includes(store.get("notice")?.key)) notify(null);
    generation = state.generation;
  });

  app.on("event", (event) => {
    const said = SAID[event.code]?.(event.details, app);
    if (said) notify(said);
  });
}

const SAID = {
  stopped: ({ reason, loss, epoch }) => ({
    kind: "info",
    key: "event.stopped",
    params: { why: { key: `event.stopped.${reason}`, params: { loss, epoch } } },
  }),
  waiting: () => ({ kind: "warning", key: "event.waiting" }),
  training: (_, { store, notify }) => {
    if (store.get("notice")?.key === "event.waiting") notify(null);
  },
  diverged: ({ what, layer, epoch }, app) => ({
    kind: "error",
    key: "event.diverged",
    params: { epoch, what: { key: layer === null && what !== "loss" ? "diverged.something" : `diverged.${what}`, params: { layer: layer + 1 } } },
    action: { key: "diverged.reset", run: () => calm(app) },
  }),
};

function calm(app) {
  const { learningRate } = app.store.get("settings");
  app.change({ learningRate: Number((learningRate / 10).toPrecision(6)) });
  app.send({ type: "reset" });
  app.notify(null);
}
