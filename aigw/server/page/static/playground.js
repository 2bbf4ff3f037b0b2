/** The view "Playground": a chat with any model, and what templates, collections and the guard would do with a text. */

import { parts } from "./answers.js";
import { ask, towards, withKey } from "./asking.js";
import { conversation } from "./conversation.js";
import { button, empty, failure, field, fill, h } from "./dom.js";
import { count, duration } from "./format.js";
import { keyInput } from "./key.js";
import { modelInput, routeField } from "./models.js";
import { t } from "./text.js";
import { guardTrial, searchTrial, templateTrial } from "./tries.js";

const TABS = { chat: "Chat", template: "Template", search: "Retrieval", guard: "Guard" };
const CHAT = "/v1/chat/completions";
const MOST_IMAGE = 10_000_000;

export class PlaygroundView {
  constructor(host, signal) {
    this.signal = signal;
    this.tabs = h("nav", { class: "segments", "aria-label": t("Playground") });
    this.content = h("div", { class: "body" });
    host.append(h("div", { class: "page" }, h("header", { class: "bar" }, h("h1", { tabindex: -1 }, t("Playground")), h("span", { class: "grow" }), this.tabs), this.content));
  }

  go([tab = "chat"]) {
    this.tab = tab in TABS ? tab : "chat";
    fill(this.tabs, Object.entries(TABS).map(([name, label]) => h("a", { href: `#/playground/${name}`, "aria-current": name === this.tab ? "true" : null }, t(label))));
    const make = { chat, template: templateTrial, search: searchTrial, guard: guardTrial }[this.tab];
    fill(this.content, make(this.signal));
  }
}

/** A conversation with a model. What was said is kept as the API has it, and sent whole each time. */
function chat(signal) {
  const messages = [];
  const pictures = [];
  const model = modelInput("", signal);
  const chosen = { route: null };
  const system = h("textarea", { rows: 2 });
  const tools = h("textarea", { rows: 3, spellcheck: "false", placeholder: '[{"type":"function","function":{"name":"weather"}}]' });
  const heat = h("input", { type: "number", min: 0, max: 2, step: 0.1 });
  const most = h("input", { type: "number", min: 1, step: 1 });
  const said = h("div", { class: "talk", role: "log", "aria-label": t("Conversation") }, hello());
  const status = h("p", { class: "status number", role: "status" });
  const text = h("textarea", { rows: 3, "aria-label": t("Message"), placeholder: t("Message (Enter sends, Shift+Enter begins a line)") });
  const shownPictures = h("div", { class: "pictures" });
  let running = null;

  const redraw = (answer = []) => {
    fill(said, conversation([...messages.flatMap(plainParts), ...answer]));
    said.scrollTop = said.scrollHeight;
  };
  const send = async () => {
    if (running) return running.abort();
    if (!text.value.trim() && !pictures.length) return text.focus();
    messages.push({ role: "user", content: content(text.value, pictures) });
    text.value = "";
    pictures.length = 0;
    fill(shownPictures);
    running = new AbortController();
    signal.addEventListener("abort", () => running?.abort());
    fill(go, t("Stop"));
    redraw();
    await turn().finally(() => {
      running = null;
      fill(go, t("Send"));
      text.focus();
    });
  };
  const turn = async () => {
    let last = null;
    fill(status, "…");
    try {
      const request = { path: towards(CHAT, chosen.route), headers: withKey({ "content-type": "application/json", ...chosen.route?.match?.headers }), body: JSON.stringify(body()) };
      const done = await ask(request, (reading) => ((last = reading), redraw(parts(reading))), running.signal);
      fill(status, told(done));
      if (done.reading.error) said.append(failure(done.reading.error));
    } catch (error) {
      fill(status, error.name === "AbortError" ? t("Stopped.") : "");
      if (error.name !== "AbortError") said.append(failure(error));
    }
    if (last) messages.push(asMessage(last));
    else if (messages.at(-1)?.role === "user") text.value ||= plainText(messages.pop());
  };
  const body = () => ({
    model: model.value,
    messages: [...(system.value.trim() ? [{ role: "system", content: system.value }] : []), ...messages],
    stream: true,
    stream_options: { include_usage: true },
    ...(tools.value.trim() ? { tools: JSON.parse(tools.value) } : {}),
    ...(heat.value ? { temperature: Number(heat.value) } : {}),
    ...(most.value ? { max_tokens: Number(most.value) } : {}),
  });
  const go = h("button", { class: "primary", type: "button", onclick: () => send() }, t("Send"));
  text.addEventListener("keydown", (event) => {
    if (event.key !== "Enter" || event.shiftKey || event.isComposing) return;
    event.preventDefault();
    send();
  });
  const file = h("input", { type: "file", accept: "image/png,image/jpeg,image/gif,image/webp", multiple: true, class: "unseen", onchange: () => take(file.files).catch((error) => said.append(failure(error))) });
  const take = async (files) => {
    for (const each of files) {
      if (each.size > MOST_IMAGE) throw new Error(t("An image may have 10 MB at most."));
      const url = await dataUrl(each);
      pictures.push(url);
      shownPictures.append(h("img", { src: url, alt: each.name, class: "thumb" }));
    }
    file.value = "";
  };
  const clear = button(t("New conversation"), () => {
    messages.length = 0;
    fill(said, hello());
    fill(status);
  });
  const side = h("aside", { class: "settings", "aria-label": t("Settings") },
    field(t("Model"), model), routeField(chosen, t("by the path {path}", { path: CHAT }), signal), field(t("System"), system),
    h("details", {}, h("summary", {}, t("More")), field(t("Temperature"), heat), field(t("Most tokens"), most), field(t("Tools (JSON)"), tools), field(t("Your key"), keyInput(), t("only if this gateway asks for one; kept in this tab"))),
    clear);
  const attach = h("label", { class: "attach" }, file, h("span", {}, t("Add an image")));
  return h("div", { class: "chat" }, side, h("div", { class: "talking" }, said, shownPictures, h("div", { class: "compose" }, text, h("div", { class: "row" }, attach, status, h("span", { class: "grow" }), go))));
}

function hello() {
  return empty(t("Say something"), t("It takes the gateway's own API, so that all plugins, limits and the books see it."));
}

function content(text, pictures) {
  if (!pictures.length) return text;
  return [...(text ? [{ type: "text", text }] : []), ...pictures.map((url) => ({ type: "image_url", image_url: { url } }))];
}

/** What is shown of a message of the API. */
function plainParts({ role, content: said, tool_calls: calls = [], reasoning = "" }) {
  const list = typeof said === "string" ? [{ type: "text", text: said }] : (said ?? []);
  return [
    ...(reasoning ? [{ role, kind: "reasoning", text: reasoning }] : []),
    ...list.filter((part) => part.image_url || part.text).map((part) => (part.image_url ? { role, kind: "image", text: part.image_url.url } : { role, kind: "text", text: part.text })),
    ...calls.map((call) => ({ role, kind: "call", id: call.id, name: call.function.name, text: call.function.arguments })),
    ...calls.map((call) => ({ role: "tool", kind: "text", text: t("{name} is not run here.", { name: call.function.name }) })),
  ];
}

function plainText({ content: said }) {
  return typeof said === "string" ? said : (said.find((part) => part.text)?.text ?? "");
}

/** An answer as a message for the next turn. Tools are not run here, so that calls become text. */
function asMessage(reading) {
  const calls = reading.calls.map((call) => `${call.name}(${call.text})`).join("\n");
  return { role: "assistant", content: [reading.text, calls].filter(Boolean).join("\n") || " " };
}

function told({ reading, times, id }) {
  const { input, output } = reading.usage;
  const seconds = (times.total - (times.first ?? 0)) / 1000;
  const facts = [
    reading.model, input === null ? "" : t("{n} tokens in", { n: input }), output === null ? "" : t("{n} out", { n: output }),
    times.first === null ? "" : t("first after {value}", { value: duration(times.first) }), duration(times.total),
    output > 1 && seconds > 0.01 ? `${count(Math.round(output / seconds))} tokens/s` : "",
  ];
  return [facts.filter(Boolean).join(" · "), id ? [" · ", h("a", { href: `#/requests/${encodeURIComponent(id)}` }, t("how it went"))] : null];
}

function dataUrl(file) {
  return new Promise((resolve, reject) => {
    const reader = new FileReader();
    reader.onload = () => resolve(reader.result);
    reader.onerror = () => reject(reader.error);
    reader.readAsDataURL(file);
  });
}
