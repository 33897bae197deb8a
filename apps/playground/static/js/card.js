// The card beside a weight or a bias: its value, gradient and last update; a field to change it.

import { h } from "./dom.js";
import { show as formatNumber } from "./formula.js";

// "0.42" -> 0.42; null for what is no finite number. A comma and the minus sign of typesetting are understood.
export function readNumber(text) {
  const value = Number(text.trim().replace("−", "-").replace(",", "."));
  return text.trim() !== "" && Number.isFinite(value) ? value : null;
}

export function createCard(app, { room, apply, closed }) {
  const title = h("p", { class: "card-title" });
  const cells = Object.fromEntries(["value", "gradient", "update"].map((name) => [name, [h("dt"), h("dd", { class: "number" })]]));
  const input = h("input", { class: "input number", type: "text", inputmode: "decimal", autocomplete: "off", spellcheck: "false", "aria-describedby": "card-error" });
  const button = h("button", { class: "button button--primary", type: "submit" });
  const error = h("p", { class: "field-error", id: "card-error", role: "alert" });
  const form = h("form", { class: "card-edit", hidden: true, onsubmit: submit }, input, button);
  const foot = h("p", { class: "card-foot" });
  const card = h("div", { class: "card", hidden: true }, title, h("dl", { class: "card-rows" }, Object.values(cells).flat()), form, error, foot);
  let target = null;
  room.append(card);

  input.addEventListener("input", () => refuse(""));
  card.addEventListener("keydown", (event) => {
    event.stopPropagation();
    if (event.key === "Escape") close();
  });

  function refuse(text) {
    error.textContent = text;
    input.classList.toggle("input--error", text !== "");
  }

  function submit(event) {
    event.preventDefault();
    const value = readNumber(input.value);
    if (value === null) {
      refuse(app.t("card.noNumber", { text: input.value.trim() }));
      return;
    }
    apply(target, value);
    close();
  }

  function close() {
    if (!target) return;
    const was = target;
    hide();
    closed(was);
  }

  function hide() {
    target = null;
    card.hidden = form.hidden = true;
  }

  return {
    get target() {
      return target;
    },
    get editing() {
      return !form.hidden;
    },
    element: card,
    hide,
    close,

    // at: {x, y} in the room; name: of the weight or bias.
    show(next, at, name) {
      target = next;
      card.hidden = false;
      form.hidden = true;
      refuse("");
      title.textContent = name;
      for (const [key, [term]] of Object.entries(cells)) term.textContent = app.t(key === "value" ? `card.${next.kind}` : `card.${key}`);
      foot.textContent = app.t("card.edit");
      button.textContent = app.t("card.apply");
      input.setAttribute("aria-label", name);
      const [width, height] = [Math.max(200, card.offsetWidth), 176];
      const top = room.scrollTop;
      card.style.left = `${Math.max(4, at.x + 14 + width > room.clientWidth ? at.x - width - 14 : at.x + 14)}px`;
      card.style.top = `${at.y + 18 + height < top + room.clientHeight ? at.y + 18 : Math.max(top + 4, at.y - height - 8)}px`;
    },

    update(values) {
      for (const [key, [, cell]] of Object.entries(cells)) {
        cell.textContent = formatNumber(values[key], 4);
        cell.className = `number ${values[key] < 0 ? "number--negative" : values[key] > 0 ? "number--positive" : ""}`;
      }
    },

    edit(value) {
      form.hidden = false;
      foot.textContent = app.t("card.keys");
      input.value = value === undefined ? "" : String(Number(value.toPrecision(6)));
      input.focus();
      input.select();
    },
  };
}
