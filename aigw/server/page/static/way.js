/** The way of a request: a box for each plugin and upstream, with its time, its changes, and whether it answered itself. */

import { lines, words } from "./diff.js";
import { h, long } from "./dom.js";
import { bytes, duration } from "./format.js";
import { t } from "./text.js";

/** @param {any} trace a TraceRecord @param {any} summary */
export function way(trace, summary) {
  const steps = trace.steps ?? [];
  return h(
    "div",
    {},
    h("ol", { class: "way" }, begin(trace), steps.map((step) => box(step, summary)), end(summary)),
    trace.left_out ? h("p", { class: "note" }, t("{n} more steps are not kept.", { n: trace.left_out })) : null,
    trace.absent?.length ? h("p", { class: "note" }, t("Not on this route:"), " ", trace.absent.join(", ")) : null,
    trace.cut ? h("p", { class: "note" }, t("Details were left out, because they are too large.")) : null,
  );
}

function begin(trace) {
  const size = typeof trace.body_bytes === "number" ? bytes(trace.body_bytes) : t("an upload that is passed on");
  return h("li", { class: "end" }, h("span", { class: "step-name" }, t("Client")), h("span", { class: "faint" }, `${trace.method ?? ""} ${trace.path ?? ""} · ${size}`));
}

function end(summary) {
  const outcomes = { complete: t("complete"), aborted: t("the client left"), failed: t("broke off") };
  return h("li", { class: "end" }, h("span", { class: "step-name" }, t("Answer")), h("span", { class: "faint" }, `${summary.status ?? "?"} · ${outcomes[summary.outcome] ?? ""}`));
}

function box(step, summary) {
  const upstream = step.kind === "upstream";
  const times = upstream || step.status ? duration(step.in_ms ?? 0) : `${duration(step.in_ms ?? 0)} · ${duration(step.out_ms ?? 0)}`;
  const title = upstream || step.status ? "" : t("its own time before it passed the request on, and after the answer was back");
  const changes = changed(step.changed ?? {});
  return h(
    "li",
    { class: `${step.kind}${!upstream && step.status ? " itself" : ""}${step.error ? " raised" : ""}` },
    h(
      "div",
      { class: "step" },
      h("span", { class: "step-name" }, step.name || t("Provider"), step.again ? ` (${t("again")} ${step.again})` : ""),
      verdict(step, summary),
      h("span", { class: "grow" }),
      h("span", { class: "faint place" }, placeOf(step)),
      h("span", { class: "number faint", title }, times),
    ),
    why(step, summary),
    changes.length ? changeList(changes, step.changed.more) : null,
  );
}

/** What it did, in one or two words. */
function verdict(step, summary) {
  if (step.kind === "upstream") return h("span", { class: `tag ${step.status >= 400 || !step.status ? "error" : ""}` }, step.status ? String(step.status) : t("no answer"));
  const tags = [];
  if (step.status) tags.push(h("span", { class: "tag itself" }, answeredAs(step, summary)));
  if (changed(step.changed ?? {}).length) tags.push(h("span", { class: "tag" }, t("changed the request")));
  const reply = step.reply ?? {};
  if (reply.replaced || reply.rewritten || reply.status) tags.push(h("span", { class: "tag" }, reply.replaced ? t("replaced the answer") : t("reads or rewrites the answer")));
  return h("span", { class: "tags" }, tags);
}

function answeredAs(step, summary) {
  if (step.status < 400 && summary.cache === "hit") return t("answered from the cache");
  if (summary.guard === "denied") return t("blocked ({status})", { status: String(step.status) });
  if (step.status >= 400) return t("refused ({status})", { status: String(step.status) });
  return t("answered itself ({status})", { status: String(step.status) });
}

function why(step, summary) {
  const said = [];
  if (step.kind === "upstream" && step.origin) said.push(step.origin);
  const remark = isPlugin(step) && summary.remarks?.[step.name];
  if (remark) said.push(remark);
  if (step.error) said.push(step.error);
  else if (step.status && isPlugin(step) && summary.error && !remark) said.push(summary.error);
  return said.length ? h("p", { class: step.error ? "failure" : "why" }, said.join(" · ")) : null;
}

/** Which of its configurations a plugin followed. */
function placeOf(step) {
  const { config = "", index } = isPlugin(step) ? (step.why ?? {}) : {};
  return config === "rule" ? `_rules_[${index}]` : config ? t(config) : "";
}

const isPlugin = (step) => step.kind !== "upstream";

/** The changes of a request, as `{sign, name, old, new}`. */
export function changed(changes) {
  const found = [];
  for (const name of ["method", "path", "query"]) {
    if (changes[name]) found.push(change(name, ...changes[name]));
  }
  for (const each of changes.headers ?? []) found.push(change(each.name, each.old ?? null, each.new ?? null));
  for (const { op, path, old = "", new: fresh = "" } of changes.body ?? []) {
    found.push(change(path || t("body"), op === "add" ? null : old, op === "remove" ? null : fresh));
  }
  if (changes.sizes) found.push(change(t("body"), ...changes.sizes.map((size) => t("{n} bytes", { n: size }))));
  return found;
}

function change(name, old, fresh) {
  return { sign: old === null ? "+" : fresh === null ? "−" : "~", name, old, new: fresh };
}

/** What differs: lists of changes, also of a recording's miss. */
export function changeList(changes, more = false) {
  const body = h("ul", { class: "changes" }, changes.map(line));
  if (more) body.append(h("li", { class: "faint" }, t("… and more changes")));
  if (changes.length <= 4) return body;
  return h("details", {}, h("summary", {}, t("{n} changes", { n: changes.length })), body);
}

const SIGNS = { "+": "added", "−": "removed", "~": "changed" };

function line({ sign, name, old, new: fresh }) {
  return h(
    "li",
    {},
    h("span", { class: `sign s-${SIGNS[sign]}`, title: t(SIGNS[sign]) }, sign),
    h("div", {}, h("code", {}, name), h("div", { class: "difference" }, difference(readable(old), readable(fresh)))),
  );
}

/** A JSON text is shown as the text that it means. */
function readable(value) {
  if (value === null || !/^"/.test(value)) return value;
  try {
    return String(JSON.parse(value));
  } catch {
    return value;
  }
}

/** Two texts with what differs marked; a new or a lost one whole. */
export function difference(old, fresh) {
  if (old === null || fresh === null) return h(old === null ? "ins" : "del", {}, long(old ?? fresh));
  if (old === fresh) return h("pre", { tabindex: 0 }, old, h("span", { class: "faint" }, ` ${t("(another one, which is not shown)")}`));
  const both = [h("del", {}, long(old)), h("ins", {}, long(fresh))];
  const size = Math.max(old.length, fresh.length);
  if (size < 3000) {
    const parts = words(old, fresh);
    return alike(parts, Math.min(old.length, fresh.length)) ? h("pre", { tabindex: 0 }, marked(parts)) : both;
  }
  if (size > 200_000) return both;
  return h("pre", { tabindex: 0 }, marked(around(lines(old, fresh).map((each) => ({ ...each, text: `${each.text}\n` })))));
}

/** Whether so much is equal that a reader sees one text with changes in it, and not two. */
function alike(parts, size) {
  const same = parts.filter((each) => each.kind === "same").reduce((sum, each) => sum + each.text.length, 0);
  return same > 0.5 * size;
}

/** Of lines that are the same, three before and after a change. */
function around(parts) {
  const near = parts.map((_, at) => parts.slice(Math.max(0, at - 3), at + 4).some((each) => each.kind !== "same"));
  const shown = [];
  let left = 0;
  parts.forEach((part, at) => {
    if (near[at]) {
      if (left) shown.push({ kind: "gap", text: `${t("… {n} equal lines", { n: left })}\n` });
      left = 0;
      shown.push(part);
    } else left += 1;
  });
  return left ? [...shown, { kind: "gap", text: t("… {n} equal lines", { n: left }) }] : shown;
}

function marked(parts) {
  const tags = { same: "span", old: "del", new: "ins", gap: "span" };
  return parts.map(({ kind, text }) => h(tags[kind], kind === "gap" ? { class: "faint" } : {}, text));
}
