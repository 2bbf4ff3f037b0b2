/** Sends a request to a model, with the user's own key, and reads the answer as it comes. */

import { ownKey, told } from "./api.js";
import { Reading } from "./answers.js";
import { events } from "./stream.js";

/** Headers of a kept request that a browser may send again; the others are the browser's or the connection's. */
const AGAIN = /^(accept|content-type|anthropic-|openai-|x-goog-api-client|x-aigw-(?!request-id))/i;
const KEYS = ["x-api-key", "x-goog-api-key", "api-key", "authorization"];

/**
 * @param {{path: string, headers: Object<string, string>, body: string}} request
 * @param {(reading: Reading, times: {first: number | null, total: number}) => void} onchange
 * @returns {Promise<{status: number, id: string, reading: Reading, times: {first: number | null, total: number}, headers: Headers}>}
 */
export async function ask(request, onchange, signal) {
  const begun = performance.now();
  const times = { first: null, total: 0 };
  const response = await fetch(request.path, { method: "POST", headers: request.headers, body: request.body, signal });
  if (!response.ok) throw await told(response);
  const reading = new Reading();
  const taken = (data) => {
    reading.take(data);
    times.total = performance.now() - begun;
    if (reading.text || reading.reasoning || reading.calls.length) times.first ??= times.total;
    onchange(reading, times);
  };
  if (/event-stream/.test(response.headers.get("content-type") ?? "")) {
    for await (const { data } of events(response)) if (data !== "[DONE]") taken(parsed(data));
  } else taken(parsed(await response.text()));
  times.total = performance.now() - begun;
  return { status: response.status, id: response.headers.get("x-aigw-request-id") ?? "", reading, times, headers: response.headers };
}

function parsed(text) {
  try {
    return JSON.parse(text);
  } catch {
    return { choices: [{ text }] };
  }
}

/** The headers with the user's key, in the place where this API looks for it. */
export function withKey(headers, place = "authorization") {
  const key = ownKey.get();
  return key ? { ...headers, [place]: place === "authorization" ? `Bearer ${key}` : key } : headers;
}

/** Headers as pairs, whichever form they have. */
export function pairs(headers) {
  return Array.isArray(headers) ? headers : Object.entries(headers ?? {});
}

/** Where a kept request had its key. */
export function keyPlace(headers) {
  const names = pairs(headers).map(([name]) => name.toLowerCase());
  return KEYS.find((each) => names.includes(each)) ?? "authorization";
}

/**
 * A kept request, to be sent again to a model and a route.
 * @param {{method: string, path: string, query?: string, headers: any, body: string}} kept
 * @param {{model?: string, route?: any}} wanted `route` as `/-/routes` tells it; "" stands for the same
 */
export function again(kept, { model = "", route = null }) {
  const headers = Object.fromEntries(pairs(kept.headers).filter(([name]) => AGAIN.test(name)));
  let path = kept.query ? `${kept.path}?${kept.query}` : kept.path;
  let body = kept.body;
  if (model) ({ path, body } = withModel(path, body, model));
  return { path: towards(path, route), headers: { ...headers, ...(route?.match?.headers ?? {}) }, body };
}

function withModel(path, body, model) {
  const gemini = /(\/models\/)[^:/]+(:)/;
  if (gemini.test(path)) return { path: path.replace(gemini, (_, before, after) => before + encodeURIComponent(model) + after), body };
  const data = JSON.parse(body);
  return { path, body: JSON.stringify({ ...data, model }) };
}

/** The path by which a route is reached: one that begins as its `match.path` wants. */
export function towards(path, route) {
  const wanted = route?.match?.path ?? "/*";
  if (!wanted.endsWith("*")) return wanted;
  const prefix = wanted.slice(0, -1).replace(/\/$/, "");
  return !prefix || path.startsWith(prefix) ? path : prefix + path;
}
