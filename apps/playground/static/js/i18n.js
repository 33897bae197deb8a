// Two languages from one table of strings: t(key, params) for scripts, data-t attributes for the page's own markup.

import { strings } from "./strings/index.js";

export const LANGUAGES = ["en", "ko"];

export function preferredLanguage(languages = navigator.languages ?? [navigator.language]) {
  const known = languages.map((tag) => tag.slice(0, 2).toLowerCase()).find((tag) => LANGUAGES.includes(tag));
  return known ?? "en";
}

// "{name}" is filled from params.name; a name that is not given stays, so that the fault is seen.
export function fill(text, params = {}) {
  return text.replace(/\{(\w+)\}/g, (whole, name) => (name in params ? String(params[name]) : whole));
}

export function createTranslator(language, table = strings) {
  return function t(key, params) {
    const pair = table[key];
    if (!pair) {
      console.error(`no string "${key}"`);
      return key;
    }
    return fill(pair[LANGUAGES.indexOf(language())], params);
  };
}

export const hasString = (key) => key in strings;

// data-t="key" sets the text, data-t-label the aria-label, data-t-title the title; again whenever the language changes.
export function mountTexts(app, root = document) {
  app.store.on("lang", (lang) => {
    document.documentElement.lang = lang;
    document.title = app.t("page.title");
    for (const node of root.querySelectorAll("[data-t]")) node.textContent = app.t(node.dataset.t);
    for (const node of root.querySelectorAll("[data-t-label]")) node.setAttribute("aria-label", app.t(node.dataset.tLabel));
    for (const node of root.querySelectorAll("[data-t-title]")) node.title = app.t(node.dataset.tTitle);
  });
}
