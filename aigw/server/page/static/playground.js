/** The view "Playground": a chat with any model, and what templates, collections and the guard would do with a text. */

import { Chat } from "./chat.js";
import { fill, h } from "./dom.js";
import { t } from "./text.js";
import { guardTrial, searchTrial, templateTrial } from "./tries.js";

const TABS = { chat: "Chat", template: "Template", search: "Retrieval", guard: "Guard" };
const MAKERS = { template: templateTrial, search: searchTrial, guard: guardTrial };

export class PlaygroundView {
  constructor(host, signal) {
    this.signal = signal;
    this.tabs = h("nav", { class: "segments", "aria-label": t("Playground") });
    this.content = h("div", { class: "body" });
    host.append(h("div", { class: "page" }, h("header", { class: "bar" }, h("h1", { tabindex: -1 }, t("Playground")), h("span", { class: "grow" }), this.tabs), this.content));
  }

  /** A conversation goes on when one comes back from another tab. */
  go([wanted = "chat"]) {
    const tab = wanted in TABS ? wanted : "chat";
    fill(this.tabs, Object.entries(TABS).map(([name, label]) => h("a", { href: `#/playground/${name}`, "aria-current": name === tab ? "true" : null }, t(label))));
    if (tab === "chat") this.chat ??= new Chat(this.signal);
    fill(this.content, tab === "chat" ? this.chat.element : MAKERS[tab](this.signal));
  }
}
