// The address is the page's memory: everything that decides stands behind the "#", readable, only what is not default.
// The original playground's keys and values are understood. What can't be is dropped and named, never passed on.

import { FEATURES, HIDEABLE, PAGE, SETTINGS, URL_POINTS, classesOfPoints, completeChange, defaults, usesOwn } from "./options.js";

// Of the original, where they have no effect either.
const IGNORED = new Set(["collectStats=false", "collectStats=true", "cosX=false", "cosY=false"]);

// The text of an address (with or without "#") ->
// {settings, page, hidden: [names], points: [[x, y, label], ...] | null, token, dropped: ["key=value", ...]}
export function parseAddress(text) {
  const found = { settings: {}, page: {}, hidden: [], points: null, token: null, dropped: [] };
  for (const part of text.replace(/^#/, "").split("&").filter(Boolean)) {
    const cut = part.indexOf("=");
    const key = decode(cut < 0 ? part : part.slice(0, cut));
    const value = cut < 0 ? "" : decode(part.slice(cut + 1));
    if (!take(found, key, value)) found.dropped.push(shorten(`${key}=${value}`));
  }
  agree(found);
  return found;
}

// What each may be, but not together: no feature at all, points of one's own without points, a loss that the data refuse.
function agree(found) {
  const { settings, dropped } = found;
  const whole = () => ({ ...defaults(SETTINGS), ...settings });
  if (!FEATURES.some((key) => whole()[key])) drop(settings, dropped, ["x", "y"]);
  if (usesOwn(whole()) && !found.points) drop(settings, dropped, [whole().problem === "regression" ? "regDataset" : "dataset"]);
  const { loss } = completeChange(whole(), {}, classesOfPoints(found.points));
  if (loss === undefined) return;
  if (settings.loss) drop(settings, dropped, ["loss"]);
  settings.loss = loss;
}

function drop(settings, dropped, keys) {
  for (const key of keys) {
    if (settings[key] !== undefined) dropped.push(`${key}=${settings[key]}`);
    delete settings[key];
  }
}

function take(found, key, value) {
  if (IGNORED.has(`${key}=${value}`)) return true;
  if (key === "token") {
    found.token = value;
    return true;
  }
  if (key === "points") {
    found.points = parsePoints(value);
    return found.points !== null;
  }
  if (key.endsWith("_hide")) {
    const name = key.slice(0, -"_hide".length);
    if (!HIDEABLE.includes(name)) return false;
    if (value !== "false") found.hidden.push(name);
    return true;
  }
  for (const [table, target] of [[SETTINGS, found.settings], [PAGE, found.page]]) {
    if (!Object.hasOwn(table, key)) continue;
    const parsed = parseValue(table[key], value);
    if (parsed !== undefined) target[key] = parsed;
    return parsed !== undefined;
  }
  return false;
}

// undefined where the text is no value of the option.
export function parseValue(option, text) {
  switch (option.kind) {
    case "choice":
      return option.values.includes(text) ? text : undefined;
    case "flag":
      return { true: true, 1: true, "": true, false: false, 0: false }[text];
    case "word":
      return /^[\w-]{0,40}$/.test(text) ? text : undefined;
    case "shape":
      return parseShape(option, text);
    default: {
      if (!/^[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?$/i.test(text.trim())) return undefined;
      const value = Number(text);
      return checkNumber(option, option.fractions && value > 0 && value < 1 ? Math.round(value * 1e5) : value);
    }
  }
}

export function checkNumber(option, value) {
  if (!Number.isFinite(value) || value < option.min || value > option.max) return undefined;
  if (option.above && value === option.min) return undefined;
  if (option.kind === "whole" && !Number.isInteger(value)) return undefined;
  return value + 0; // no -0
}

function parseShape({ layers, min, max }, text) {
  if (text.trim() === "") return [];
  const shape = text.split(",").map((width) => (/^\s*\d+\s*$/.test(width) ? Number(width) : NaN));
  return shape.length <= layers && shape.every((width) => width >= min && width <= max) ? shape : undefined;
}

// "1,2,-1;0.5,0,1" -> [[1, 2, -1], [0.5, 0, 1]]; null where anything in it is no point.
export function parsePoints(text) {
  const points = text.split(";").filter(Boolean).map((row) => row.split(","));
  if (points.length === 0 || points.length > URL_POINTS) return null;
  const numbers = points.map((row) => row.map((cell) => (cell.trim() === "" ? NaN : Number(cell))));
  return numbers.every((row) => row.length === 3 && row.every((n) => Math.abs(n) <= 1e6)) ? numbers : null;
}

export const formatPoints = (points) => points.map((row) => row.join(",")).join(";");

// The text behind "#" for these: only what is not default, so that a plain start has a plain address.
export function formatAddress({ settings = {}, page = {}, hidden = [], points = null }) {
  const parts = [];
  for (const [table, values] of [[SETTINGS, settings], [PAGE, page]]) {
    for (const [key, option] of Object.entries(table)) {
      if (values[key] === undefined || values[key] === null || same(values[key], option.fallback)) continue;
      parts.push(`${key}=${encode(String(values[key]))}`);
    }
  }
  for (const name of hidden) parts.push(`${name}_hide=true`);
  if (points && points.length <= URL_POINTS) parts.push(`points=${formatPoints(points)}`);
  return parts.join("&");
}

const same = (a, b) => String(a) === String(b);
const encode = (text) => encodeURIComponent(text).replaceAll("%2C", ",");

function decode(text) {
  try {
    return decodeURIComponent(text.replaceAll("+", " "));
  } catch {
    return text; // a "%" that is none
  }
}

const shorten = (text) => (text.length > 40 ? `${text.slice(0, 39)}…` : text);
