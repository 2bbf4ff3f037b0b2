/** Sends a kept request again, to the same or to another model or route, and shows the answers side by side. */

import { parts } from "./answers.js";
import { again, ask, keyPlace, withKey } from "./asking.js";
import { show } from "./conversation.js";
import { button, failure, field, fill, h, onceAFrame } from "./dom.js";
import { count, duration } from "./format.js";
import { keyInput } from "./key.js";
import { modelInput, routeField } from "./models.js";
import { t } from "./text.js";

/** @param {any} found the details of a request */
export function sendAgain(found, signal) {
  if (!found.request) return null;
  if (found.request.truncated) return h("p", { class: "note" }, t("It cannot be sent again: only the beginning of its body is kept."));
  const model = modelInput(found.asked ?? "", signal);
  const key = keyInput();
  const chosen = { route: null };
  const route = routeField(chosen, t("the same"), signal);
  const answers = h("div", { class: "answers" }, column(t("Answer that was given"), facts(found), original(found)));
  const send = async () => {
    const made = await one(found, { model: model.value === found.asked ? "" : model.value, route: chosen.route }, signal);
    answers.append(made);
    made.scrollIntoView({ block: "nearest", inline: "nearest" });
  };
  return h(
    "div",
    {},
    h("form", { class: "fields", onsubmit: (event) => event.preventDefault() }, field(t("Model"), model), route, field(t("Your key"), key, t("only if this gateway asks for one; kept in this tab")), button(t("Send"), send, { class: "primary" })),
    h("p", { class: "hint" }, t("It is a new request: it may cost something, and counts in limits. Texts that were masked are sent masked.")),
    answers,
  );
}

function column(title, said, ...content) {
  return h("section", { class: "answer-column" }, h("header", {}, h("strong", {}, title), h("span", { class: "faint number" }, said)), content);
}

function facts({ tokens, first_token_ms: first, total_ms: total }) {
  return [first ? duration(first) : "", duration(total), t("{n} tokens", { n: tokens?.output ?? "?" })].filter(Boolean).join(" · ");
}

function original(found) {
  const said = (found.conversation ?? []).filter((part) => part.answer);
  return said.length ? said.map(show) : h("p", { class: "faint" }, found.error || t("(no text)"));
}

async function one(found, wanted, signal) {
  const facts = h("span", { class: "faint number" }, "…");
  const content = h("div", { "aria-live": "polite" });
  const title = [wanted.model || found.asked || t("the same model"), wanted.route ? ` · ${wanted.route.name}` : ""];
  const made = h("section", { class: "answer-column" }, h("header", {}, h("strong", {}, title), facts), content);
  const run = async () => {
    const request = again(found.request, wanted);
    request.headers = withKey({ "content-type": "application/json", ...request.headers }, keyPlace(found.request.headers));
    const draw = onceAFrame((reading) => fill(content, parts(reading).map(show)));
    const done = await ask(request, draw, signal);
    draw.cancel();
    fill(content, parts(done.reading).map(show));
    const { input, output } = done.reading.usage;
    fill(facts, [duration(done.times.first), duration(done.times.total), output === null ? "" : t("{n} tokens", { n: output })].filter(Boolean).join(" · "));
    facts.title = input === null ? "" : `${count(input)} → ${count(output)}`;
    if (done.reading.error) content.append(failure(done.reading.error));
    else if (!content.firstChild) fill(content, h("p", { class: "faint" }, t("(no text)")));
  };
  run().catch((error) => {
    if (error.name !== "AbortError") content.append(failure(error));
    fill(facts);
  });
  return made;
}
