// The link to what is on the page: all settings and seeds are in it, so whoever opens it sees the same training. The token is
// not: it belongs to this machine.

import { currentAddress } from "./address.js";
import { button, h } from "./dom.js";
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
  const opener = button("quiet", null, icon("share"), text);
  opener.classList.add("share");
  const popover = attachPopover(opener, { label: () => t("share.title"), className: "share-card", fill: () => form() });

  function form() {
    const shown = { value: shareLink(app), "aria-label": t("share.link"), onfocus: () => link.select() };
    const link = h("input", { class: "input", type: "text", readonly: true, ...shown });
    const said = h("span", { class: "hint", role: "status" });
    const copy = button("primary small", () => copyText(link, said), t("share.copy"));
    copy.autofocus = true;
    return [
      h("p", { class: "card-title" }, t("share.title")),
      h("p", { class: "hint" }, t("share.hint")),
      link,
      ...(tooMany() ? [h("p", { class: "field-error" }, t("share.points", { most: URL_POINTS }))] : []),
      h("div", { class: "card-edit" }, copy, ...(tooMany() ? [csv()] : []), said),
    ];
  }

  const csv = () => button("small", () => send({ type: "export", what: "csv" }), t("export.csv"));

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
    opener.title = t("share.title");
    popover.refresh();
  });
  return opener;
}
