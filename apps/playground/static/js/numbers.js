// Numbers as they are read: of a steady width, no more digits than are worth something.

import { power } from "./formula.js";

const plain = new Intl.NumberFormat("en", { maximumFractionDigits: 0 });

// 12345 -> "12,345": epochs, updates.
export const formatCount = (value) => plain.format(value);

// A loss: three decimals, and smaller ones as "2.4·10⁻⁵"; not finite is "∞" (the page says why).
export function formatLoss(value) {
  if (value === null || value === undefined || !Number.isFinite(value)) return "∞";
  if (value !== 0 && Math.abs(value) < 0.001) return power(value, 1);
  if (Math.abs(value) >= 1e5) return power(value, 2);
  return value.toFixed(Math.abs(value) >= 1000 ? 0 : 3);
}

// Accuracy as "97.6%", never 100 % when a single point is wrong; R^2 as "0.987".
export function formatMetric(value, regression) {
  if (value === null || value === undefined || !Number.isFinite(value)) return "–";
  if (regression) return value < -99 ? "< −99" : value.toFixed(3).replace("-", "−");
  const percent = Math.floor(value * 1000) / 10;
  return `${percent.toFixed(1)}%`;
}

// Samples a second: "7,490", "286K", in Korean "28.6만".
export function formatRate(value, lang) {
  if (value < 10000) return formatCount(Number(value.toPrecision(3)));
  return new Intl.NumberFormat(lang, { notation: "compact", maximumSignificantDigits: 3 }).format(value);
}

// A setting as its control shows it: 0.00001, never 1e-5.
export function formatSetting(value) {
  if (value !== 0 && Math.abs(value) < 1e-7) return value.toExponential();
  return String(value).includes("e") ? value.toFixed(10).replace(/0+$/, "") : String(value);
}
