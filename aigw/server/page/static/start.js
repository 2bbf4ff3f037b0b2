/** The view "Start": the address, the models, and how clients are pointed here. */

import { get } from "./api.js";
import { command, failure, fill, h } from "./dom.js";
import { t } from "./text.js";

export class StartView {
  constructor(host, signal) {
    this.signal = signal;
    this.content = h("div", { class: "body narrow" }, h("p", { class: "loading" }, t("Loading…")));
    host.append(h("div", { class: "page" }, h("header", { class: "bar" }, h("h1", { tabindex: -1 }, t("Start"))), this.content));
  }

  async go() {
    try {
      fill(this.content, parts(await get("/-/start", this.signal)));
    } catch (error) {
      if (error.name !== "AbortError") fill(this.content, failure(error));
    }
  }
}

function parts({ url, api, version, models = [], more = 0, curl, python, environment = [], notes = [], lacking, config }) {
  return [
    h("section", { class: "group" }, h("p", { class: "lead" }, t("Programs call this address instead of a provider:")), command(api || `${url}/v1`)),
    part(t("Models"), models.length ? h("p", { class: "names" }, models.map((each) => h("code", {}, each)), more ? t("and {n} more", { n: more }) : null) : h("p", { class: "faint" }, t("Its providers list their models."))),
    curl ? part("curl", command(curl)) : h("p", { class: "note" }, t("This configuration answers nothing; aigw init writes one that does.")),
    python ? part(t("OpenAI for Python"), command(python)) : null,
    environment.length ? part(t("Programs that read the environment"), command(environment.join("\n"))) : null,
    notes.map((each) => h("p", { class: "note" }, each)),
    lacking ? h("p", { class: "note" }, lacking) : null,
    part(t("Your own configuration"), command("aigw init")),
    h("p", { class: "faint" }, ["aigw", version, config].filter(Boolean).join(" · ")),
  ];
}

function part(title, ...content) {
  return h("section", { class: "group" }, h("h2", {}, title), content);
}
