/**
 * Makes elements. Rule: what others wrote (names, texts, bodies) becomes a text node and nothing else; there is no way
 * here to pass markup. Control characters are made visible.
 */

import { visible } from "./plain.js";
import { t } from "./text.js";

const SVG = "http://www.w3.org/2000/svg";
/** How many characters of a long text are shown at first. */
const SHOWN = 4000;

/**
 * @param {string} tag
 * @param {Object<string, unknown>} [props] `on...` are listeners, `css` sets properties of the style, false and null
 *   leave an attribute out; the others are attributes.
 * @param {...unknown} children nodes, texts, numbers or lists of them; null and false are left out.
 */
export function h(tag, props = {}, ...children) {
  return filled(document.createElement(tag), props, children);
}

/** The same for SVG. */
export function svg(tag, props = {}, ...children) {
  return filled(document.createElementNS(SVG, tag), props, children);
}

function filled(element, props, children) {
  for (const [name, value] of Object.entries(props ?? {})) {
    if (value === false || value === null || value === undefined) continue;
    if (name === "css") for (const [key, each] of Object.entries(value)) element.style.setProperty(key, each);
    else if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else if (name === "value" || name === "checked" || name === "disabled") element[name] = value;
    else element.setAttribute(name, value === true ? "" : visible(String(value)));
  }
  add(element, children);
  return element;
}

/** Appends texts and nodes. */
export function add(element, children) {
  for (const child of [children].flat(Infinity)) {
    if (child === null || child === undefined || child === false || child === "") continue;
    element.append(child instanceof Node ? child : visible(String(child)));
  }
}

/** Puts these in the place of what the element had. */
export function fill(element, ...children) {
  element.replaceChildren();
  add(element, children);
  return element;
}

/** A preformatted text; of a long one the beginning, and a button for the rest. */
export function long(text, props = {}) {
  const whole = String(text ?? "");
  const pre = h("pre", { ...props, tabindex: 0 });
  if (whole.length <= SHOWN * 1.5) return fill(pre, whole);
  const button = h("button", { class: "quiet", type: "button" }, t("Show all {n} characters", { n: whole.length }));
  const piece = fill(pre, whole.slice(0, SHOWN), "…");
  const both = h("div", { class: "long" }, piece, button);
  button.addEventListener("click", () => {
    fill(pre, whole);
    button.remove();
    pre.focus();
  });
  return both;
}

/** A button that does something; while it does, it cannot be pressed again. */
export function button(label, act, props = {}) {
  const element = h("button", { type: "button", ...props }, label);
  element.addEventListener("click", async () => {
    element.disabled = true;
    try {
      await act(element);
    } finally {
      element.disabled = false;
    }
  });
  return element;
}

/** A button that copies a text, and says so. */
export function copyButton(label, text, props = {}) {
  const said = h("span", {}, label);
  return button(said, async (element) => {
    await copy(typeof text === "function" ? text() : text);
    said.textContent = t("Copied");
    setTimeout(() => fill(said, label), 1500);
    element.focus();
  }, props);
}

async function copy(text) {
  if (navigator.clipboard) {
    try {
      await navigator.clipboard.writeText(text);
      return;
    } catch {
      // not allowed here: the old way
    }
  }
  const area = h("textarea", { value: text, class: "unseen" });
  document.body.append(area);
  area.select();
  document.execCommand("copy");
  area.remove();
}

/** A table of the class `table`. Columns: `{title, cell(row), class}`; the first is the head of its row. */
export function table(columns, rows, { caption, unseen = false } = {}) {
  const heads = columns.map((each) => h("th", { scope: "col", class: each.class }, each.title));
  const lines = rows.map((row) =>
    h("tr", {}, columns.map((each, at) => h(at ? "td" : "th", { scope: at ? null : "row", class: each.class }, each.cell(row)))),
  );
  const made = h(
    "table",
    { class: "table" },
    caption ? h("caption", { class: "unseen" }, caption) : null,
    h("thead", {}, h("tr", {}, heads)),
    h("tbody", {}, lines),
  );
  return h("div", unseen ? { class: "unseen" } : { class: "scroll", tabindex: 0, role: "region", "aria-label": caption ?? "" }, made);
}

/** What is shown where there is nothing yet: a sentence, and what to do. */
export function empty(title, hint, ...more) {
  return h("div", { class: "empty" }, h("p", { class: "empty-title" }, title), hint ? h("p", {}, hint) : null, more);
}

/** A message that something failed. */
export function failure(error) {
  return h("p", { class: "failure", role: "alert" }, error instanceof Error ? error.message : String(error));
}

/** A command, with a button that copies it. */
export function command(text) {
  return h("div", { class: "command" }, h("pre", { tabindex: 0 }, text), copyButton(t("Copy"), text, { class: "quiet" }));
}

/** A field with its label. */
export function field(label, control, hint = "") {
  return h("label", { class: "field" }, h("span", { class: "label" }, label), control, hint ? h("span", { class: "hint" }, hint) : null);
}

/** A select. `options` are values, or `[value, label]`. */
export function select(options, value, onchange, props = {}) {
  const made = options.map((each) => {
    const [key, label] = Array.isArray(each) ? each : [each, each];
    return h("option", { value: key }, label);
  });
  const element = h("select", { ...props, onchange: () => onchange?.(element.value) }, made);
  element.value = value;
  return element;
}

/** Calls it at most once a frame, with what it was given last. `cancel` drops what is to come. */
export function onceAFrame(act) {
  let frame = null;
  let given = [];
  const later = (...values) => {
    given = values;
    frame ??= requestAnimationFrame(() => {
      frame = null;
      act(...given);
    });
  };
  later.cancel = () => {
    cancelAnimationFrame(frame);
    frame = null;
  };
  return later;
}
