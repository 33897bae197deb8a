// Controls with a label and a "?": a choice among few, and a number that is chosen or typed. Each shows the setting `key` and
// changes it; both follow the store and the language.

import { h } from "./dom.js";
import { helpButton } from "./help.js";
import { formatSetting } from "./numbers.js";
import { SETTINGS } from "./options.js";
import { checkNumber } from "./state.js";

function frame(app, key, control) {
  const id = `control-${key}`;
  control.id = id;
  const label = h("label", { class: "field-label", for: id });
  app.store.on("lang", () => (label.title = label.textContent = app.t(`control.${key}`)));
  const head = h("div", { class: "field-head" }, label, helpButton(app, key));
  const field = h("div", { class: "field", "data-key": key }, head, control);
  app.store.on("hidden", (hidden) => (field.hidden = hidden.includes(key)));
  return field;
}

// refusal(value) -> a string key that says why a value can't be chosen now, or null; follows the settings and classes.
export function choiceField(app, key, { refusal = () => null } = {}) {
  const { store, t, change } = app;
  const select = h("select", { class: "select" });
  select.addEventListener("change", () => change({ [key]: select.value }));
  store.on(["settings", "classes", "lang"], (settings, classes, lang) => {
    const values = SETTINGS[key].values;
    const refusals = values.map(refusal);
    const shown = `${lang} ${refusals}`;
    if (select.dataset.shown !== shown) {
      select.dataset.shown = shown; // options are made anew only when they change: an open list must not close
      select.replaceChildren(...values.map((value, i) => option(value, refusals[i])));
    }
    select.value = settings[key];
    select.title = select.selectedOptions[0]?.textContent ?? "";
  });

  function option(value, refused) {
    const name = t(`${key}.${value}`);
    return h("option", { value, disabled: Boolean(refused) }, refused ? `${name} (${t(refused)})` : name);
  }
  return frame(app, key, select);
}

// The given steps, the present value, and "other ...", which makes room to type any number the setting takes.
export function numberField(app, key, steps, { inactive = () => null } = {}) {
  const { store, t, change } = app;
  const rule = SETTINGS[key];
  const select = h("select", { class: "select" });
  const input = h("input", { class: "input", type: "text", inputmode: "decimal", autocomplete: "off", hidden: true });
  const error = h("p", { class: "field-error", role: "alert", hidden: true });

  select.addEventListener("change", () => (select.value === "other" ? type() : change({ [key]: Number(select.value) })));
  input.addEventListener("keydown", (event) => {
    if (event.key === "Enter") take(true);
    else if (event.key === "Escape") done(true);
    else return;
    event.preventDefault();
  });
  input.addEventListener("blur", () => take(false));

  function type() {
    input.value = formatSetting(store.get("settings")[key]);
    select.hidden = true;
    input.hidden = false;
    input.focus();
    input.select();
  }

  // What can't be is said, and stays to be mended; leaving the field takes it back.
  function take(stay) {
    if (input.hidden) return;
    const value = input.value.trim() === "" ? undefined : checkNumber(rule, Number(input.value.trim().replace(",", ".")));
    if (value === undefined && stay) {
      error.hidden = false;
      const range = rule.kind === "whole" ? "control.rangeWhole" : rule.above ? "control.rangeAbove" : "control.range";
      error.textContent = t(range, { name: t(`control.${key}`), min: rule.min, max: rule.max });
      input.classList.add("input--error");
      input.setAttribute("aria-invalid", "true");
      return;
    }
    if (value !== undefined) change({ [key]: value });
    done(stay);
  }

  function done(refocus) {
    error.hidden = true;
    input.classList.remove("input--error");
    input.removeAttribute("aria-invalid");
    input.hidden = true;
    select.hidden = false;
    show();
    if (refocus) select.focus();
  }

  function show() {
    const settings = store.get("settings");
    const value = settings[key];
    const all = steps.includes(value) ? steps : [...steps, value].sort((a, b) => a - b);
    const shown = `${store.get("lang")} ${all}`;
    if (select.dataset.shown !== shown) {
      select.dataset.shown = shown;
      select.replaceChildren(
        ...all.map((step) => h("option", { value: step }, formatSetting(step))),
        h("option", { value: "other" }, t("control.other")),
      );
    }
    select.value = String(value);
    const reason = inactive(settings);
    select.disabled = Boolean(reason);
    select.title = reason ? t(reason) : "";
    input.setAttribute("aria-label", t(`control.${key}`));
  }
  store.on(["settings", "lang"], show);
  const field = frame(app, key, select);
  field.append(input, error);
  return field;
}
