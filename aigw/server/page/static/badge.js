/** The status of a request as a small mark. */

import { h } from "./dom.js";
import { failed } from "./filter.js";
import { t } from "./text.js";

/** The status of a request, in a colour that says how it went; the outcome is said in words, too. */
export function badge(each) {
  if (each.under_way) return h("span", { class: "badge running" }, t("running"));
  const kind = failed(each) ? "bad" : each.outcome === "aborted" ? "left" : "good";
  const said = each.outcome === "aborted" ? t("left") : each.outcome === "failed" && each.status < 400 ? t("broke off") : "";
  return h("span", { class: `badge ${kind}`, title: each.error || null }, h("i", { class: "dot", "aria-hidden": "true" }), String(each.status || "?"), said ? ` ${said}` : "");
}
