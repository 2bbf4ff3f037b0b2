/** What a template, a collection or the guard does with a text. Nothing of it leaves the gateway or changes anything. */

import { get, post } from "./api.js";
import { conversation, passages } from "./conversation.js";
import { button, command, empty, failure, field, fill, h, long, select, table } from "./dom.js";
import { t } from "./text.js";

/** A form, and below it what came of it. @param {() => Promise<Node>} run */
function trial(fields, label, run) {
  const shown = h("div", { class: "outcome", "aria-live": "polite" });
  const go = button(label, async () => {
    try {
      fill(shown, await run());
    } catch (error) {
      fill(shown, failure(error));
    }
  }, { class: "primary" });
  const form = h("form", { class: "trial", onsubmit: (event) => (event.preventDefault(), go.click()) }, fields, h("div", {}, go));
  return h("div", { class: "narrow" }, form, shown);
}

/** Loads what a trial needs, and then shows it. */
function loading(path, signal, make) {
  const host = h("div", {}, h("p", { class: "loading" }, t("Loading…")));
  get(path, signal).then((found) => fill(host, make(found))).catch((error) => error.name !== "AbortError" && fill(host, failure(error)));
  return host;
}

export function templateTrial(signal) {
  return loading("/-/templates", signal, (templates) => {
    if (!templates.length) return empty(t("There is no template"), t("ai-prompt-template has them; a recipe shows how:"), command("aigw serve --recipe ai-prompt-template"));
    const host = h("div", {});
    const label = (each) => (each.route ? `${each.name} (${each.route})` : each.name);
    const choice = select(templates.map((each, at) => [String(at), label(each)]), "0", (at) => fill(host, fieldsOf(templates[Number(at)])));
    fill(host, fieldsOf(templates[0]));
    return h("div", { class: "stack narrow" }, field(t("Template"), choice), host);
  });
}

function fieldsOf(template) {
  const inputs = (template.fields ?? []).map((each) => {
    const name = typeof each === "string" ? each : each.name;
    return { name, input: h("textarea", { rows: 1, value: each.default ?? "" }) };
  });
  const run = async () => {
    const values = Object.fromEntries(inputs.map(({ name, input }) => [name, input.value]));
    const { messages } = await post("/-/try/template", { route: template.route, name: template.name, values });
    return conversation(messages.map((each) => ({ role: each.role, kind: "text", text: typeof each.content === "string" ? each.content : JSON.stringify(each.content, null, 2) })));
  };
  const text = typeof template.template === "string" ? template.template : JSON.stringify(template.template, null, 2);
  return h("div", { class: "stack" }, trial(inputs.map(({ name, input }) => field(name, input)), t("Fill in"), run), h("details", { class: "section" }, h("summary", {}, h("h3", {}, t("As it is written"))), long(text)));
}

export function searchTrial(signal) {
  return loading("/-/collections", signal, (collections) => {
    if (!collections.length) return noCollection();
    const choice = select(collections.map((each) => each.collection), collections[0].collection);
    const question = h("input", { type: "text" });
    const most = h("input", { type: "number", min: 1, max: 50, value: 5 });
    const run = async () => {
      const found = (await post("/-/try/search", { collection: choice.value, question: question.value, limit: Number(most.value) || 5 })).passages;
      return found.length ? passages(found) : h("p", { class: "faint" }, t("Nothing was found."));
    };
    return trial([field(t("Collection"), choice), field(t("Question"), question), field(t("Most passages"), most)], t("Search"), run);
  });
}

/** What is shown where nothing has been ingested. */
export function noCollection() {
  return empty(t("No collection yet"), t("Documents become searchable by:"), command("aigw rag ingest docs/"));
}

export function guardTrial() {
  const text = h("textarea", { rows: 6 });
  return trial([field(t("Text"), text, t("as a user would send it"))], t("Check"), async () => verdict(await post("/-/try/guard", { text: text.value }), text.value));
}

const VERDICTS = { pass: ["good", "It passes."], mask: ["warm", "It is masked."], deny: ["bad", "It is refused."] };

function verdict({ verdict: said, findings = [], note = "", masked = "" }, text) {
  const [kind, label] = VERDICTS[said] ?? ["", ""];
  const columns = [
    { title: t("What"), cell: (each) => each.label },
    { title: t("Level"), cell: (each) => each.level ?? "–" },
    { title: t("Action"), cell: (each) => each.action ?? "–" },
    { title: t("Text"), cell: (each) => h("code", {}, each.text ?? "") },
  ];
  return h(
    "div",
    {},
    h("p", {}, h("span", { class: `badge ${kind}` }, h("i", { class: "dot", "aria-hidden": "true" }), label ? t(label) : said)),
    note ? h("p", { class: "note" }, note) : null,
    said === "mask" && masked ? [h("h3", {}, t("What is passed on")), long(masked)] : null,
    findings.length ? [h("h3", {}, t("Findings")), marked(text, findings), table(columns, findings, { caption: t("Findings") })] : h("p", { class: "faint" }, t("Nothing was found.")),
  );
}

/** The text with what was found in it marked. Places are counted in characters, not in UTF-16 units. */
export function marked(text, findings) {
  const letters = [...text];
  const pieces = [];
  let at = 0;
  for (const { start, end, label } of [...findings].sort((a, b) => a.start - b.start)) {
    if (!(start >= at && end > start)) continue;
    pieces.push(letters.slice(at, start).join(""), h("mark", { title: label }, letters.slice(start, end).join("")));
    at = end;
  }
  return h("pre", { tabindex: 0 }, pieces, letters.slice(at).join(""));
}
