// How many epochs a second, and where to stop by itself: at a test loss, or at an epoch.

import { h } from "./dom.js";
import { icon } from "./icons.js";
import { SPEEDS } from "./options.js";
import { formatCount } from "./numbers.js";
import { attachPopover } from "./popover.js";

export function mount(app) {
  const { store, t } = app;
  const select = h("select", { class: "select", id: "speed-select" });
  const label = h("label", { class: "label", for: "speed-select" });
  select.addEventListener("change", () => store.set("speed", Number(select.value)));

  const stop = h("button", { class: "button button--quiet stop", type: "button" });
  const popover = attachPopover(stop, { label: () => t("stop.title"), className: "stop-card", fill: (close) => stopForm(app, close) });

  store.on(["speed", "lang"], (speed) => {
    label.textContent = t("speed.label");
    const all = SPEEDS.includes(speed) ? SPEEDS : [speed, ...SPEEDS];
    select.replaceChildren(...all.map((value) => h("option", { value }, value === 0 ? t("speed.most") : t("speed.epochs", { count: formatCount(value) }))));
    select.value = String(speed);
    select.title = t("speed.title");
  });
  store.on(["stop", "lang"], ({ loss, epoch }) => {
    const parts = [];
    if (loss !== null) parts.push(t("stop.atLoss", { loss }));
    if (epoch !== null) parts.push(t("stop.atEpoch", { epoch: formatCount(epoch) }));
    stop.setAttribute("aria-pressed", String(parts.length > 0));
    stop.setAttribute("aria-label", parts.length > 0 ? t("stop.active", { when: parts.join(", ") }) : t("stop.title"));
    stop.title = stop.getAttribute("aria-label");
    stop.replaceChildren(icon("target"), ...(parts.length > 0 ? [h("span", {}, parts.join(", "))] : []));
    popover.refresh();
  });
  document.getElementById("speed").append(label, select, stop);
}

function stopForm({ store, t }, close) {
  const { loss, epoch } = store.get("stop");
  const field = (key, value, properties) => {
    const input = h("input", { class: "input", type: "number", id: `stop-${key}`, value: value ?? "", ...properties });
    return { input, row: h("div", { class: "field" }, h("label", { class: "field-label", for: `stop-${key}` }, t(`stop.${key}`)), input) };
  };
  const byLoss = field("loss", loss, { min: 0, step: "any", placeholder: "0.05", autofocus: true });
  const byEpoch = field("epoch", epoch, { min: 1, step: 1, placeholder: "500" });
  const form = h("form", { class: "card-form" },
    h("p", { class: "card-title" }, t("stop.title")),
    h("p", { class: "hint" }, t("stop.hint")),
    byLoss.row, byEpoch.row,
    h("div", { class: "card-edit" },
      h("button", { class: "button button--primary button--small", type: "submit" }, t("stop.set")),
      h("button", { class: "button button--small", type: "button", onclick: () => take(null, null) }, t("stop.clear"))));

  function take(lossNow, epochNow) {
    close(true);
    store.set("stop", { loss: lossNow, epoch: epochNow });
  }
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    const number = ({ input }) => (input.value === "" ? null : input.valueAsNumber);
    take(number(byLoss), number(byEpoch));
  });
  return [form];
}
