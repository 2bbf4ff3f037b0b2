/** Which requests are shown. A filter is a plain object; its form in the address is a query. */

/** @typedef {{text?: string, status?: string, model?: string, consumer?: string, route?: string, plugin?: string}} Filter */

export const NAMES = ["text", "status", "model", "consumer", "route", "plugin"];
const SEARCHED = ["id", "path", "api", "route", "provider", "asked", "model", "consumer", "session", "error", "outcome", "cache", "guard"];

/** Whether a request failed; one whose client left has not. */
export function failed(request) {
  return request.outcome === "failed" || (request.status >= 400 && request.outcome !== "aborted");
}

const STATUS = {
  ok: (request) => !failed(request) && request.outcome !== "aborted",
  failed,
  aborted: (request) => request.outcome === "aborted",
  "4xx": (request) => request.status >= 400 && request.status < 500,
  "5xx": (request) => request.status >= 500,
  hit: (request) => request.cache === "hit",
  denied: (request) => request.guard === "denied",
};
export const STATUSES = Object.keys(STATUS);

/** A function that says whether a request is shown. @param {Filter} filter */
export function matcher(filter) {
  const words = (filter.text ?? "").toLowerCase().split(/\s+/).filter(Boolean);
  const tests = [];
  if (words.length) tests.push((request) => has(request, words));
  if (STATUS[filter.status]) tests.push(STATUS[filter.status]);
  if (filter.model) tests.push((request) => request.model === filter.model || request.asked === filter.model);
  if (filter.consumer) tests.push((request) => request.consumer === filter.consumer);
  if (filter.route) tests.push((request) => request.route === filter.route);
  if (filter.plugin) tests.push((request) => (request.plugins ?? []).includes(filter.plugin));
  return (request) => tests.every((test) => test(request));
}

function has(request, words) {
  const text = [...SEARCHED.map((name) => request[name] ?? ""), String(request.status ?? ""), ...(request.plugins ?? [])];
  const all = text.join("\n").toLowerCase();
  return words.every((word) => all.includes(word));
}

/** What can be chosen: the values that the requests have, sorted. */
export function choices(requests) {
  const found = { model: new Set(), consumer: new Set(), route: new Set(), plugin: new Set() };
  for (const request of requests) {
    found.model.add(request.model || request.asked);
    found.consumer.add(request.consumer);
    found.route.add(request.route);
    for (const plugin of request.plugins ?? []) found.plugin.add(plugin);
  }
  return Object.fromEntries(Object.entries(found).map(([name, values]) => [name, [...values].filter(Boolean).sort()]));
}

/** @param {string} query @returns {Filter} */
export function fromQuery(query) {
  const given = new URLSearchParams(query);
  return Object.fromEntries(NAMES.filter((name) => given.get(name)).map((name) => [name, given.get(name)]));
}

/** @param {Filter} filter */
export function toQuery(filter) {
  const query = new URLSearchParams(NAMES.filter((name) => filter[name]).map((name) => [name, filter[name]])).toString();
  return query ? `?${query}` : "";
}
