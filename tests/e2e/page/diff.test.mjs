/** Differences of texts: both sides can be put together again, and what is equal is found. */

import assert from "node:assert/strict";
import test from "node:test";

const { lines, words } = await import(`${process.env.PAGE}/diff.js`);

const side = (parts, kind, joint = "") => parts.filter((each) => each.kind === "same" || each.kind === kind).map((each) => each.text).join(joint);
const short = (parts) => parts.map(({ kind, text }) => ({ same: " ", old: "-", new: "+" })[kind] + text);

test("a changed line", () => {
  assert.deepEqual(short(lines("a\nb\nc", "a\nB\nc")), [" a", "-b", "+B", " c"]);
});

test("an added and a removed line", () => {
  assert.deepEqual(short(lines("a\nc", "a\nb\nc")), [" a", "+b", " c"]);
  assert.deepEqual(short(lines("a\nb\nc", "a\nc")), [" a", "-b", " c"]);
});

test("words, and letters of Chinese", () => {
  assert.deepEqual(short(words("Answer.", "Answer from the passages.")), [" Answer", "+ from the passages", " ."]);
  assert.deepEqual(short(words("你好世界", "你好，世界")), [" 你好", "+，", " 世界"]);
});

test("both sides are whole", () => {
  const random = (seed) => () => (seed = (seed * 16807) % 2147483647) / 2147483647;
  const next = random(7);
  const text = () => Array.from({ length: Math.floor(next() * 12) }, () => "ab\n 你.🙂"[Math.floor(next() * 7)]).join("");
  for (let round = 0; round < 500; round += 1) {
    const [old, fresh] = [text(), text()];
    assert.equal(side(words(old, fresh), "old"), old);
    assert.equal(side(words(old, fresh), "new"), fresh);
    assert.equal(side(lines(old, fresh), "old", "\n"), old);
    assert.equal(side(lines(old, fresh), "new", "\n"), fresh);
  }
});

test("large texts take no time", () => {
  const old = Array.from({ length: 20_000 }, (_, at) => `line ${at}`).join("\n");
  const begun = performance.now();
  assert.equal(lines(old, old.replaceAll("line", "row")).length, 40_000);
  assert.ok(performance.now() - begun < 2000);
});
