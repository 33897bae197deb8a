// Formulas as data: a line of cells, each a symbol above and its number below. Pure; formula_view.js draws them.

const MINUS = "\u2212";
const SUPERSCRIPTS = "⁰¹²³⁴⁵⁶⁷⁸⁹";

/** "1.2·10⁻⁵": a power of ten with so many decimals before it. */
export function power(value, decimals) {
  const [mantissa, exponent] = Math.abs(value).toExponential(decimals).split("e");
  const raised = [...String(Math.abs(Number(exponent)))].map((digit) => SUPERSCRIPTS[digit]).join("");
  return `${value < 0 ? MINUS : ""}${mantissa}·10${Number(exponent) < 0 ? "⁻" : ""}${raised}`;
}

/** A number as people read it: three decimals (or `digits`), powers of ten for the very large and small, a true minus sign. */
export function show(value, digits = 3) {
  if (value === null || value === undefined) return "?";
  if (!Number.isFinite(value)) return Number.isNaN(value) ? "NaN" : value > 0 ? "∞" : MINUS + "∞";
  const size = Math.abs(value);
  if (size === 0) return "0";
  if (size >= 1e5 || size < 0.5 * 10 ** -digits) return power(value, 1);
  return (value < 0 ? MINUS : "") + size.toFixed(digits);
}

/** A number to be reckoned with: at least three digits that count, so that a shown product is nearly that of its shown factors. */
export function reckon(value) {
  const size = Math.abs(value);
  if (size > 0 && size < 0.001) return power(value, 2);
  return show(value, size >= 0.1 ? 3 : size >= 0.01 ? 4 : 5);
}

/** A symbol with its places: symbol("w", "2,1", "1") is w with 2,1 below and (1) above. */
export const symbol = (base, below = "", above = "") => ({ base, below, above });

/** An operator or bracket, the same in both rows. */
export const operator = (text) => ({ kind: "operator", text });

/** A symbol above its number; `bracketed` puts a negative number in brackets, as after an operator. */
export const term = (name, value, { bracketed = false, strong = false, digits = null } = {}) => {
  const number = digits === null ? reckon(value) : show(value, digits);
  return { kind: "term", symbol: name, value, number: bracketed && number.startsWith(MINUS) ? `(${number})` : number, strong };
};

/** Only words or symbols above, only a text below (as "1 − 0.8²"). */
export const pair = (above, below) => ({ kind: "pair", symbol: above, number: below });

/** Cells that are shown on request only, `count` terms of a long sum. */
export const folded = (cells, count) => ({ kind: "folded", cells, count });

/** The terms (each a list of cells) joined by +; of more than `most`, all but the first and the last few are folded. */
export function sum(terms, most = 6) {
  const join = (list) => list.flatMap((cells, index) => (index ? [operator("+"), ...cells] : cells));
  if (terms.length <= most) return join(terms);
  const before = terms.slice(0, most - 2);
  const after = terms.slice(-1);
  const hidden = terms.slice(most - 2, -1);
  return [...join(before), operator("+"), folded([...join(hidden), operator("+")], hidden.length), ...after.flat()];
}

const plain = (name) =>
  typeof name === "string" ? name : name.base + (name.below ? `_${name.below}` : "") + (name.above ? `^(${name.above})` : "");

const all = (cells) => cells.flatMap((cell) => (cell.kind === "folded" ? all(cell.cells) : [cell]));

/** The line as one text, symbols then numbers, nothing folded: for screen readers and tests. */
export function text(cells) {
  const every = all(cells);
  const symbols = every.map((cell) => (cell.kind === "operator" ? cell.text : plain(cell.symbol))).join(" ");
  const numbers = every.map((cell) => (cell.kind === "operator" ? cell.text : cell.number)).join(" ");
  return `${symbols}; ${numbers}`;
}
