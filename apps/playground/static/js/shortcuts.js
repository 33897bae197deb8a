// The keys of the page in one table: what they do, and the name under which the help lists them. Single keys act only where
// nothing is being typed; space and arrows belong to the control that has the focus.

export const SHORTCUTS = []; // {key, label (string key), run(app)}, in the order of the help

export function addShortcut(key, label, run) {
  SHORTCUTS.push({ key, label, run });
}

// How a key is written: in the help, and in titles of buttons.
export const keyName = (key, t) => (key === " " ? t("key.space") : key.toUpperCase());

const TYPING = "input:not([type=checkbox], [type=radio], [type=range]), textarea, select, [contenteditable]";
const PRESSED = "button, a[href], summary, label, input, [role=button], [role=radio], [role=tab], [role=switch], [role=option]";

export function mountShortcuts(app) {
  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || event.defaultPrevented) return;
    if (event.target.closest?.(TYPING) || event.target.closest?.("dialog, [role=dialog]")) return;
    if (event.key === " " && event.target.closest?.(PRESSED)) return;
    const found = SHORTCUTS.find(({ key }) => key === event.key.toLowerCase());
    if (!found || (event.repeat && found.key !== "s" && found.key !== "b")) return;
    event.preventDefault();
    found.run(app);
  });
}
