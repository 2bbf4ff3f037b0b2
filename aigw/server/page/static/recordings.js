/** The view "Recordings": what is replayed, its hits, and how each miss differs from the nearest recording. */

import { get } from "./api.js";
import { command, empty, failure, fill, h, long, table } from "./dom.js";
import { clock, count } from "./format.js";
import { t } from "./text.js";
import { changed, changeList } from "./way.js";

export class RecordingsView {
  constructor(host, signal) {
    this.signal = signal;
    this.content = h("div", { class: "body" }, h("p", { class: "loading" }, t("Loading…")));
    host.append(h("div", { class: "page" }, h("header", { class: "bar" }, h("h1", { tabindex: -1 }, t("Recordings"))), this.content));
  }

  async go() {
    try {
      const found = await get("/-/recordings", this.signal);
      fill(this.content, found.length ? found.map(folder) : nothing());
    } catch (error) {
      if (error.name !== "AbortError") fill(this.content, failure(error));
    }
  }
}

function nothing() {
  return empty(t("Nothing is recorded or replayed"), t("A run of a program is recorded, and replayed without a network, by:"), command("aigw run --record recordings -- python agent.py\naigw run --replay recordings -- python agent.py"));
}

function folder({ folder: name, mode, route, recordings, hits, misses, calls = [], missed = [], diverged = [] }) {
  const figures = [[t("Recordings"), recordings], [t("Hits"), hits], [t("Misses"), misses]];
  const columns = [
    { title: t("File"), cell: (each) => each.file },
    { title: t("Provider"), cell: (each) => each.model ?? each.service ?? "" },
    { title: "API", cell: (each) => each.api ?? "" },
    { title: t("Hits"), class: "number", cell: (each) => count(each.hits) },
  ];
  return h(
    "section",
    { class: "group" },
    h("h2", {}, name, " ", mode ? h("span", { class: "tag" }, mode) : null, route ? h("span", { class: "faint" }, ` ${route}`) : null),
    h("dl", { class: "tiles" }, figures.map(([label, value]) => h("div", {}, h("dt", {}, label), h("dd", {}, count(value))))),
    missed.length ? [h("h3", {}, t("Misses")), h("ul", { class: "limits" }, missed.map(miss))] : null,
    diverged.length ? [h("h3", {}, t("Otherwise than recorded")), h("ul", { class: "limits" }, diverged.map(miss))] : null,
    calls.length ? table(columns, calls.slice(0, 1000), { caption: t("Recordings") }) : null,
  );
}

function miss({ id, at, asked, reason, text = "", nearest, difference = [] }) {
  const name = [at ? clock(at) : "", asked].filter(Boolean).join(" ");
  return h(
    "li",
    {},
    h("div", { class: "limit-head" }, h("strong", {}, id ? h("a", { href: `#/requests/${encodeURIComponent(id)}` }, name || id) : name), h("span", {}, asked && reason?.startsWith(`${asked}: `) ? reason.slice(asked.length + 2) : (reason ?? ""))),
    nearest ? h("p", { class: "why" }, t("Nearest recording:"), " ", nearest) : null,
    difference.length ? changeList(changed({ body: difference })) : null,
    text ? h("details", {}, h("summary", {}, t("What to do")), long(text)) : null,
  );
}
