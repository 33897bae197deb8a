// How many epochs a second, and where to stop by itself: at a test loss, or at an epoch.

import { button, h } from "./dom.js";
import { icon } from "./icons.js";
import { PAGE, SPEEDS } from "./options.js";
import { formatCount } from "./numbers.js";
import { attachPopover } from "./popover.js";

export function mount(app) {
  const { store, t } = app;
  const select = h("select", { class: "select", id: "speed-select" });
  const label = h("label", { class: "label", for: "speed-select" });
  select.addEventListener("change", () => store.set("speed", Number(select.value)));

  const stop = h("button", { class: "button button--quiet stop", type: "button" });
  const fill = (close) => stopForm(app, close);
  const popover = attachPopover(stop, { label: () => t("stop.title"), className: "stop-card", fill });

  store.on(["speed", "lang"], (speed) => {
    label.textContent = t("speed.label");
    const all = SPEEDS.includes(speed) ? SPEEDS : [speed, ...SPEEDS];
    select.replaceChildren(...all.map((value) => h("option", { value }, name(value))));
    select.value = String(speed);
    select.title = t("speed.title");
  });
  function name(speed) {
    if (speed === 0) return t("speed.most");
    return speed === 1 ? t("speed.one") : t("speed.epochs", { count: formatCount(speed) });
  }

  store.on(["stop", "lang"], ({ loss, epoch }) => {
    const short = [];
    const full = [];
    if (loss !== null) {
      short.push(t("stop.atLoss", { loss }));
      full.push(t("stop.active.loss", { loss }));
    }
    if (epoch !== null) {
      short.push(t("stop.atEpoch", { epoch: formatCount(epoch) }));
      full.push(t("stop.active.epoch", { epoch: formatCount(epoch) }));
    }
    stop.classList.toggle("stop--set", short.length > 0);
    stop.title = short.length > 0 ? t("stop.active", { when: full.join(", ") }) : t("stop.title");
    stop.replaceChildren(icon("target"), h("span", {}, short.length > 0 ? short.join(", ") : t("stop.button")));
    popover.refresh();
  });
  document.getElementById("speed").append(label, select, stop);
}

function stopForm({ store, t }, close) {
  const { loss, epoch } = store.get("stop");
  const field = (key, value, properties) => {
    const input = h("input", { class: "input", type: "number", id: `stop-${key}`, value: value ?? "", ...properties });
    const label = h("label", { class: "field-label", for: `stop-${key}` }, t(`stop.${key}`));
    return { input, row: h("div", { class: "field" }, label, input) };
  };
  const byLoss = field("loss", loss, { min: 0, step: "any", placeholder: "0.05", autofocus: true });
  const byEpoch = field("epoch", epoch, { min: 1, max: PAGE.stopEpoch.max, step: 1, placeholder: "500" });
  const form = h("form", { class: "card-form" },
    h("p", { class: "card-title" }, t("stop.title")),
    h("p", { class: "hint" }, t("stop.hint")),
    byLoss.row, byEpoch.row,
    h("div", { class: "card-edit" },
      h("button", { class: "button button--primary button--small", type: "submit" }, t("stop.set")),
      button("small", () => take(null, null), t("stop.clear"))));

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
