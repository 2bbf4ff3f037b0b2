/** The models and routes that can be asked for, as fields. */

import { get } from "./api.js";
import { field, fill, h, select } from "./dom.js";
import { t } from "./text.js";

let number = 0;

/** The names that `/-/models` tells, each once; patterns such as `gpt-*` are no names. */
export function namesOf(providers) {
  const names = new Set();
  for (const provider of providers) {
    for (const { model, aliases } of provider.models ?? []) [model, ...(aliases ?? [])].filter((each) => !each.includes("*")).forEach((each) => names.add(each));
  }
  return [...names];
}

/** @param {string} value the model that is there at first; "" takes the first that there is */
export function modelInput(value, signal) {
  const id = `models-${(number += 1)}`;
  const list = h("datalist", { id });
  const input = h("input", { list: id, value, autocomplete: "off", spellcheck: "false" });
  get("/-/models", signal)
    .then((providers) => {
      const names = namesOf(providers);
      list.append(...names.slice(0, 500).map((each) => h("option", { value: each })));
      if (!input.value) input.value = names[0] ?? "";
      input.after(list);
    })
    .catch(() => {});
  return input;
}

/**
 * A field that chooses a route, where there are several.
 * @param {{route: any}} chosen gets the route, as `/-/routes` tells it, or null
 * @param {string} none what null is called
 */
export function routeField(chosen, none, signal) {
  const host = h("div", {});
  const choose = (routes) => {
    if (routes.length < 2) return;
    const names = routes.map((each) => [each.name, each.name]);
    fill(host, field(t("Route"), select([["", none], ...names], "", (name) => (chosen.route = routes.find((each) => each.name === name) ?? null))));
  };
  get("/-/routes", signal).then(choose).catch(() => {});
  return host;
}
