/** Where the time of a request went: the gateway, the wait for the first byte, the stream. */

import { h } from "./dom.js";
import { duration } from "./format.js";
import { t } from "./text.js";

/**
 * @param {{gateway_ms?: number, wait_ms?: number, first_token_ms?: number | null, total_ms?: number}} times
 * @returns {{name: string, from: number, ms: number}[]} in the order in which they happen, in milliseconds
 */
export function spans(times) {
  const total = times.total_ms ?? 0;
  const gateway = Math.min(times.gateway_ms ?? 0, total);
  const wait = Math.min(times.wait_ms ?? 0, total - gateway);
  const rest = Math.max(0, total - gateway - wait);
  return [
    { name: "gateway", from: 0, ms: gateway },
    { name: "wait", from: gateway, ms: wait },
    { name: "stream", from: gateway + wait, ms: rest },
  ];
}

const NAMES = { gateway: "Gateway", wait: "Wait for the first byte", stream: "Answer" };

/** A list with a bar for each span. */
export function waterfall(times) {
  const total = Math.max(times.total_ms ?? 0, 0.001);
  const percent = (ms) => `${Math.max(0, Math.min(100, (100 * ms) / total)).toFixed(3)}%`;
  const lines = spans(times).map(({ name, from, ms }) =>
    h(
      "li",
      {},
      h("span", { class: "name" }, t(NAMES[name])),
      h("span", { class: "track", "aria-hidden": "true" }, ms > 0 && h("span", { class: `bar-${name}`, css: { "margin-left": percent(from), width: percent(ms) } }), name === "stream" && mark(times, percent)),
      h("span", { class: "number" }, duration(ms)),
    ),
  );
  return h("ol", { class: "waterfall" }, lines);
}

function mark(times, percent) {
  return typeof times.first_token_ms === "number" ? h("i", { class: "first", css: { left: percent(times.first_token_ms) }, title: t("First token") }) : null;
}
