/** Small charts: SVG that is made here, with a table of the same numbers for those who read with a screen reader. */

import { h, svg, table } from "./dom.js";
import { t } from "./text.js";

const WIDTH = 480;
const HEIGHT = 120;
const FOOT = 16;

/**
 * @param {{title: string, times: string[], series: {name: string, values: (number | null)[], kind: string}[], show: (value: number | null) => string,
 *   form?: "bars" | "lines"}} chart `kind` is a class that gives the colour; bars of several series stand on each other
 */
export function chart({ title, times, series, show, form = "bars" }) {
  const top = highest(series, form);
  const readout = h("span", { class: "readout number" });
  const drawn = svg(
    "svg",
    { viewBox: `0 0 ${WIDTH} ${HEIGHT + FOOT}`, class: "chart", "aria-hidden": "true", preserveAspectRatio: "none" },
    [0.5, 1].map((part) => svg("line", { class: "grid", x1: 0, x2: WIDTH, y1: y(part), y2: y(part) })),
    form === "bars" ? bars(series, times.length, top) : series.map((each) => line(each, top)),
    svg("line", { class: "axis", x1: 0, x2: WIDTH, y1: HEIGHT, y2: HEIGHT }),
  );
  const cursor = svg("line", { class: "cursor", y1: 0, y2: HEIGHT, x1: -9, x2: -9 });
  drawn.append(cursor);
  const say = (at) => {
    const x = ((at + 0.5) * WIDTH) / times.length;
    for (const name of ["x1", "x2"]) cursor.setAttribute(name, String(x));
    readout.textContent = `${times[at]}: ${series.map((each) => `${series.length > 1 ? `${each.name} ` : ""}${show(each.values[at])}`).join(", ")}`;
  };
  const quiet = () => {
    readout.textContent = t("at most {value}", { value: show(top) });
    for (const name of ["x1", "x2"]) cursor.setAttribute(name, "-9");
  };
  drawn.addEventListener("pointermove", (event) => {
    const box = drawn.getBoundingClientRect();
    say(Math.max(0, Math.min(times.length - 1, Math.floor(((event.clientX - box.left) / box.width) * times.length))));
  });
  drawn.addEventListener("pointerleave", quiet);
  quiet();
  return h(
    "figure",
    { class: "figure" },
    h("figcaption", {}, h("span", { class: "figure-title" }, title), legend(series), h("span", { class: "grow" }), readout),
    drawn,
    h("div", { class: "ends", "aria-hidden": "true" }, h("span", {}, times[0] ?? ""), h("span", {}, times.at(-1) ?? "")),
    numbers(title, times, series, show),
  );
}

function highest(series, form) {
  const count = Math.max(0, ...series.map((each) => each.values.length));
  const sums = Array.from({ length: count }, (_, at) => {
    const values = series.map((each) => each.values[at] ?? 0);
    return form === "bars" ? values.reduce((sum, each) => sum + each, 0) : Math.max(...values);
  });
  return Math.max(0, ...sums);
}

const y = (part) => HEIGHT - part * (HEIGHT - 4);

function bars(series, count, top) {
  const width = WIDTH / Math.max(count, 1);
  const gap = Math.min(2, width / 4);
  const made = [];
  for (let at = 0; at < count; at += 1) {
    let below = 0;
    for (const { values, kind } of series) {
      const value = values[at] ?? 0;
      if (!(value > 0)) continue;
      const [low, high] = [y(below / top), y((below + value) / top)];
      made.push(svg("rect", { class: kind, x: (at * width + gap / 2).toFixed(2), width: (width - gap).toFixed(2), y: high.toFixed(2), height: Math.max(low - high, 1).toFixed(2) }));
      below += value;
    }
  }
  return made;
}

/** A line that is broken where nothing is known, and a dot where one value stands alone. */
function line({ values, kind }, top) {
  const width = WIDTH / Math.max(values.length, 1);
  const at = (index) => `${((index + 0.5) * width).toFixed(2)},${y(values[index] / (top || 1)).toFixed(2)}`;
  const known = (index) => typeof values[index] === "number";
  const joined = (index) => known(index - 1) || known(index + 1);
  const path = (shown) => values.map((_, index) => (known(index) ? shown(index) : "")).join("");
  const drawn = (d, more = "") => svg("path", { class: `line ${more} ${kind}`, d, "vector-effect": "non-scaling-stroke" });
  return [
    drawn(path((index) => (joined(index) ? `${known(index - 1) ? "L" : "M"}${at(index)}` : ""))),
    drawn(path((index) => (joined(index) ? "" : `M${at(index)}h0.01`)), "dots"),
  ];
}

function legend(series) {
  return series.length > 1 ? h("span", { class: "legend" }, series.map((each) => h("span", {}, h("i", { class: `key ${each.kind}`, "aria-hidden": "true" }), each.name))) : null;
}

function numbers(title, times, series, show) {
  const columns = [
    { title: t("Time"), cell: (at) => times[at] },
    ...series.map((each) => ({ title: each.name, cell: (at) => show(each.values[at]) })),
  ];
  return table(columns, [...times.keys()].filter((at) => series.some((each) => each.values[at])), { caption: title, unseen: true });
}
