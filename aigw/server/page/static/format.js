/** Numbers, money, times and sizes as people read them. What is not known is an en dash, never 0. */

import { locale, t } from "./text.js";

export const UNKNOWN = "–";

const whole = new Intl.NumberFormat(locale, { maximumFractionDigits: 0 });
const clocks = new Intl.DateTimeFormat(locale, { hour: "2-digit", minute: "2-digit", second: "2-digit", hourCycle: "h23" });
const minutes = new Intl.DateTimeFormat(locale, { hour: "2-digit", minute: "2-digit", hourCycle: "h23" });
const days = new Intl.DateTimeFormat(locale, { month: "short", day: "numeric" });

const known = (value) => typeof value === "number" && Number.isFinite(value);

/** 1,204 */
export function count(value) {
  return known(value) ? whole.format(value) : UNKNOWN;
}

/** 950, 12.3k, 4.1M: at most five characters. */
export function short(value) {
  if (!known(value)) return UNKNOWN;
  for (const [size, unit] of [[1e9, "G"], [1e6, "M"], [1e3, "k"]]) {
    if (Math.abs(value) >= size) return `${trimmed(value / size, Math.abs(value) >= 100 * size ? 0 : 1)}${unit}`;
  }
  return trimmed(value, Math.abs(value) < 10 ? 1 : 0);
}

function trimmed(value, digits) {
  return value.toFixed(digits).replace(/\.0+$/, "");
}

/** $0.0039: two digits that count, at least cents. */
export function money(value) {
  if (!known(value)) return UNKNOWN;
  if (value === 0) return "$0";
  const size = Math.abs(value);
  if (size >= 1000) return `$${whole.format(value)}`;
  if (size >= 0.1) return `$${value.toFixed(2)}`;
  if (size < 0.000001) return "<$0.000001";
  return `$${value.toFixed(Math.min(7, 1 - Math.floor(Math.log10(size))))}`;
}

/** 0.04 ms, 0.4 ms, 230 ms, 1.84 s, 2 min 5 s */
export function duration(ms) {
  if (!known(ms)) return UNKNOWN;
  if (ms > 0 && ms < 0.095) return ms < 0.005 ? "<0.01 ms" : `${ms.toFixed(2)} ms`;
  if (ms < 10) return `${trimmed(ms, 1)} ms`;
  if (ms < 999.5) return `${ms.toFixed(0)} ms`;
  if (ms < 10_000) return `${(ms / 1000).toFixed(2)} s`;
  if (ms < 60_000) return `${(ms / 1000).toFixed(1)} s`;
  return `${Math.floor(ms / 60_000)} min ${Math.round((ms % 60_000) / 1000)} s`;
}

/** 312 B, 4.2 KB, 1.1 MB */
export function bytes(value) {
  if (!known(value)) return UNKNOWN;
  if (value < 1000) return `${value} B`;
  if (value < 1e6) return `${trimmed(value / 1e3, 1)} KB`;
  if (value < 1e9) return `${trimmed(value / 1e6, 1)} MB`;
  return `${trimmed(value / 1e9, 1)} GB`;
}

/** 18:30:01. `at` is in seconds since 1970. */
export function clock(at) {
  return known(at) ? clocks.format(at * 1000) : UNKNOWN;
}

/** Nov 30 */
export function day(at) {
  return known(at) ? days.format(at * 1000) : UNKNOWN;
}

/** Nov 30, 18:30 */
export function moment(at) {
  return known(at) ? `${days.format(at * 1000)}, ${minutes.format(at * 1000)}` : UNKNOWN;
}

/** The label of a step of a chart: a time, or a day where steps are long. */
export function step(at, seconds) {
  return seconds >= 86_400 ? days.format(at * 1000) : seconds >= 3600 ? moment(at) : minutes.format(at * 1000);
}

/** 42 % */
export function share(part, total) {
  return known(part) && known(total) && total > 0 ? `${trimmed((100 * part) / total, 1)} %` : UNKNOWN;
}

/** The tokens of a whole prompt, cached or not; null if none is known. */
export function prompt(tokens) {
  const parts = [tokens?.input, tokens?.cache_read, tokens?.cache_write].filter(known);
  return parts.length ? parts.reduce((sum, each) => sum + each, 0) : null;
}

/** POST /v1/chat/completions, or the API where no path was kept. */
export function called({ method, path, api }) {
  return [method, path].filter(Boolean).join(" ") || api || UNKNOWN;
}

/** A count of tokens, with ~ where it is an estimate. */
export function tokens(value, source) {
  return known(value) ? `${source === "estimated" ? "~" : ""}${count(value)}` : UNKNOWN;
}

/** A limit or what is left of it, in its unit. */
export function amount(value, unit) {
  if (unit === "usd") return money(value);
  const units = { requests: t("requests"), calls: t("requests"), tokens: t("tokens") };
  return known(value) ? `${count(value)} ${units[unit] ?? unit}` : UNKNOWN;
}
