/** The view "Configuration": the plugins of each route in their order, as they are in force, and what doctor finds. */

import { get } from "./api.js";
import { empty, failure, fill, h, long } from "./dom.js";
import { t } from "./text.js";

export class ConfigurationView {
  constructor(host, signal) {
    this.signal = signal;
    this.doctor = h("div", {});
    this.routes = h("div", { class: "stack" }, h("p", { class: "loading" }, t("Loading…")));
    host.append(h("div", { class: "page" }, h("header", { class: "bar" }, h("h1", { tabindex: -1 }, t("Configuration"))), h("div", { class: "body" }, this.doctor, this.routes)));
  }

  async go() {
    await Promise.all([
      this.#show("/-/routes", this.routes, (found) => (found.length ? found.map(route) : empty(t("No route")))),
      this.#show("/-/doctor", this.doctor, findings),
    ]);
  }

  async #show(path, host, make) {
    try {
      fill(host, make(await get(path, this.signal)));
    } catch (error) {
      if (error.name !== "AbortError") fill(host, failure(error));
    }
  }
}

const BAD = { problem: "bad", error: "bad", bad: "bad", failed: "bad", warning: "warm", note: "warm", ok: "good" };

function findings(found) {
  const worst = found.filter((each) => each.level !== "ok");
  const good = found.filter((each) => each.level === "ok");
  return h(
    "section",
    { class: "group" },
    h("h2", {}, t("What aigw doctor finds")),
    worst.length ? h("ul", { class: "findings" }, worst.map(finding)) : h("p", {}, h("span", { class: "badge good" }, h("i", { class: "dot", "aria-hidden": "true" }), t("All is well.")), " "),
    good.length ? h("details", {}, h("summary", {}, t("{n} checks passed", { n: good.length })), h("ul", { class: "findings" }, good.map(finding))) : null,
  );
}

function finding({ name, level, what, message, remedy }) {
  return h(
    "li",
    {},
    h("span", { class: `badge ${BAD[level] ?? ""}` }, h("i", { class: "dot", "aria-hidden": "true" }), t(level)),
    h("div", {}, name ? h("strong", {}, `${name}: `) : null, what ?? message ?? "", remedy ? h("div", { class: "faint" }, remedy) : null),
  );
}

function route({ name, match = {}, plugins = [], upstream = "", ...others }) {
  const conditions = Object.entries({ ...others, ...match }).filter(([, value]) => value && Object.keys(value).length !== 0);
  const said = conditions.map(([key, value]) => `${key} ${typeof value === "string" ? value : JSON.stringify(value)}`);
  return h(
    "section",
    { class: "group" },
    h("h2", {}, name, " ", h("span", { class: "faint" }, said.join(" · "))),
    h("ol", { class: "way" }, plugins.map(plugin), upstream ? h("li", { class: "end" }, h("span", { class: "step-name" }, t("Upstream")), h("span", { class: "faint" }, upstream)) : null),
  );
}

function plugin({ name, place = "", why = "", config, off = false }) {
  const text = typeof config === "string" ? config : JSON.stringify(config ?? {}, null, 2);
  return h(
    "li",
    { class: `plugin${off ? " off" : ""}` },
    h("details", {}, h("summary", { class: "step" }, h("span", { class: "step-name" }, name), off ? h("span", { class: "tag" }, t("off")) : null, h("span", { class: "grow" }), h("span", { class: "faint" }, [why ? t(why) : "", place].filter(Boolean).join(" · "))), long(text)),
  );
}
