/** Numbers, texts and languages as they are shown. */

import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import test from "node:test";

const page = process.env.PAGE;
const { amount, bytes, called, count, duration, money, prompt, share, short, tokens } = await import(`${page}/format.js`);
const { visible } = await import(`${page}/plain.js`);
const { choose, insert } = await import(`${page}/text.js`);
const { CHINESE } = await import(`${page}/chinese.js`);
const { spans } = await import(`${page}/waterfall.js`);

const shown = (show, cases) => cases.forEach(([value, text]) => assert.equal(show(value), text, String(value)));

test("a request is called by its path, or by what is known of it", () => {
  shown(called, [[{ method: "POST", path: "/v1/x", api: "a" }, "POST /v1/x"], [{ method: "", path: "", api: "openai/v1/models" }, "openai/v1/models"], [{}, "–"]]);
});

test("what is not known is never 0", () => {
  for (const show of [count, short, money, duration, bytes]) for (const value of [null, undefined, NaN]) assert.equal(show(value), "–");
  assert.equal(prompt({ input: null, output: 3 }), null);
  assert.equal(share(1, 0), "–");
});

test("numbers", () => {
  shown(count, [[0, "0"], [1204, "1,204"]]);
  shown(short, [[0, "0"], [950, "950"], [12345, "12.3k"], [123456, "123k"], [4_100_000, "4.1M"], [2e9, "2G"]]);
  shown(money, [[0, "$0"], [0.0039, "$0.0039"], [0.5, "$0.50"], [12.345, "$12.35"], [1234.5, "$1,235"], [0.0000001, "<$0.000001"], [0.00000123, "$0.0000012"]]);
  shown(duration, [[0, "0 ms"], [0.001, "<0.01 ms"], [0.042, "0.04 ms"], [0.42, "0.4 ms"], [230.4, "230 ms"], [999.7, "1.00 s"], [1840, "1.84 s"], [12_400, "12.4 s"], [125_000, "2 min 5 s"]]);
  shown(bytes, [[312, "312 B"], [4200, "4.2 KB"], [2_310_112, "2.3 MB"]]);
  assert.equal(tokens(7, "estimated"), "~7");
  assert.equal(prompt({ input: 3, cache_read: 2, cache_write: null }), 5);
  assert.equal(amount(5, "usd"), "$5.00");
  assert.equal(amount(5, "tokens"), "5 tokens");
});

test("what hides in a text is seen", () => {
  assert.equal(visible("a\u001b[31mb\u0000\u007f"), "a␛[31mb␀␡");
  assert.equal(visible("\u202egnp.exe\u2066"), "⟨U+202E⟩gnp.exe⟨U+2066⟩");
  assert.equal(visible("tab\tline\r\nend 你好 👋"), "tab\tline\r\nend 你好 👋");
});

test("the language is the first that the page has", () => {
  assert.equal(choose(["fr-FR", "zh-TW", "en"]), "zh");
  assert.equal(choose(["en-GB", "zh"]), "en");
  assert.equal(choose([]), "en");
  assert.equal(insert("{n} of {all}{no}", { n: 1234, all: "x" }), "1,234 of x{no}");
});

/** The texts that the modules have: in calls of t, and in the tables whose values are given to it. */
function texts() {
  const found = new Set();
  const names = "LABELS|NAMES|ROLES|VERDICTS|TABS|WHAT|SIGNS|COLUMNS|VIEWS";
  for (const file of readdirSync(page).filter((each) => each.endsWith(".js") && each !== "chinese.js")) {
    const source = readFileSync(`${page}/${file}`, "utf8");
    for (const [, text] of source.matchAll(/\bt\("((?:[^"\\]|\\.)*)"/g)) found.add(text);
    for (const [, body] of source.matchAll(new RegExp(`^const (?:${names}) = [{[]([^;]*?)[}\\]];`, "gms"))) {
      for (const [, title] of body.matchAll(/(?:title: |^\s*\w+: |, \w+: |"\w+": |\{ \w+: )"([A-Z][^"]*)"/gm)) if (!/^M\d/.test(title)) found.add(title);
    }
  }
  return found;
}

test("every text is there in Chinese, with the same values", () => {
  const all = texts();
  assert.ok(all.size > 230 && all.has("Notes") && all.has("Developer") && all.has("Left by the client"), String(all.size));
  const values = (text) => [...text.matchAll(/\{\w+\}/g)].map(String).sort();
  for (const text of all) if (!/^\d?(4xx|5xx)?$/.test(text)) assert.ok(CHINESE[text], `no Chinese for ${JSON.stringify(text)}`);
  for (const [text, chinese] of Object.entries(CHINESE)) assert.deepEqual(values(chinese), values(text), text);
});

test("the spans of a request make up its time", () => {
  const times = { gateway_ms: 1, wait_ms: 300, total_ms: 1000 };
  assert.deepEqual(spans(times).map((each) => [each.name, each.from, each.ms]), [["gateway", 0, 1], ["wait", 1, 300], ["stream", 301, 699]]);
  assert.deepEqual(spans({}).map((each) => each.ms), [0, 0, 0]);
  assert.deepEqual(spans({ gateway_ms: 5, wait_ms: 9, total_ms: 3 }).map((each) => each.ms), [3, 0, 0]);
});
