/** A conversation as people read it: who said what, what was thought, which tools were called and what they returned. */

import { h, long } from "./dom.js";
import { t } from "./text.js";

const ROLES = { system: "System", developer: "Developer", user: "User", assistant: "Assistant", model: "Assistant", tool: "Tool" };
/** Only these are shown as pictures, and only where they are in the request itself: nothing is fetched. */
const PICTURE = /^data:image\/(png|jpeg|gif|webp);base64,[a-z0-9+/=\s]+$/i;

/** @param {{role: string, kind: string, text?: string, name?: string, id?: string, answer?: boolean}[]} parts */
export function conversation(parts) {
  const turns = [];
  for (const part of named(parts)) {
    const last = turns.at(-1);
    if (last && last.role === part.role && Boolean(last.answer) === Boolean(part.answer)) last.parts.push(part);
    else turns.push({ role: part.role, answer: part.answer, parts: [part] });
  }
  return h("ol", { class: "conversation" }, turns.map(turn));
}

/** A result has the name of its call, where it has none of its own. */
export function named(parts) {
  const calls = new Map(parts.filter((each) => each.kind === "call" && each.id).map((each) => [each.id, each.name]));
  return parts.map((each) => (each.kind === "result" && !each.name ? { ...each, name: calls.get(each.id) ?? "" } : each));
}

function turn({ role, answer, parts }) {
  return h(
    "li",
    { class: `turn ${role in ROLES ? role : "other"}${answer ? " answer" : ""}` },
    h("div", { class: "role" }, role in ROLES ? t(ROLES[role]) : role || "?", answer ? h("span", { class: "tag" }, t("answer")) : null),
    parts.map(show),
  );
}

/** One part of a turn. */
export function show(part) {
  const { kind, text = "", name = "", id = "" } = part;
  if (kind === "reasoning") return h("details", { class: "reasoning" }, h("summary", {}, t("Reasoning"), " ", h("span", { class: "faint" }, t("{n} characters", { n: text.length }))), long(text));
  if (kind === "image") return picture(text);
  if (kind === "call") return h("div", { class: "call" }, label(t("calls"), name, id), long(pretty(text)));
  if (kind === "result") return h("div", { class: "call result" }, label(t("returns"), name, id), long(pretty(text)));
  return long(text, { class: "said" });
}

function label(verb, name, id) {
  return h("div", { class: "call-name" }, h("span", { class: "faint" }, verb), " ", h("code", {}, name || "?"), id ? h("span", { class: "faint call-id" }, id) : null);
}

function picture(source) {
  if (PICTURE.test(source)) return h("img", { class: "picture", src: source.replace(/\s+/g, ""), alt: t("Image of the conversation") });
  const shown = source.startsWith("data:") ? source.slice(0, 60) : source.slice(0, 300);
  return h("p", { class: "why" }, t("Image, not fetched:"), " ", h("code", {}, shown || "?"));
}

/** JSON with line breaks; what is no JSON as it is. */
export function pretty(text) {
  if (!/^\s*[[{]/.test(text)) return text;
  try {
    return JSON.stringify(JSON.parse(text), null, 2);
  } catch {
    return text;
  }
}

/** Passages with their sources and scores, the best first. */
export function passages(found) {
  const best = Math.max(...found.map((each) => each.score ?? 0), 0.0001);
  return h("ol", { class: "passages" }, found.map((each) => passage(each, best)));
}

function passage({ id, source, title, page, lines, score, text }, best) {
  const place = [title, page ? t("page {n}", { n: page }) : "", lines ? t("lines {from}–{to}", { from: String(lines[0]), to: String(lines[1]) }) : ""];
  return h(
    "li",
    {},
    h(
      "div",
      { class: "passage-head" },
      h("strong", {}, source || id || "?"),
      h("span", { class: "faint" }, place.filter(Boolean).join(" · ")),
      h("span", { class: "grow" }),
      h("span", { class: "score", "aria-hidden": "true" }, h("span", { css: { width: `${Math.max(0, (100 * (score ?? 0)) / best).toFixed(1)}%` } })),
      h("span", { class: "number" }, typeof score === "number" ? score.toFixed(3) : "–"),
    ),
    text ? long(text, { class: "said" }) : null,
  );
}
