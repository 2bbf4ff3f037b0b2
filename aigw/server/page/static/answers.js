/**
 * What a model answered, read from the events or the body of any of the APIs: chat completions, Messages, Responses,
 * Gemini. Rule: an unknown field is passed over, so that an answer of a newer API shows what is understood of it.
 */

export class Reading {
  text = "";
  reasoning = "";
  /** @type {{id: string, name: string, text: string}[]} */
  calls = [];
  usage = { input: null, output: null };
  model = "";
  error = "";
  images = [];
  #open = new Map();

  /** @param {any} data the JSON of an event, or a whole body */
  take(data) {
    if (!data || typeof data !== "object") return;
    if (Array.isArray(data)) return void data.forEach((each) => this.take(each));
    const error = data.error ?? (data.type === "response.failed" ? data.response?.error : null);
    if (error) this.error = error.message ?? String(error);
    this.model = data.model ?? data.modelVersion ?? data.message?.model ?? data.response?.model ?? this.model;
    this.#count(data.usage ?? data.usageMetadata ?? data.message?.usage ?? data.response?.usage);
    for (const choice of data.choices ?? []) this.#chat(choice.delta ?? choice.message ?? choice);
    for (const candidate of data.candidates ?? []) (candidate.content?.parts ?? []).forEach((part) => this.#gemini(part));
    if (Array.isArray(data.content)) data.content.forEach((block, at) => this.#block(block, `b${at}`));
    if (Array.isArray(data.output)) data.output.forEach((item, at) => this.#item(item, at, true));
    this.#event(data);
  }

  #count(usage) {
    if (!usage) return;
    const cached = (usage.cache_read_input_tokens ?? 0) + (usage.cache_creation_input_tokens ?? 0);
    const input = usage.prompt_tokens ?? usage.promptTokenCount ?? (usage.input_tokens === undefined ? null : usage.input_tokens + cached);
    const output = usage.completion_tokens ?? usage.candidatesTokenCount ?? usage.output_tokens ?? null;
    this.usage = { input: input ?? this.usage.input, output: output ?? this.usage.output };
  }

  #chat(message) {
    if (typeof message.content === "string") this.text += message.content;
    else if (Array.isArray(message.content)) for (const part of message.content) this.text += part.text ?? "";
    else if (typeof message.text === "string") this.text += message.text;
    this.reasoning += message.reasoning_content ?? message.reasoning ?? "";
    for (const image of message.images ?? []) this.images.push(image.image_url?.url ?? "");
    for (const [at, call] of (message.tool_calls ?? []).entries()) {
      this.#call(`c${call.index ?? at}`, call.id, call.function?.name, call.function?.arguments);
    }
  }

  #gemini(part) {
    if (part.thought) this.reasoning += part.text ?? "";
    else if (typeof part.text === "string") this.text += part.text;
    if (part.inlineData) this.images.push(`data:${part.inlineData.mimeType};base64,${part.inlineData.data}`);
    if (part.functionCall) this.#call(`g${this.calls.length}`, part.functionCall.id, part.functionCall.name, JSON.stringify(part.functionCall.args ?? {}));
  }

  /** A content block of Messages. */
  #block(block, key) {
    if (block.type === "text") this.text += block.text ?? "";
    if (block.type === "thinking") this.reasoning += block.thinking ?? "";
    if (block.type === "tool_use") this.#call(key, block.id, block.name, Object.keys(block.input ?? {}).length ? JSON.stringify(block.input) : "");
  }

  /** An output item of Responses. In a stream its text came before. */
  #item(item, key, whole) {
    if (item.type === "function_call") this.#call(`o${key}`, item.call_id, item.name, whole ? item.arguments : "");
    if (!whole) return;
    for (const part of item.content ?? []) this.text += part.text ?? part.refusal ?? "";
    for (const part of item.summary ?? []) this.reasoning += part.text ?? "";
  }

  #event(data) {
    switch (data.type) {
      case "content_block_start":
        return this.#block(data.content_block ?? {}, `b${data.index}`);
      case "content_block_delta":
        this.text += data.delta?.text ?? "";
        this.reasoning += data.delta?.thinking ?? "";
        if (data.delta?.partial_json) this.#call(`b${data.index}`, "", "", data.delta.partial_json);
        return;
      case "response.output_text.delta":
      case "response.refusal.delta":
        this.text += data.delta ?? "";
        return;
      case "response.reasoning_summary_text.delta":
        this.reasoning += data.delta ?? "";
        return;
      case "response.output_item.added":
        return this.#item(data.item ?? {}, data.output_index, false);
      case "response.function_call_arguments.delta":
        return this.#call(`o${data.output_index}`, "", "", data.delta);
    }
  }

  #call(key, id, name, text) {
    let call = this.#open.get(key);
    if (!call) {
      call = { id: "", name: "", text: "" };
      this.#open.set(key, call);
      this.calls.push(call);
    }
    call.id ||= id ?? "";
    call.name ||= name ?? "";
    call.text += text ?? "";
  }
}

/** The parts of an answer, as conversation.js shows them. @param {Reading} reading */
export function parts(reading) {
  const role = "assistant";
  return [
    ...(reading.reasoning ? [{ role, kind: "reasoning", text: reading.reasoning }] : []),
    ...(reading.text ? [{ role, kind: "text", text: reading.text }] : []),
    ...reading.images.map((text) => ({ role, kind: "image", text })),
    ...reading.calls.map((call) => ({ role, kind: "call", ...call })),
  ];
}
