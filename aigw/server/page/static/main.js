/** The page: its frame, and which view is shown. The address behind # says so, so that links and the way back work. */

import { askForKeyWith } from "./api.js";
import { ConfigurationView } from "./configuration.js";
import { fill, h, svg } from "./dom.js";
import { Feed } from "./feed.js";
import { askForKey } from "./key.js";
import { KnowledgeView } from "./knowledge.js";
import { NumbersView } from "./numbers.js";
import { PlaygroundView } from "./playground.js";
import { RecordingsView } from "./recordings.js";
import { RequestsView } from "./requests.js";
import { StartView } from "./start.js";
import { language, t } from "./text.js";

const feed = new Feed();

/** The icons are strokes in a square of 16. */
const VIEWS = {
  requests: { title: "Requests", icon: "M2 4h12M2 8h12M2 12h7", make: (host, signal) => new RequestsView(feed, host, signal) },
  numbers: { title: "Numbers", icon: "M3 13V8M8 13V3M13 13V6", make: (host, signal) => new NumbersView(host, signal) },
  playground: { title: "Playground", icon: "M2 3h12v8H8l-3 3v-3H2z", make: (host, signal) => new PlaygroundView(host, signal) },
  knowledge: { title: "Knowledge", icon: "M3 2h8l2 2v10H3zM6 6h4M6 9h4", make: (host, signal) => new KnowledgeView(host, signal) },
  recordings: { title: "Recordings", icon: "M8 2a6 6 0 1 0 0 12A6 6 0 1 0 8 2M8 6a2 2 0 1 0 0 4 2 2 0 1 0 0-4", make: (host, signal) => new RecordingsView(host, signal) },
  configuration: { title: "Configuration", icon: "M2 5h6M12 5h2M2 11h2M8 11h6M8 5a2 2 0 1 0 4 0 2 2 0 1 0-4 0M4 11a2 2 0 1 0 4 0 2 2 0 1 0-4 0", make: (host, signal) => new ConfigurationView(host, signal) },
  start: { title: "Start", icon: "M4 3l9 5-9 5z", make: (host, signal) => new StartView(host, signal) },
};
const FIRST = "requests";

class Page {
  constructor(root) {
    this.links = Object.fromEntries(Object.entries(VIEWS).map(([name, view]) => [name, link(name, view)]));
    this.state = h("p", { class: "live", role: "status" });
    this.main = h("main", { id: "main", tabindex: -1 });
    const skip = h("a", { class: "skip", href: "#main", onclick: (event) => (event.preventDefault(), this.main.focus()) }, t("Skip to the content"));
    const brand = h("a", { class: "brand", href: "#/requests" }, h("img", { src: "/-/page/icon.svg", alt: "", width: 20, height: 20 }), "aigw");
    const side = h("div", { class: "side" }, brand, h("nav", { class: "views", "aria-label": t("Views") }, h("ul", {}, Object.values(this.links).map((each) => h("li", {}, each)))), this.state);
    fill(root, skip, side, this.main);
    addEventListener("hashchange", () => this.#go());
    feed.listen(() => this.#showState());
    feed.run(new AbortController().signal);
    this.#go();
  }

  #go() {
    const [path, query = ""] = location.hash.replace(/^#\/?/, "").split("?");
    const [name = "", ...rest] = path.split("/").map(decoded);
    const wanted = name in VIEWS ? name : FIRST;
    if (wanted !== this.name) this.#open(wanted);
    this.view.go(rest, query);
  }

  #open(name) {
    const first = this.name === undefined;
    this.ended?.abort();
    this.ended = new AbortController();
    fill(this.main);
    this.name = name;
    this.view = VIEWS[name].make(this.main, this.ended.signal);
    document.title = `${t(VIEWS[name].title)} · aigw`;
    for (const [each, element] of Object.entries(this.links)) element.toggleAttribute("aria-current", each === name);
    this.links[name].setAttribute("aria-current", "page");
    this.links[name].scrollIntoView({ block: "nearest", inline: "nearest" });
    if (!first) this.main.querySelector("h1")?.focus({ preventScroll: true });
  }

  #showState() {
    const key = `${feed.state} ${feed.started.size}`;
    if (key === this.shown) return;
    this.shown = key;
    const words = { loading: t("connecting…"), live: t("live"), lost: t("connection lost, trying again…"), failed: t("not allowed") };
    this.state.dataset.state = feed.state;
    fill(this.state, h("i", { class: "dot", "aria-hidden": "true" }), words[feed.state], feed.state === "live" && feed.started.size ? ` · ${t("{n} under way", { n: feed.started.size })}` : "");
  }
}

function link(name, { title, icon }) {
  return h("a", { href: `#/${name}` }, svg("svg", { viewBox: "0 0 16 16", class: "icon-line", "aria-hidden": "true" }, svg("path", { d: icon })), h("span", {}, t(title)));
}

function decoded(text) {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

document.documentElement.lang = language === "zh" ? "zh-CN" : "en";
askForKeyWith(askForKey);
new Page(document.getElementById("page"));
