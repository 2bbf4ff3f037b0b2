/** The keys that the user types: the admin key, in a dialog, and the own one, in a field. */

import { ownKey } from "./api.js";
import { field, h } from "./dom.js";
import { t } from "./text.js";

/** @param {boolean} again the last key was wrong @returns {Promise<string>} "" if the user has none */
export function askForKey(again = false) {
  const input = h("input", { type: "password", autocomplete: "off", required: true });
  const cancel = h("button", { type: "button", value: "" }, t("Cancel"));
  const dialog = h(
    "dialog",
    { "aria-labelledby": "key-title" },
    h(
      "form",
      { method: "dialog" },
      h("h2", { id: "key-title" }, t("This gateway asks for its admin key")),
      h("p", {}, t("You are not on its machine. The key is admin_key in its aigw.yaml; it is kept in this tab only.")),
      again ? h("p", { class: "failure", role: "alert" }, t("That is not its admin key.")) : null,
      field(t("Admin key"), input),
      h("div", { class: "row" }, h("span", { class: "grow" }), cancel, h("button", { class: "primary", type: "submit" }, t("Go on"))),
    ),
  );
  document.body.append(dialog);
  dialog.showModal();
  return new Promise((resolve) => {
    const end = (key) => {
      dialog.remove();
      resolve(key);
    };
    cancel.addEventListener("click", () => end(""));
    dialog.addEventListener("cancel", () => end(""));
    dialog.querySelector("form").addEventListener("submit", (event) => (event.preventDefault(), end(input.value)));
  });
}

/** The field of the user's own key. */
export function keyInput() {
  return h("input", { type: "password", autocomplete: "off", value: ownKey.get(), oninput: (event) => ownKey.set(event.target.value) });
}
