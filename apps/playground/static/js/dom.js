// Making elements: h("button", { class: "quiet", onclick: fn, "aria-label": "..." }, "text", child, ...). Strings become
// text nodes, never markup. Properties: on... are listeners, true is an attribute without a value, false and null none.

export function h(tag, properties = {}, ...children) {
  return dress(document.createElement(tag), properties, children);
}

export function svg(tag, properties = {}, ...children) {
  return dress(document.createElementNS("http://www.w3.org/2000/svg", tag), properties, children);
}

// button("primary small", onclick, "text", child, ...): kinds as components.css names them, .button--primary .button--small.
export function button(kinds, onclick, ...children) {
  const classes = ["button", ...kinds.split(" ").filter(Boolean).map((kind) => `button--${kind}`)];
  return h("button", { class: classes.join(" "), type: "button", onclick }, ...children);
}

function dress(element, properties, children) {
  for (const [name, value] of Object.entries(properties)) {
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else if (name === "style") for (const [key, text] of Object.entries(value)) element.style.setProperty(key, text);
    else if (name === "value" || name === "checked") element[name] = value;
    else if (value !== false && value !== null && value !== undefined) element.setAttribute(name, value === true ? "" : value);
  }
  element.append(...children.flat().filter((child) => child !== null && child !== undefined));
  return element;
}
