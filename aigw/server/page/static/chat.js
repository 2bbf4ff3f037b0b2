/** A conversation with a model, by the gateway's own API. Rule: what was said is sent whole each time, and kept only here. */

import { parts } from "./answers.js";
import { ask, towards, withKey } from "./asking.js";
import { conversation } from "./conversation.js";
import { button, empty, failure, field, fill, h, onceAFrame } from "./dom.js";
import { count, duration } from "./format.js";
import { keyInput } from "./key.js";
import { modelInput, routeField } from "./models.js";
import { t } from "./text.js";

const PATH = "/v1/chat/completions";
const MOST_IMAGE = 10_000_000;

export class Chat {
  /** As the API has them, and as they are shown. */
  #messages = [];
  #shown = [];
  #pictures = [];
  #running = null;
  #route = { route: null };

  constructor(signal) {
    this.signal = signal;
    signal.addEventListener("abort", () => this.#running?.abort());
    this.settings = this.#settings();
    this.past = h("div", {}, hello());
    this.answer = h("div", { class: "coming" });
    this.said = h("div", { class: "talk", role: "log", "aria-label": t("Conversation"), tabindex: 0 }, this.past, this.answer);
    this.status = h("p", { class: "status number", role: "status" });
    this.thumbs = h("div", { class: "pictures" });
    this.text = h("textarea", {
      rows: 3, "aria-label": t("Message"), placeholder: t("Message (Enter sends, Shift+Enter begins a line)"), onkeydown: (event) => this.#key(event),
    });
    this.go = h("button", { class: "primary", type: "button", onclick: () => this.#send() }, t("Send"));
    const row = h("div", { class: "row" }, this.#attach(), this.status, h("span", { class: "grow" }), this.go);
    const talking = h("div", { class: "talking" }, this.said, this.thumbs, h("div", { class: "compose" }, this.text, row));
    this.element = h("div", { class: "chat" }, this.settings, talking);
    this.draw = onceAFrame((reading) => this.#draw(reading));
  }

  #settings() {
    this.model = modelInput("", this.signal);
    this.system = h("textarea", { rows: 2 });
    this.tools = h("textarea", { rows: 3, spellcheck: "false", placeholder: '[{"type":"function","function":{"name":"weather"}}]' });
    this.heat = h("input", { type: "number", min: 0, max: 2, step: 0.1 });
    this.most = h("input", { type: "number", min: 1, step: 1 });
    this.key = keyInput();
    const more = [
      field(t("Temperature"), this.heat), field(t("Most tokens"), this.most), field(t("Tools (JSON)"), this.tools),
      field(t("Your key"), this.key, t("only if this gateway asks for one; kept in this tab")),
    ];
    const route = routeField(this.#route, t("by the path {path}", { path: PATH }), this.signal);
    return h(
      "aside",
      { class: "settings", "aria-label": t("Settings") },
      field(t("Model"), this.model), route, field(t("System"), this.system),
      (this.more = h("details", {}, h("summary", {}, t("More")), more)),
      button(t("New conversation"), () => this.#clear()),
    );
  }

  #attach() {
    const file = h("input", { type: "file", accept: "image/png,image/jpeg,image/gif,image/webp", multiple: true, class: "unseen" });
    file.addEventListener("change", () => {
      this.#take([...file.files]).catch((error) => this.#fail(error));
      file.value = "";
    });
    return h("label", { class: "attach" }, file, h("span", {}, t("Add an image")));
  }

  async #take(files) {
    for (const file of files) {
      if (file.size > MOST_IMAGE) throw new Error(t("An image may have 10 MB at most."));
      this.#add({ url: await dataUrl(file), name: file.name });
    }
  }

  #add(picture) {
    this.#pictures.push(picture);
    this.thumbs.append(h("img", { src: picture.url, alt: picture.name, class: "thumb" }));
  }

  #key(event) {
    if (event.key !== "Enter" || event.shiftKey || event.isComposing) return;
    event.preventDefault();
    this.#send();
  }

  /** Sends what was typed; while an answer comes, it stops it. */
  async #send() {
    if (this.#running) return this.#running.abort();
    const text = this.text.value;
    if (!text.trim() && !this.#pictures.length) return this.text.focus();
    this.#say(text);
    this.#running = new AbortController();
    fill(this.go, t("Stop"));
    this.said.setAttribute("aria-busy", "true");
    const refused = await this.#turn(text);
    this.#running = null;
    fill(this.go, t("Send"));
    this.said.removeAttribute("aria-busy");
    if (refused) this.more.open = true;
    (refused ? this.key : this.text).focus();
  }

  #say(text) {
    this.sent = this.#pictures.splice(0);
    const pictures = this.sent.map((each) => each.url);
    this.asked = this.#shown.length;
    const content = pictures.length ? [...(text ? [{ type: "text", text }] : []), ...pictures.map((url) => ({ type: "image_url", image_url: { url } }))] : text;
    this.#messages.push({ role: "user", content });
    this.#shown.push(...(text ? [{ role: "user", kind: "text", text }] : []), ...pictures.map((url) => ({ role: "user", kind: "image", text: url })));
    this.text.value = "";
    fill(this.thumbs);
    this.#drawPast();
  }

  /** Returns true if the gateway wants a key, or another one. */
  async #turn(text) {
    let last = null;
    let refused = false;
    const messages = this.#messages;
    fill(this.status, "…");
    try {
      const done = await ask(this.#request(), (reading) => this.draw((last = reading)), this.#running.signal);
      fill(this.status, told(done));
      if (done.reading.error) throw new Error(done.reading.error);
    } catch (error) {
      fill(this.status, error.name === "AbortError" ? t("Stopped.") : error.id ? howItWent(error.id) : "");
      if (error.name !== "AbortError") this.#fail(error);
      refused = error.status === 401;
    }
    if (messages !== this.#messages) return false; // a new conversation was begun
    if (last) this.#keep(last);
    else this.#takeBack(text);
    return refused;
  }

  #request() {
    const { route } = this.#route;
    const headers = withKey({ "content-type": "application/json", ...route?.match?.headers });
    return { path: towards(PATH, route), headers, body: JSON.stringify(this.#body()) };
  }

  #body() {
    const system = this.system.value.trim() ? [{ role: "system", content: this.system.value }] : [];
    return {
      model: this.model.value,
      messages: [...system, ...this.#messages],
      stream: true,
      stream_options: { include_usage: true },
      ...(this.tools.value.trim() ? { tools: this.#toolsAsked() } : {}),
      ...(this.heat.value ? { temperature: Number(this.heat.value) } : {}),
      ...(this.most.value ? { max_tokens: Number(this.most.value) } : {}),
    };
  }

  #toolsAsked() {
    try {
      return JSON.parse(this.tools.value);
    } catch (error) {
      throw new Error(`${t("Tools (JSON)")}: ${error.message}`);
    }
  }

  /** Tools are not run here, so that calls become text for the next turn. */
  #keep(reading) {
    const calls = reading.calls.map((call) => `${call.name}(${call.text})`);
    this.#messages.push({ role: "assistant", content: [reading.text, ...calls].filter(Boolean).join("\n") || " " });
    this.#shown.push(...parts(reading));
    const failed = this.answer.querySelector(".failure");
    this.#drawPast();
    if (failed) this.answer.append(failed);
  }

  /** A question that nobody answered may be sent again. */
  #takeBack(text) {
    this.#messages.pop();
    this.#shown.length = this.asked;
    this.text.value ||= text;
    this.sent.forEach((each) => this.#add(each));
  }

  #drawPast() {
    this.draw.cancel();
    fill(this.past, conversation(this.#shown));
    fill(this.answer);
    this.said.scrollTop = this.said.scrollHeight;
  }

  #draw(reading) {
    fill(this.answer, conversation(parts(reading)));
    this.said.scrollTop = this.said.scrollHeight;
  }

  #fail(error) {
    this.draw.cancel();
    this.answer.append(failure(error));
    this.said.scrollTop = this.said.scrollHeight;
  }

  #clear() {
    this.#running?.abort();
    this.#messages = [];
    this.#shown = [];
    fill(this.past, hello());
    fill(this.answer);
    fill(this.status);
  }
}

function hello() {
  return empty(t("Say something"), t("It takes the gateway's own API, so that all plugins, limits and the books see it."));
}

function told({ reading, times, id }) {
  const { input, output } = reading.usage;
  const seconds = (times.total - (times.first ?? 0)) / 1000;
  const facts = [
    reading.model, input === null ? "" : t("{n} tokens in", { n: input }), output === null ? "" : t("{n} out", { n: output }),
    times.first === null ? "" : t("first after {value}", { value: duration(times.first) }), duration(times.total),
    output > 1 && seconds > 0.05 ? t("{n} tokens/s", { n: count(Math.round(output / seconds)) }) : "",
  ];
  return [facts.filter(Boolean).join(" · "), id ? [" · ", howItWent(id)] : null];
}

function howItWent(id) {
  return h("a", { href: `#/requests/${encodeURIComponent(id)}` }, t("how it went"));
}

function dataUrl(file) {
  return new Promise((resolve, reject) => {
    const reader = new FileReader();
    reader.onload = () => resolve(reader.result);
    reader.onerror = () => reject(reader.error);
    reader.readAsDataURL(file);
  });
}
