// What a person chose for this browser, language and theme: remembered from visit to visit. An address that names one goes
// before it, and the page's address names one only if it was named there or chosen on this page.

import { PAGE } from "./options.js";

const PREFIX = "kernelgrad.";
const NAMES = ["lang", "theme"];

// localStorage, or a memory of this page alone where a browser forbids it.
export const storage = (() => {
  try {
    localStorage.setItem(`${PREFIX}probe`, "1");
    localStorage.removeItem(`${PREFIX}probe`);
    return localStorage;
  } catch {
    const map = new Map();
    return { getItem: (key) => map.get(key) ?? null, setItem: (key, value) => map.set(key, value) };
  }
})();

// {lang, theme} as remembered, "" where nothing is that can be.
export function recallPreferences() {
  const recall = (name) => PAGE[name].values.find((value) => value === storage.getItem(PREFIX + name)) ?? "";
  return Object.fromEntries(NAMES.map((name) => [name, recall(name)]));
}

export function choosePreference({ store }, name, value) {
  storage.setItem(PREFIX + name, value);
  store.set("named", [...new Set([...store.get("named"), name])]);
  store.set(name, value);
}

// Which preferences an address names.
export const namedIn = (page) => NAMES.filter((name) => page[name]);

// What of the page goes into the address: preferences only where they are named.
export function withoutUnnamed(page, named) {
  return Object.fromEntries(Object.entries(page).filter(([key]) => !NAMES.includes(key) || named.includes(key)));
}
