/** One request: facts, where its time went, the way through the plugins, the conversation, raw bytes, and sending it again. */

import { get, getText } from "./api.js";
import { pairs } from "./asking.js";
import { badge } from "./badge.js";
import { conversation, passages } from "./conversation.js";
import { copyButton, failure, fill, h, long, table } from "./dom.js";
import { failed } from "./filter.js";
import { called, clock, count, day, duration, money, prompt, tokens } from "./format.js";
import { sendAgain } from "./resend.js";
import { t } from "./text.js";
import { waterfall } from "./waterfall.js";
import { way } from "./way.js";

/** @param {HTMLElement} host @param {Node} close the button that closes it */
export async function showRequest(host, id, close, signal) {
  const title = h("h2", { tabindex: -1 }, t("Request"));
  fill(host, h("header", { class: "bar" }, title, h("span", { class: "grow" }), close), h("p", { class: "loading" }, t("Loading…")));
  const found = await get(`/-/requests/${encodeURIComponent(id)}`, signal);
  fill(title, badge(found), " ", found.model || found.asked || called(found));
  const again = section(t("Send again"), sendAgain(found, signal), { open: false, class: "again" });
  fill(host, h("header", { class: "bar" }, title, h("span", { class: "grow" }), close), h("div", { class: "body" }, actions(found, again), parts(found, again, signal)));
  host.scrollTop = 0;
}

function actions(found, again) {
  if (!found.curl && !found.request) return null;
  const show = h("button", { type: "button", class: "primary" }, t("Send again"));
  show.addEventListener("click", () => {
    again.open = true;
    again.scrollIntoView({ block: "start" });
    again.querySelector("input, select, button")?.focus({ preventScroll: true });
  });
  return h(
    "div",
    { class: "actions" },
    found.request && show,
    found.curl && copyButton(t("Copy as curl"), found.curl),
    found.python && copyButton(t("Copy as Python"), found.python),
  );
}

function parts(found, again, signal) {
  const turns = found.conversation ?? [];
  return [
    failed(found) && found.error ? h("p", { class: "failure" }, found.error) : null,
    facts(found),
    section(t("Where the time went"), waterfall(found)),
    found.trace ? section(t("The way it went"), way(found.trace, found)) : null,
    found.trace && !found.note ? null : missing(found),
    turns.length ? section(t("Conversation"), conversation(turns)) : null,
    found.passages?.length ? section(t("Retrieved passages"), passages(found.passages)) : null,
    found.request ? section(t("Raw request"), raw(found, "request", signal), { open: false }) : null,
    found.answer ? section(t("Raw answer"), raw(found, "answer", signal), { open: false }) : null,
    found.request ? again : null,
  ];
}

function missing(found) {
  return h("p", { class: "note" }, found.note ? t(found.note) : t("Only the summary was kept. Details are kept of requests that pass while this page is open, or with aigw serve --inspect."));
}

/** A part of the page that can be folded. */
export function section(title, content, { open = true, class: kind = "" } = {}) {
  return h("details", { class: `section ${kind}`, open }, h("summary", {}, h("h3", {}, title)), content);
}

function facts(found) {
  const { tokens: used = {}, trace } = found;
  const path = [found.method || trace?.method, found.path || trace?.path].filter(Boolean).join(" ");
  const cached = [used.cache_read ? t("{n} from the provider's cache", { n: used.cache_read }) : "", used.reasoning ? t("{n} reasoning", { n: used.reasoning }) : ""];
  const all = [
    [t("Tokens in"), tokens(prompt(used), used.source)],
    [t("Tokens out"), tokens(used.output, used.source)],
    [t("Cost"), money(found.cost)],
    [t("First token"), duration(found.first_token_ms)],
    [t("Total"), duration(found.total_ms)],
    [t("Tokens/s"), count(speed(found))],
  ];
  const more = [
    [t("Time"), `${day(found.at)}, ${clock(found.at)}`], [t("Path"), path], ["API", path ? "" : found.api], [t("Asked for"), found.asked], [t("Provider"), found.provider],
    [t("Route"), found.route], [t("Consumer"), found.consumer], [t("Session"), found.session], [t("Cache"), found.cache], [t("Guard"), found.guard],
    [t("Attempts"), found.attempts > 1 ? count(found.attempts) : ""], [t("Of the tokens"), cached.filter(Boolean).join(", ")], [t("Id"), found.id],
  ];
  return [
    h("dl", { class: "figures" }, all.map(([name, value]) => h("div", {}, h("dt", {}, name), h("dd", {}, value)))),
    h("dl", { class: "facts" }, more.filter(([, value]) => value).map(([name, value]) => h("div", {}, h("dt", {}, name), h("dd", {}, value)))),
  ];
}

/** Tokens a second while the answer was produced, without what the gateway took; null if that was too short to tell. */
function speed({ tokens: used, first_token_ms: first, gateway_ms: own, total_ms: total }) {
  const seconds = (total - (first ?? own ?? 0)) / 1000;
  return used?.output > 1 && seconds > 0.05 ? used.output / seconds : null;
}

/** Headers and body. The body is fetched when it is looked at. */
function raw(found, which, signal) {
  const kept = found[which];
  const headers = pairs(kept.headers);
  const body = h("div", {}, h("p", { class: "loading" }, t("Loading…")));
  const columns = [{ title: t("Header"), cell: ([name]) => name }, { title: t("Value"), cell: ([, value]) => value }];
  const content = h(
    "div",
    {},
    headers.length ? table(columns, headers, { caption: t("Headers") }) : null,
    body,
    kept.truncated ? h("p", { class: "note" }, t("Only the beginning is kept: the body is too large.")) : null,
  );
  const load = async () => {
    const text = await getText(`/-/requests/${encodeURIComponent(found.id)}/${which}`, signal).catch((error) => error);
    fill(body, text instanceof Error ? failure(text) : [copyButton(t("Copy"), text, { class: "quiet" }), long(text || t("(empty)"))]);
  };
  setTimeout(() => content.parentElement?.addEventListener("toggle", load, { once: true }));
  return content;
}
