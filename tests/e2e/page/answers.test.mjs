/** Answers of every API, streamed and whole; and a kept request that is sent again. */

import assert from "node:assert/strict";
import test from "node:test";

const { parts, Reading } = await import(`${process.env.PAGE}/answers.js`);
const { told } = await import(`${process.env.PAGE}/api.js`);
const { again, keyPlace } = await import(`${process.env.PAGE}/asking.js`);
const { named } = await import(`${process.env.PAGE}/conversation.js`);

const read = (...data) => {
  const reading = new Reading();
  data.forEach((each) => reading.take(each));
  return reading;
};
const said = (...data) => {
  const { text, reasoning, calls, usage, error } = read(...data);
  return [text, reasoning, calls.map(({ id, name, text: given }) => `${id} ${name}(${given})`).join(), usage.input, usage.output, error];
};

test("chat completions", () => {
  const call = (more) => ({ choices: [{ delta: { tool_calls: [{ index: 0, ...more }] } }] });
  assert.deepEqual(
    said(
      { choices: [{ delta: { reasoning_content: "hm" } }] }, { choices: [{ delta: { content: "a" } }] }, { choices: [{ delta: { content: "b" } }] },
      call({ id: "c1", function: { name: "f", arguments: "{" } }), call({ function: { arguments: "}" } }), { choices: [], usage: { prompt_tokens: 3, completion_tokens: 2 } },
    ),
    ["ab", "hm", "c1 f({})", 3, 2, ""],
  );
  const message = { content: "ab", tool_calls: [{ id: "c1", function: { name: "f", arguments: "{}" } }] };
  assert.deepEqual(said({ choices: [{ message }], usage: { prompt_tokens: 3, completion_tokens: 2 } }), ["ab", "", "c1 f({})", 3, 2, ""]);
});

test("Messages", () => {
  assert.deepEqual(
    said(
      { type: "message_start", message: { model: "claude", content: [], usage: { input_tokens: 3, cache_read_input_tokens: 4, output_tokens: 1 } } },
      { type: "content_block_start", index: 0, content_block: { type: "text", text: "" } },
      { type: "content_block_delta", index: 0, delta: { type: "text_delta", text: "ab" } },
      { type: "content_block_start", index: 1, content_block: { type: "tool_use", id: "t1", name: "f", input: {} } },
      { type: "content_block_delta", index: 1, delta: { type: "input_json_delta", partial_json: "{}" } },
      { type: "message_delta", delta: {}, usage: { output_tokens: 9 } },
    ),
    ["ab", "", "t1 f({})", 7, 9, ""],
  );
  const content = [{ type: "thinking", thinking: "hm" }, { type: "text", text: "ab" }, { type: "tool_use", id: "t1", name: "f", input: { a: 1 } }];
  assert.deepEqual(said({ type: "message", content, usage: { input_tokens: 3, output_tokens: 9 } }), ["ab", "hm", 't1 f({"a":1})', 3, 9, ""]);
});

test("Responses", () => {
  const item = { type: "function_call", call_id: "c1", name: "f", arguments: "{}" };
  assert.deepEqual(
    said(
      { type: "response.output_text.delta", delta: "ab", output_index: 0 }, { type: "response.output_item.added", output_index: 1, item: { ...item, arguments: "" } },
      { type: "response.function_call_arguments.delta", output_index: 1, delta: "{}" }, { type: "response.completed", response: { output: [], usage: { input_tokens: 3, output_tokens: 2 } } },
    ),
    ["ab", "", "c1 f({})", 3, 2, ""],
  );
  assert.deepEqual(said({ output: [{ type: "message", content: [{ type: "output_text", text: "ab" }] }, item], usage: { input_tokens: 3, output_tokens: 2 } }), ["ab", "", "c1 f({})", 3, 2, ""]);
});

test("Gemini, as events and as an array", () => {
  const piece = (part) => ({ candidates: [{ content: { parts: [part] } }], usageMetadata: { promptTokenCount: 3, candidatesTokenCount: 2 } });
  const all = [piece({ text: "hm", thought: true }), piece({ text: "ab" }), piece({ functionCall: { name: "f", args: {} } })];
  assert.deepEqual(said(...all), ["ab", "hm", " f({})", 3, 2, ""]);
  assert.deepEqual(said(all), ["ab", "hm", " f({})", 3, 2, ""]);
});

test("errors, and what no API has", () => {
  assert.equal(said({ error: { message: "busy" } })[5], "busy");
  assert.equal(said({ type: "error", error: { message: "busy" } })[5], "busy");
  assert.deepEqual(said(null, 7, "x", {}, [], { choices: [{}] }), ["", "", "", null, null, ""]);
});

test("the parts are in the order of a reader", () => {
  const reading = read({ choices: [{ message: { content: "a", reasoning_content: "hm", tool_calls: [{ function: { name: "f", arguments: "" } }] } }] });
  assert.deepEqual(parts(reading).map((each) => each.kind), ["reasoning", "text", "call"]);
});

const KEPT = { method: "POST", path: "/v1/chat/completions", query: "a=1", headers: [["Content-Type", "application/json"], ["Authorization", "***"], ["Cookie", "x"], ["anthropic-version", "1"]], body: '{"model":"a","n":1}' };

test("the same request again: without keys and cookies", () => {
  assert.deepEqual(again(KEPT, {}), { path: "/v1/chat/completions?a=1", headers: { "Content-Type": "application/json", "anthropic-version": "1" }, body: KEPT.body });
});

test("to another model", () => {
  assert.equal(again(KEPT, { model: "b" }).body, '{"model":"b","n":1}');
  const gemini = { ...KEPT, query: "", path: "/v1beta/models/a:generateContent", body: "{}" };
  assert.equal(again(gemini, { model: "b c" }).path, "/v1beta/models/b%20c:generateContent");
});

test("to another route: by its path and headers", () => {
  const to = (match) => again({ ...KEPT, query: "" }, { route: { match } });
  assert.equal(to({ path: "/llm/*" }).path, "/llm/v1/chat/completions");
  assert.equal(to({ path: "/v1/*" }).path, "/v1/chat/completions");
  assert.equal(to({}).path, "/v1/chat/completions");
  assert.equal(to({ headers: { "x-team": "a" } }).headers["x-team"], "a");
});

test("a key goes where the request had one", () => {
  assert.equal(keyPlace([["X-Api-Key", "***"]]), "x-api-key");
  assert.equal(keyPlace({ authorization: "***" }), "authorization");
  assert.equal(keyPlace([]), "authorization");
});

test("a refusal says why, in whichever form it comes, and of which request", async () => {
  const forms = [{ error: { message: "why" } }, { error: "why" }, { message: "why" }, { detail: "why" }, { Code: 403, Message: "why" }];
  for (const form of forms) assert.equal((await told(new Response(JSON.stringify(form), { status: 403 }))).message, "why");
  const error = await told(new Response("", { status: 403, headers: { "x-aigw-request-id": "r1" } }));
  assert.deepEqual([error.message, error.status, error.id], ["The gateway answered 403", 403, "r1"]);
});

test("what a tool returned has the tool's name", () => {
  const call = { kind: "call", id: "c1", name: "weather" };
  const names = (...results) => named([call, ...results]).slice(1).map((each) => each.name);
  assert.deepEqual(names({ kind: "result", id: "c1" }, { kind: "result", id: "c1", name: "own" }, { kind: "result", id: "c2" }), ["weather", "own", ""]);
});
