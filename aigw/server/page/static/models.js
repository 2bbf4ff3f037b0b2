/** The models that can be asked for, as a field with suggestions. */

import { get } from "./api.js";
import { h } from "./dom.js";

let number = 0;

/** The names that `/-/models` tells, each once; embedding models as well. */
export function namesOf(providers) {
  const names = new Set();
  for (const provider of providers) {
    for (const { model, aliases } of provider.models ?? []) [model, ...(aliases ?? [])].forEach((each) => names.add(each));
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
