/**
 * The languages of the page. Texts are written in English where they are used; chinese.js has the same in Chinese.
 * `{name}` in a text is replaced by the value of that name, numbers as the language writes them.
 */

import { CHINESE } from "./chinese.js";

/** @param {readonly string[]} wanted what the browser's user reads, the best first. */
export function choose(wanted) {
  const found = wanted.find((each) => /^(zh|en)\b/i.test(each));
  return found && /^zh/i.test(found) ? "zh" : "en";
}

/** "en" or "zh". */
export const language = choose(globalThis.navigator?.languages ?? []);
/** For dates and numbers. */
export const locale = language === "zh" ? "zh-CN" : "en-US";
const numbers = new Intl.NumberFormat(locale);

/**
 * @param {string} text in English
 * @param {Object<string, string | number>} [values]
 */
export function t(text, values) {
  return insert((language === "zh" && CHINESE[text]) || text, values);
}

/** @param {string} text */
export function insert(text, values) {
  if (!values) return text;
  return text.replace(/\{(\w+)\}/g, (all, name) => {
    const value = values[name];
    if (value === undefined) return all;
    return typeof value === "number" ? numbers.format(value) : value;
  });
}
