// Icons: the symbols at the end of index.html, drawn in the text's colour. They are never read out; the button has a name.

import { svg } from "./dom.js";

export const icon = (name) => svg("svg", { class: "icon", "aria-hidden": "true" }, svg("use", { href: `#icon-${name}` }));
