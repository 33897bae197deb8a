// The link to what is on the page: all settings and seeds are in it, so whoever opens it sees the same training. The token is
// not: it belongs to this machine.

import { currentAddress } from "./address.js";
import { h } from "./dom.js";
import { icon } from "./icons.js";
import { URL_POINTS, usesOwn } from "./options.js";
import { attachPopover } from "./popover.js";

export function shareLink(app) {
  const text = currentAddress(app);
  return location.origin + location.pathname + (text ? `#${text}` : "");
}

export function mountShare(app) {
  const { store, t, send } = app;
  const text = h("span", {});
  const button = h("button", { class: "button button--quiet share", type: "button" }, icon("share"), text);
  const popover = attachPopover(button, { label: () => t("share.title"), className: "share-card", fill: () => form() });

  function form() {
    const link = h("input", { class: "input", type: "text", readonly: true, value: shareLink(app), "aria-label": t("share.link"), onfocus: () => link.select() });
    const said = h("span", { class: "hint", role: "status" });
    const copy = h("button", { class: "button button--primary button--small", type: "button", autofocus: true, onclick: () => copyText(link, said) }, t("share.copy"));
    return [
      h("p", { class: "card-title" }, t("share.title")),
      h("p", { class: "hint" }, t("share.hint")),
      link,
      ...(tooMany() ? [h("p", { class: "field-error" }, t("share.points", { most: URL_POINTS }))] : []),
      h("div", { class: "card-edit" }, copy, ...(tooMany() ? [csv()] : []), said),
    ];
  }

  const csv = () => h("button", { class: "button button--small", type: "button", onclick: () => send({ type: "export", what: "csv" }) }, t("export.csv"));

  function tooMany() {
    const own = store.get("own");
    return usesOwn(store.get("settings")) && (!own || own.length > URL_POINTS);
  }

  async function copyText(link, said) {
    try {
      await navigator.clipboard.writeText(link.value);
      said.textContent = t("share.copied");
    } catch {
      link.select(); // no clipboard here (no https, or refused): the link is selected, to be copied by hand
      said.textContent = t("share.byHand");
    }
  }

  store.on("lang", () => {
    text.textContent = t("share.button");
    button.title = t("share.title");
    popover.refresh();
  });
  return button;
}
