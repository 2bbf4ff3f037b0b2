/** Which requests a filter shows, and its form in the address. */

import assert from "node:assert/strict";
import test from "node:test";

const { choices, failed, fromQuery, matcher, toQuery } = await import(`${process.env.PAGE}/filter.js`);

const REQUESTS = [
  { id: "r1", model: "qwen-max", asked: "gpt-4", route: "a", consumer: "ann", status: 200, outcome: "complete", cache: "hit", plugins: ["ai-cache"] },
  { id: "r2", model: "", asked: "gpt-4", route: "b", consumer: "", status: 429, outcome: "complete", error: "rate_limit_exceeded" },
  { id: "r3", model: "mock", asked: "mock", route: "a", consumer: "bob", status: 200, outcome: "failed", error: "upstream_reset" },
  { id: "r4", model: "mock", asked: "mock", route: "a", consumer: "bob", status: 200, outcome: "aborted", guard: "denied" },
];
const shown = (filter) => REQUESTS.filter(matcher(filter)).map((each) => each.id).join(" ");

test("each condition", () => {
  assert.equal(shown({}), "r1 r2 r3 r4");
  assert.equal(shown({ status: "failed" }), "r2 r3");
  assert.equal(shown({ status: "ok" }), "r1");
  assert.equal(shown({ status: "aborted" }), "r4");
  assert.equal(shown({ status: "4xx" }), "r2");
  assert.equal(shown({ status: "hit" }), "r1");
  assert.equal(shown({ status: "denied" }), "r4");
  assert.equal(shown({ model: "gpt-4" }), "r1 r2");
  assert.equal(shown({ consumer: "bob", route: "a" }), "r3 r4");
  assert.equal(shown({ plugin: "ai-cache" }), "r1");
  assert.equal(shown({ status: "toString" }), "r1 r2 r3 r4");
});

test("all words of a text, in any field", () => {
  assert.equal(shown({ text: "UPSTREAM bob" }), "r3");
  assert.equal(shown({ text: "429" }), "r2");
  assert.equal(shown({ text: "ai-cache" }), "r1");
  assert.equal(shown({ text: "nothing" }), "");
});

test("a client that left has not failed", () => {
  assert.equal(failed({ status: 499, outcome: "aborted" }), false);
  assert.equal(failed({ status: 200, outcome: "failed" }), true);
});

test("what can be chosen", () => {
  assert.deepEqual(choices(REQUESTS), { model: ["gpt-4", "mock", "qwen-max"], consumer: ["ann", "bob"], route: ["a", "b"], plugin: ["ai-cache"] });
});

test("the address keeps it", () => {
  const filter = { text: "a b&c=ü", status: "failed", model: "m/1" };
  assert.deepEqual(fromQuery(toQuery(filter).slice(1)), filter);
  assert.equal(toQuery({ text: "", model: undefined }), "");
  assert.deepEqual(fromQuery("other=1&model="), {});
});
