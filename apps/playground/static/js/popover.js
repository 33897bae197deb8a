// A surface that opens beside its button: by click or key, closed by Escape, a click elsewhere, or the button again; focus
// goes back to the button. Tab walks through it and on from its button; in a menu, arrows walk too. One is open at a time.

import { h } from "./dom.js";

const GAP = 6; // px between button and surface, and to the window's edge
const STOPS = "button, input, select, textarea, a[href]"; // where Tab stops
let open = null;

// fill(close) -> [children], made anew at each opening. Returns {close, refresh}.
export function attachPopover(button, { label, fill, className = "" }) {
  let surface = null;
  button.setAttribute("aria-haspopup", "dialog");
  button.setAttribute("aria-expanded", "false");

  function close(returnFocus = false) {
    if (!surface) return;
    surface.remove();
    surface = null;
    open = null;
    button.setAttribute("aria-expanded", "false");
    if (returnFocus) button.focus();
  }

  function walk(event) {
    const stops = [...surface.querySelectorAll(STOPS)].filter((stop) => !stop.disabled && stop.offsetParent);
    const at = stops.indexOf(document.activeElement);
    const arrow = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (arrow && className.includes("menu")) {
      event.preventDefault();
      stops[(at + arrow + stops.length) % stops.length]?.focus();
    } else if (event.key === "Tab" && (event.shiftKey ? at <= 0 : at === stops.length - 1)) {
      close(true); // from the button, Tab goes on to what comes after it
      if (event.shiftKey) event.preventDefault();
    }
  }

  function show() {
    open?.close();
    const properties = { class: `card popover ${className}`, role: "dialog", "aria-label": label(), tabindex: "-1" };
    surface = h("div", properties, ...fill(close));
    surface.addEventListener("keydown", walk);
    document.body.append(surface);
    button.setAttribute("aria-expanded", "true");
    open = handle;
    place(surface, button);
    (surface.querySelector("[autofocus]") ?? surface).focus({ preventScroll: true });
  }

  const handle = {
    close,
    contains: (node) => surface.contains(node) || button.contains(node),
    place: () => place(surface, button),
    refresh() {
      if (!surface) return;
      surface.replaceChildren(...fill(close));
      place(surface, button);
    },
  };
  button.addEventListener("click", () => (surface ? close() : show()));
  return handle;
}

// Below the button, or above where there is no room; never outside the window.
function place(surface, button) {
  const at = button.getBoundingClientRect();
  const { offsetWidth: width, offsetHeight: height } = surface;
  const left = Math.max(GAP, Math.min(at.left, innerWidth - width - GAP));
  const below = at.bottom + GAP;
  const top = below + height + GAP <= innerHeight ? below : Math.max(GAP, at.top - GAP - height);
  surface.style.position = "fixed";
  surface.style.zIndex = "50";
  surface.style.left = `${left}px`;
  surface.style.top = `${top}px`;
}

if (globalThis.document) {
  document.addEventListener("pointerdown", ({ target }) => open && !open.contains(target) && open.close());
  document.addEventListener("focusin", ({ target }) => open && !open.contains(target) && open.close());
  addEventListener("resize", () => open?.place()); // a keyboard on the screen resizes the window: it must not close a form
  addEventListener("scroll", ({ target }) => open && !open.contains(target) && open.place(), true);
  document.addEventListener(
    "keydown",
    (event) => {
      if (event.key !== "Escape" || !open) return;
      event.stopPropagation();
      open.close(true);
    },
    true,
  );
}
