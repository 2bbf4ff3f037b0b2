/** The view "Numbers": what was used, what it cost, how fast it was, and what is left, over a window of time. */

import { get } from "./api.js";
import { chart } from "./chart.js";
import { empty, failure, fill, h, table } from "./dom.js";
import { amount, count, duration, money, moment, share, short, step, UNKNOWN } from "./format.js";
import { t } from "./text.js";

const WINDOWS = ["1h", "24h", "7d", "30d"];
const AGAIN = 10_000;

export class NumbersView {
  constructor(host, signal) {
    this.signal = signal;
    this.windows = h("nav", { class: "segments", "aria-label": t("Window") });
    this.content = h("div", { class: "body" }, h("p", { class: "loading" }, t("Loading…")));
    host.append(h("div", { class: "page" }, h("header", { class: "bar" }, h("h1", { tabindex: -1 }, t("Numbers")), h("span", { class: "grow" }), this.windows), this.content));
    const timer = setInterval(() => document.hidden || this.#load(), AGAIN);
    signal.addEventListener("abort", () => clearInterval(timer));
  }

  go([since = "24h"]) {
    this.since = WINDOWS.includes(since) ? since : "24h";
    const labels = { "1h": t("1 hour"), "24h": t("24 hours"), "7d": t("7 days"), "30d": t("30 days") };
    fill(this.windows, WINDOWS.map((each) => h("a", { href: `#/numbers/${each}`, "aria-current": each === this.since ? "true" : null }, labels[each])));
    return this.#load();
  }

  async #load() {
    const { since } = this;
    try {
      const numbers = await get(`/-/numbers?since=${since}`, this.signal);
      if (since !== this.since || this.content.contains(document.activeElement) || String(getSelection())) return;
      const { scrollTop } = this.content;
      fill(this.content, numbers.totals?.requests ? whole(numbers) : [nothing(), limits(numbers.limits ?? [])]);
      this.content.scrollTop = scrollTop;
    } catch (error) {
      if (error.name !== "AbortError") fill(this.content, failure(error));
    }
  }
}

function nothing() {
  return empty(t("Nothing was asked in this time"), t("Choose a longer one, or send a request:"), h("p", {}, h("a", { href: "#/playground" }, t("Open the playground"))));
}

function whole({ totals, series = [], step: seconds = 60, by = {}, limits: known = [] }) {
  const times = series.map((each) => step(each.at, seconds));
  const values = (name) => series.map((each) => each[name] ?? null);
  return [
    tiles(totals),
    h(
      "div",
      { class: "charts" },
      chart({ title: t("Requests"), times, show: count, series: [
        { name: t("succeeded"), kind: "k-accent", values: series.map((each) => (each.requests ?? 0) - (each.failed ?? 0)) },
        { name: t("failed"), kind: "k-bad", values: values("failed") },
      ] }),
      chart({ title: t("Cost"), times, show: money, series: [{ name: t("Cost"), kind: "k-accent", values: values("cost") }] }),
      chart({ title: t("Tokens"), times, show: short, series: [
        { name: t("out"), kind: "k-accent", values: values("output") },
        { name: t("in"), kind: "k-quiet", values: values("input") },
      ] }),
      chart({ title: t("Time to the first token"), times, show: duration, form: "lines", series: [
        { name: t("median"), kind: "k-accent", values: values("first_token_p50") },
        { name: t("95th percentile"), kind: "k-warm", values: values("first_token_p95") },
      ] }),
    ),
    limits(known),
    group(t("By model"), by.model),
    group(t("By consumer"), by.consumer),
    group(t("By route"), by.route),
    group(t("By day"), by.day),
  ];
}

function tiles(all) {
  const shown = [
    [t("Requests"), count(all.requests), ""],
    [t("Cost"), money(all.cost), all.unpriced ? t("{n} without a price", { n: all.unpriced }) : ""],
    [t("Tokens in"), short(all.input), ""],
    [t("Tokens out"), short(all.output), ""],
    [t("Tokens a second"), short(all.tokens_per_second), ""],
    [t("First token"), duration(all.first_token_p50), t("95 %: {value}", { value: duration(all.first_token_p95) })],
    [t("Failed"), count(all.failed), share(all.failed, all.requests)],
    [t("Cache hits"), count(all.cache_hits), all.saved_usd ? t("saved {value}", { value: money(all.saved_usd) }) : share(all.cache_hits, all.requests)],
  ];
  return h("dl", { class: "tiles" }, shown.map(([name, value, more]) => h("div", {}, h("dt", {}, name), h("dd", {}, value), more && more !== UNKNOWN ? h("dd", { class: "more" }, more) : null)));
}

function group(title, rows = []) {
  if (!rows.length) return null;
  const most = Math.max(...rows.map((each) => each.requests ?? 0), 1);
  const number = (name, label, show) => ({ title: label, class: "number", cell: (each) => show(each[name]) });
  const columns = [
    { title: t("Name"), cell: (each) => each.name || h("span", { class: "faint" }, t("(none)")) },
    { title: t("Requests"), class: "number", cell: (each) => [h("span", { class: "bar-cell", "aria-hidden": "true", css: { width: `${((60 * (each.requests ?? 0)) / most).toFixed(1)}px` } }), count(each.requests)] },
    number("failed", t("Failed"), count),
    number("input", t("Tokens in"), short),
    number("output", t("Out"), short),
    number("cost", t("Cost"), money),
    number("tokens_per_second", t("Tokens/s"), short),
    number("first_token_p50", t("First token"), duration),
    number("first_token_p95", "95 %", duration),
    number("cache_hits", t("Hits"), count),
    number("saved_usd", t("Saved"), money),
  ];
  return h("section", { class: "group by" }, h("h2", {}, title), table(columns, rows, { caption: title }));
}

const WHAT = { budget: "Budget", quota: "Quota", limit: "Limit" };

function limits(known) {
  if (!known.length) return null;
  return h("section", { class: "group" }, h("h2", {}, t("Limits and budgets")), h("ul", { class: "limits" }, known.map(limit)));
}

function limit({ what, name, scope, unit, limit: most, used, left, resets_at: at, command: raise, place, fault }) {
  const part = most > 0 ? Math.min(1, Math.max(0, (used ?? 0) / most)) : 0;
  const kind = part >= 1 ? "bad" : part >= 0.8 ? "warm" : "";
  return h(
    "li",
    {},
    h("div", { class: "limit-head" }, h("strong", {}, what in WHAT ? t(WHAT[what]) : what), h("span", {}, [name, scope].filter(Boolean).join(": ")), h("span", { class: "grow" }), h("span", { class: "number" }, remaining(left, most, unit))),
    fault ? h("p", { class: "failure" }, fault) : null,
    most > 0 && h("div", { class: `gauge ${kind}`, role: "img", "aria-label": t("{share} used", { share: share(used, most) }) }, h("span", { css: { width: `${(100 * part).toFixed(1)}%` } })),
    h("div", { class: "limit-foot" }, at ? h("span", { class: "faint" }, t("begins anew {when}", { when: moment(at) })) : null, raise ? h("span", {}, t("to raise it:"), " ", h("code", {}, raise)) : place ? h("span", {}, t("set in"), " ", h("code", {}, place)) : null),
  );
}

function remaining(left, most, unit) {
  if (typeof left !== "number") return "";
  left = Math.max(0, left); // the last answer may take more than there was
  if (typeof most !== "number") return t("{left} left", { left: amount(left, unit) });
  return t("{left} of {all} left", { left: unit === "usd" ? money(left) : count(left), all: amount(most, unit) });
}
