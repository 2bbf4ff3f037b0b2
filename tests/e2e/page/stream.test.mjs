/** The parser of server-sent events: cut anywhere, it finds the same. */

import assert from "node:assert/strict";
import test from "node:test";

const { EventParser } = await import(`${process.env.PAGE}/stream.js`);

const parse = (...pieces) => {
  const parser = new EventParser();
  return pieces.flatMap((each) => parser.feed(each));
};
const message = (data, event = "message") => ({ event, data });

test("events, comments, names and several lines of data", () => {
  const text = ": hello\n\nevent: requests\ndata: {\ndata:  1}\nid: 7\nretry: 3\n\ndata\n\nevent: lost\n\ndata: last\n\n";
  assert.deepEqual(parse(text), [message("{\n 1}", "requests"), message(""), message("last")]);
});

test("every end of line, cut anywhere", () => {
  const plain = "event: a\ndata: ä\ndata: 2\n\n:\n\ndata: b\n\n";
  for (const end of ["\n", "\r\n", "\r"]) {
    const text = plain.replaceAll("\n", end) + (end === "\r" ? ":" : "");
    for (let at = 0; at <= text.length; at += 1) {
      assert.deepEqual(parse(text.slice(0, at), text.slice(at)), [message("ä\n2", "a"), message("b")], `${JSON.stringify(end)} ${at}`);
    }
    assert.deepEqual(parse(...text), [message("ä\n2", "a"), message("b")]);
  }
});

test("a mark of the encoding is passed over once", () => {
  assert.deepEqual(parse("\ufeffdata: 1\n\n", "\ufeffdata: 2\n\ndata: 3\n\n"), [message("1"), message("3")]);
});

test("what is not ended is no event", () => {
  assert.deepEqual(parse("data: 1\n"), []);
  assert.deepEqual(parse("data: 1"), []);
});
