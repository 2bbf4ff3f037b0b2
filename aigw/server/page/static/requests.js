/** The view "Requests": a live list with its filter, and beside it the request that was chosen. */

import { get } from "./api.js";
import { badge } from "./badge.js";
import { button, command, empty, failure, fill, h, select } from "./dom.js";
import { choices, failed, fromQuery, matcher, STATUSES, toQuery } from "./filter.js";
import { called, clock, count, duration, moment, money, prompt, tokens } from "./format.js";
import { showRequest } from "./request.js";
import { Rows } from "./rows.js";
import { t } from "./text.js";

const HEIGHT = 34;
/** The plugin at the end of most chains: it changes each request, so that it tells nothing. */
const END = "ai-proxy";
const LABELS = {
  ok: "Succeeded", failed: "Failed", aborted: "Left by the client", "4xx": "4xx", "5xx": "5xx", hit: "Cache hits", denied: "Denied by the guard",
};

const COLUMNS = [
  { name: "time", title: "Time", cell: (each) => h("a", { href: `#/requests/${encodeURIComponent(each.id)}`, title: moment(each.at) }, clock(each.at)) },
  { name: "status", title: "Status", cell: (each) => badge(each) },
  { name: "model", title: "Model", cell: (each) => model(each) },
  { name: "route", title: "Route", cell: (each) => text(each.route) },
  { name: "consumer", title: "Consumer", cell: (each) => text(each.consumer) },
  { name: "plugins", title: "Notes", cell: (each) => notes(each) },
  { name: "in", title: "Tokens in", number: true, cell: (each) => tokens(prompt(each.tokens), each.tokens?.source) },
  { name: "out", title: "Out", number: true, cell: (each) => tokens(each.tokens?.output, each.tokens?.source) },
  { name: "cost", title: "Cost", number: true, cell: (each) => money(each.cost) },
  { name: "first", title: "First token", number: true, cell: (each) => duration(each.first_token_ms) },
  { name: "total", title: "Total", number: true, cell: (each) => duration(each.total_ms) },
];

export class RequestsView {
  #filter = {};
  #shown = [];
  #chosen = "";
  #paused = false;
  #frozen = [];
  #choices = "";
  /** The request that was chosen and is not in sight yet: it may come with the list. */
  #sought = "";

  /** @param {import("./feed.js").Feed} feed */
  constructor(feed, host, signal) {
    this.feed = feed;
    this.signal = signal;
    this.#build(host);
    const end = feed.listen((fresh) => this.#changed(fresh));
    signal.addEventListener("abort", () => (end(), this.rows.close(), this.ended?.abort()));
  }

  /** @param {string[]} path what stands behind `#/requests` @param {string} query */
  go([id = ""], query) {
    if (!id || query) this.#filter = fromQuery(query);
    this.search.value = this.#filter.text ?? "";
    this.#choose(id);
    this.#sought = id;
    this.#update(0);
  }

  #build(host) {
    this.search = h("input", {
      type: "search", placeholder: t("Search requests"), "aria-label": t("Search requests"), "aria-keyshortcuts": "/",
      oninput: () => this.#set("text", this.search.value),
    });
    this.selects = h("div", { class: "selects" });
    this.pause = button(t("Pause"), () => this.#toggle(), { class: "quiet", "aria-pressed": "false" });
    this.counted = h("span", { class: "counted" });
    this.heading = h("h1", { tabindex: -1 }, t("Requests"));
    const head = COLUMNS.map((each) => h("th", { scope: "col", class: `c-${each.name}${each.number ? " number" : ""}` }, t(each.title)));
    this.table = h("table", { class: "requests" }, h("caption", { class: "unseen" }, t("Requests, the newest first")), h("thead", {}, h("tr", {}, head)), h("tbody"));
    this.list = h("div", { class: "list" }, this.table);
    this.nothing = h("div", { class: "nothing" });
    this.detail = h("section", { class: "detail", "aria-label": t("Request") });
    this.detail.hidden = true;
    this.bar = h("div", { class: "filters", role: "search" }, this.search, this.selects);
    const top = h("header", { class: "bar" }, this.heading, this.counted, h("span", { class: "grow" }), this.pause);
    this.note = h("p", { class: "note" });
    this.pane = h("div", { class: "pane" }, top, this.bar, this.note, this.nothing, this.list);
    this.host = h("div", { class: "split" }, this.pane, this.detail);
    host.append(this.host);
    this.rows = new Rows(this.list, this.table, (each) => this.#row(each), HEIGHT);
    this.table.addEventListener("click", (event) => this.#click(event));
    document.addEventListener("keydown", (event) => this.#key(event), { signal: this.signal });
  }

  #row(each) {
    const cells = COLUMNS.map((column) => h("td", { class: `c-${column.name}${column.number ? " number" : ""}` }, column.cell(each)));
    const row = h("tr", { "data-id": each.id, class: each.under_way ? "under-way" : null }, cells);
    if (each.id === this.#chosen) row.setAttribute("aria-current", "true");
    return row;
  }

  /** A click anywhere in a row opens it, unless a text was marked. */
  #click(event) {
    const row = event.target.closest("tr[data-id]");
    if (row && !event.target.closest("a") && !String(getSelection())) this.#open(row.dataset.id);
  }

  #key(event) {
    if (event.metaKey || event.ctrlKey || event.altKey) return;
    const typing = event.target.closest("input, textarea, select, [contenteditable], dialog");
    if (event.key === "Escape" && !event.target.closest("dialog") && this.#chosen) this.#open("");
    if (typing) return;
    if (event.key === "/") {
      event.preventDefault();
      this.search.focus();
    }
    const inList = !event.target.closest(".detail, nav, .filters, header");
    const step = { j: 1, k: -1, ...(inList ? { ArrowDown: 1, ArrowUp: -1 } : {}) }[event.key];
    if (step) {
      event.preventDefault();
      this.#step(step);
    }
  }

  /** Opens the next request where one is open, or moves the focus. */
  #step(by) {
    const focused = document.activeElement?.closest?.("tr[data-id]")?.dataset.id;
    const at = this.#shown.findIndex((each) => each.id === (focused ?? this.#chosen));
    const index = Math.min(Math.max(at + by, 0), this.#shown.length - 1);
    const item = this.#shown[index];
    if (!item) return;
    this.rows.reveal(index);
    this.rows.row(item.id)?.querySelector("a").focus({ preventScroll: true });
    if (this.#chosen) this.#open(item.id);
  }

  #open(id) {
    location.hash = `#/requests${id ? `/${encodeURIComponent(id)}` : ""}${toQuery(this.#filter)}`;
  }

  #choose(id) {
    if (id === this.#chosen) return;
    this.ended?.abort();
    const before = this.#chosen;
    this.#chosen = id;
    this.rows.row(before)?.removeAttribute("aria-current");
    this.rows.row(id)?.setAttribute("aria-current", "true");
    if (id) this.rows.stopAt(id);
    this.host.classList.toggle("open", Boolean(id));
    this.detail.hidden = !id;
    fill(this.detail);
    if (!id) {
      this.rows.row(before)?.querySelector("a").focus({ preventScroll: true });
      return;
    }
    this.ended = new AbortController();
    const close = button("✕", () => this.#open(""), { class: "icon", "aria-label": t("Close"), "aria-keyshortcuts": "Escape" });
    showRequest(this.detail, id, close, this.ended.signal).catch((error) => {
      if (error.name !== "AbortError") fill(this.detail, h("header", { class: "bar" }, h("h2", {}, t("Request")), h("span", { class: "grow" }), close), failure(error));
    });
  }

  #set(name, value) {
    const { [name]: _, ...others } = this.#filter;
    this.#filter = value ? { ...others, [name]: value } : others;
    history.replaceState(null, "", `#/requests${this.#chosen ? `/${encodeURIComponent(this.#chosen)}` : ""}${toQuery(this.#filter)}`);
    this.list.scrollTop = 0;
    this.#update(0);
  }

  #toggle() {
    this.#paused = !this.#paused;
    this.#frozen = [...this.feed.requests];
    this.pause.setAttribute("aria-pressed", String(this.#paused));
    fill(this.pause, this.#paused ? t("Go on") : t("Pause"));
    this.#update(0);
  }

  /** At most once a frame, however much comes in. */
  #changed(fresh) {
    this.fresh = (this.fresh ?? 0) + fresh;
    this.frame ??= requestAnimationFrame(() => {
      const many = this.fresh;
      this.frame = this.fresh = null;
      if (!this.signal.aborted) this.#update(many);
    });
  }

  #update(fresh) {
    const all = this.#paused ? this.#frozen : this.feed.requests;
    const under_way = this.#paused ? [] : [...this.feed.started.values()];
    const matches = matcher(this.#filter);
    const before = this.#shown[0]?.id;
    this.#shown = [...all.filter(matches), ...(toQuery(this.#filter) ? [] : under_way)].reverse();
    const moved = fresh ? Math.max(0, this.#shown.findIndex((each) => each.id === before)) : 0;
    this.#showNothing(all.length);
    this.rows.show(this.#shown, moved);
    this.#seek();
    this.#showFilter(all, fresh);
    this.#showCount(all.length);
  }

  #seek() {
    const at = this.#sought ? this.#shown.findIndex((each) => each.id === this.#sought) : -1;
    if (at < 0) return;
    this.#sought = "";
    this.rows.reveal(at);
  }

  /** What can be chosen is found out once a second, however much comes in. */
  #showFilter(all, fresh) {
    if (fresh && performance.now() - this.chosenAt < 1000) {
      this.later ??= setTimeout(() => {
        this.later = null;
        if (!this.signal.aborted) this.#showFilter(this.feed.requests, 0);
      }, 1000);
      return;
    }
    this.chosenAt = performance.now();
    const found = choices(all);
    const key = JSON.stringify([found, this.#filter.status, this.#filter.model, this.#filter.consumer, this.#filter.route, this.#filter.plugin]);
    if (key === this.#choices || this.selects.contains(document.activeElement)) return;
    this.#choices = key;
    const labels = { status: t("Status"), model: t("Model"), consumer: t("Consumer"), route: t("Route"), plugin: t("Plugin") };
    const named = Object.entries(found).map(([name, values]) => [name, values.map((each) => [each, cut(each)])]);
    const options = { status: STATUSES.map((each) => [each, t(LABELS[each])]), ...Object.fromEntries(named) };
    fill(this.selects, Object.entries(labels).map(([name, label]) => this.#select(name, label, options[name])));
  }

  #select(name, label, options) {
    const value = this.#filter[name] ?? "";
    const known = options.some(([each]) => each === value);
    const all = [["", label], ...options, ...(value && !known ? [value] : [])];
    return select(all, value, (chosen) => this.#set(name, chosen), { "aria-label": label, class: value ? "chosen" : null, disabled: all.length < 2 });
  }

  #showCount(all) {
    const n = this.#shown.length;
    fill(this.counted, n === all || !toQuery(this.#filter) ? count(all) : t("{n} of {all}", { n, all }));
    const notes = [this.feed.note && t(this.feed.note), this.feed.skipped ? t("{n} requests passed too fast to be listed; the numbers count them.", { n: this.feed.skipped }) : ""];
    fill(this.note, notes.filter(Boolean).join(" "));
    this.note.hidden = !this.note.firstChild;
  }

  #showNothing(all) {
    const wanted = this.#shown.length ? "" : all ? "filtered" : this.feed.state === "loading" ? "loading" : this.feed.state === "failed" ? this.feed.error : "none";
    this.list.hidden = Boolean(wanted);
    this.bar.hidden = !all && wanted !== "";
    if (this.nothing.dataset.what === wanted) return;
    this.nothing.dataset.what = wanted;
    fill(this.nothing);
    if (!wanted) return;
    if (wanted === "loading") this.nothing.append(empty(t("Loading…")));
    else if (wanted === "filtered") this.nothing.append(empty(t("No request matches the filter."), "", button(t("Clear the filter"), () => (location.hash = "#/requests"))));
    else if (wanted === "none") this.nothing.append(noRequest());
    else this.nothing.append(failure(wanted));
  }
}

/** What to do where nothing has come yet, with a request that this configuration answers. */
function noRequest() {
  const body = '{"model":"echo","messages":[{"role":"user","content":"Hello!"}]}';
  const curl = `curl ${location.origin}/v1/chat/completions \\\n  -H 'content-type: application/json' \\\n  -d '${body}'`;
  const shown = h("div", { class: "first-call" }, command(curl));
  get("/-/start").then((start) => start.curl && fill(shown, command(start.curl))).catch(() => {});
  return empty(
    t("No request yet"),
    t("Requests appear here as they pass. Send one:"),
    shown,
    h("p", {}, h("a", { href: "#/playground" }, t("Open the playground")), " · ", h("a", { href: "#/start" }, t("Point your programs here"))),
  );
}

function model(each) {
  const name = each.model || each.asked;
  if (!name) return h("span", { class: "faint cut" }, cut(called(each)));
  const other = each.asked && each.asked !== each.model && each.model ? h("span", { class: "faint" }, ` ← ${cut(each.asked)}`) : null;
  return h("span", { class: "cut", title: name.slice(0, 300) }, cut(name), other);
}

function text(value) {
  return value ? h("span", { class: "cut", title: value.slice(0, 300) }, cut(value)) : h("span", { class: "faint" }, "–");
}

/** A cell never holds more than it can show. */
const cut = (value) => (value.length > 200 ? `${value.slice(0, 200)}…` : value);

/** What is special: each thing once, so that a plugin is named only where nothing else tells of it. */
function notes(each) {
  const tags = [];
  if (each.cache === "hit") tags.push(["hit", t("cache hit")]);
  if (each.guard) tags.push(["guard", each.guard === "denied" ? t("denied") : t("masked")]);
  if (each.attempts > 1) tags.push(["tries", t("{n} tries", { n: each.attempts })]);
  if (failed(each) && each.error && !each.guard) tags.push(["error", cut(each.error), cut(each.error)]);
  const plugins = (each.plugins ?? []).filter((plugin) => plugin !== END);
  if (!tags.length && plugins.length) tags.push(["", plugins.length > 1 ? t("{n} plugins", { n: plugins.length }) : cut(plugins[0]), cut(plugins.join(", "))]);
  return h("span", { class: "tags" }, tags.map(([kind, label, title]) => h("span", { class: `tag ${kind}`, title }, label)));
}
