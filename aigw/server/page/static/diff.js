/** What differs between two texts, by lines and within a changed line. */

/** Above so many pairs of lines only the beginning and the end are compared. */
const MOST_PAIRS = 250_000;

/** @typedef {{kind: "same" | "old" | "new", text: string}} Part */

/** @param {string} before @param {string} after @returns {Part[]} one part for each line */
export function lines(before, after) {
  return parts(before.split("\n"), after.split("\n"));
}

/** The same by words, so that a long line shows what changed in it. Neighbours of one kind are one part. */
export function words(before, after) {
  const joined = [];
  for (const part of parts(split(before), split(after))) {
    const last = joined.at(-1);
    if (last?.kind === part.kind) last.text += part.text;
    else joined.push({ ...part });
  }
  return joined;
}

/** Words, spaces, marks; of Chinese and the like each letter. */
function split(text) {
  return text.match(/[\p{Script=Han}\p{Script=Hiragana}\p{Script=Katakana}]|[^\s\p{P}\p{Script=Han}\p{Script=Hiragana}\p{Script=Katakana}]+|\s+|./gsu) ?? [];
}

function parts(old, fresh) {
  let begin = 0;
  while (begin < old.length && begin < fresh.length && old[begin] === fresh[begin]) begin += 1;
  let end = 0;
  while (end < old.length - begin && end < fresh.length - begin && old.at(-1 - end) === fresh.at(-1 - end)) end += 1;
  const same = (text) => ({ kind: "same", text });
  return [
    ...old.slice(0, begin).map(same),
    ...middle(old.slice(begin, old.length - end), fresh.slice(begin, fresh.length - end)),
    ...old.slice(old.length - end).map(same),
  ];
}

/** By the longest common subsequence. */
function middle(old, fresh) {
  const removed = (text) => ({ kind: "old", text });
  const added = (text) => ({ kind: "new", text });
  if (!old.length || !fresh.length || old.length * fresh.length > MOST_PAIRS) return [...old.map(removed), ...fresh.map(added)];
  const width = fresh.length + 1;
  const longest = new Uint32Array((old.length + 1) * width);
  for (let i = old.length - 1; i >= 0; i -= 1) {
    for (let j = fresh.length - 1; j >= 0; j -= 1) {
      const at = i * width + j;
      longest[at] = old[i] === fresh[j] ? longest[at + width + 1] + 1 : Math.max(longest[at + width], longest[at + 1]);
    }
  }
  const found = [];
  let [i, j] = [0, 0];
  while (i < old.length && j < fresh.length) {
    if (old[i] === fresh[j]) found.push({ kind: "same", text: old[i++] }), (j += 1);
    else if (longest[(i + 1) * width + j] >= longest[i * width + j + 1]) found.push(removed(old[i++]));
    else found.push(added(fresh[j++]));
  }
  return [...found, ...old.slice(i).map(removed), ...fresh.slice(j).map(added)];
}
