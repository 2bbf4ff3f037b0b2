/** The view "Knowledge": collections and the documents in them. */

import { get } from "./api.js";
import { failure, fill, h, table } from "./dom.js";
import { bytes, count, moment } from "./format.js";
import { t } from "./text.js";
import { noCollection } from "./tries.js";

const MOST = 1000;

export class KnowledgeView {
  constructor(host, signal) {
    this.signal = signal;
    this.heading = h("h1", { tabindex: -1 }, t("Knowledge"));
    this.content = h("div", { class: "body" });
    host.append(h("div", { class: "page" }, h("header", { class: "bar" }, this.heading), this.content));
  }

  async go([name = ""]) {
    fill(this.content, h("p", { class: "loading" }, t("Loading…")));
    try {
      fill(this.content, name ? await this.#documents(name) : await this.#collections());
    } catch (error) {
      if (error.name !== "AbortError") fill(this.content, failure(error));
    }
  }

  async #collections() {
    const found = await get("/-/collections", this.signal);
    fill(this.heading, t("Knowledge"));
    if (!found.length) return noCollection();
    const columns = [
      { title: t("Collection"), cell: (each) => h("a", { href: `#/knowledge/${encodeURIComponent(each.collection)}` }, each.collection) },
      { title: t("Documents"), class: "number", cell: (each) => count(each.sources) },
      { title: t("Passages"), class: "number", cell: (each) => count(each.passages) },
      { title: t("Embedder"), cell: (each) => each.embedder ?? "–" },
      { title: t("Index"), cell: (each) => (each.index ?? []).join(", ") },
      { title: t("Size"), class: "number", cell: (each) => bytes(each.bytes) },
    ];
    return [table(columns, found, { caption: t("Collections") }), h("p", {}, h("a", { href: "#/playground/search" }, t("Ask a question")))];
  }

  async #documents(name) {
    const found = await get(`/-/collections/${encodeURIComponent(name)}`, this.signal);
    fill(this.heading, h("a", { href: "#/knowledge" }, t("Knowledge")), " / ", name);
    const list = Array.isArray(found) ? found : (found.sources ?? []);
    const columns = [
      { title: t("Document"), cell: (each) => [h("span", {}, each.source), each.title && each.title !== each.source ? h("div", { class: "faint" }, each.title) : null] },
      { title: t("Passages"), class: "number", cell: (each) => count(each.passages) },
      { title: t("Size"), class: "number", cell: (each) => bytes(each.bytes) },
      { title: t("Read"), class: "number", cell: (each) => moment(each.at) },
    ];
    const more = list.length > MOST ? h("p", { class: "note" }, t("The first {n} of {all} are shown; aigw rag ls {name} lists them all.", { n: MOST, all: list.length, name })) : null;
    return [table(columns, list.slice(0, MOST), { caption: name }), more];
  }
}
