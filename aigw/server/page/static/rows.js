/**
 * A long table of which only the rows in sight are in the document. All rows are of one height. Rows that stay are not
 * touched, so that the focus stays where it is. Tab reaches one row only, the one that had the focus last, and leaves the
 * table from there: through thousands of rows nobody would come to what stands behind them.
 */

import { h } from "./dom.js";

const BEYOND = 10;

export class Rows {
  #made = new Map();
  #items = [];
  #above = spacer();
  #below = spacer();
  #stop = "";
  #seen = "";

  /**
   * @param {HTMLElement} scroller what scrolls
   * @param {HTMLTableElement} table whose last body gets the rows
   * @param {(item: any) => HTMLTableRowElement} make
   * @param {number} height of a row, in pixels
   */
  constructor(scroller, table, make, height) {
    Object.assign(this, { scroller, table, make, height });
    this.body = table.tBodies[0];
    this.body.replaceChildren(this.#above, this.#below);
    this.body.addEventListener("focusin", (event) => this.stopAt(event.target.closest("tr").dataset.id));
    scroller.addEventListener("scroll", () => this.#draw(), { passive: true });
    this.watch = new ResizeObserver(() => this.#draw());
    this.watch.observe(scroller);
  }

  /** Shows these items, each with an `id`. `fresh` is how many of them are new at the top. */
  show(items, fresh = 0) {
    const away = this.scroller.scrollTop > this.height;
    this.#items = items;
    this.table.setAttribute("aria-rowcount", String(items.length + 1));
    this.#draw(away ? this.scroller.scrollTop + fresh * this.height : undefined);
  }

  /** Makes all rows anew. */
  refresh() {
    this.#made.clear();
    this.body.replaceChildren(this.#above, this.#below);
    this.#draw();
  }

  /** The element of an item, if it is in sight. */
  row(id) {
    return this.#made.get(id);
  }

  /** Lets Tab reach the row of this item. */
  stopAt(id) {
    this.#stop = id;
    this.#mark();
  }

  /** Scrolls so that the item of this index is in sight. */
  reveal(index) {
    const top = index * this.height;
    const { scrollTop, clientHeight } = this.scroller;
    const head = this.table.tHead.offsetHeight;
    if (top < scrollTop) this.scroller.scrollTop = top;
    else if (top + this.height + head > scrollTop + clientHeight) this.scroller.scrollTop = top + this.height + head - clientHeight;
    this.#draw();
  }

  close() {
    this.watch.disconnect();
  }

  #draw(top) {
    const { height, scroller } = this;
    const place = top ?? scroller.scrollTop;
    const first = Math.max(0, Math.floor(place / height) - BEYOND);
    const last = Math.min(this.#items.length, Math.ceil((place + scroller.clientHeight) / height) + BEYOND);
    this.#place(this.#items.slice(first, last), first);
    resize(this.#above, first * height);
    resize(this.#below, (this.#items.length - last) * height);
    if (top !== undefined) scroller.scrollTop = top;
    this.#seen = this.#items[Math.ceil(place / height)]?.id;
    this.#mark();
  }

  /** Where the row of the last focus is out of sight, Tab reaches the first one that is in it. */
  #mark() {
    const reached = this.#made.has(this.#stop) ? this.#stop : this.#seen;
    for (const [id, row] of this.#made) row.querySelector("a").tabIndex = id === reached ? 0 : -1;
  }

  #place(items, first) {
    const kept = new Set(items.map((each) => each.id));
    for (const [id, row] of this.#made) {
      if (kept.has(id)) continue;
      row.remove();
      this.#made.delete(id);
    }
    let next = this.#above.nextSibling;
    items.forEach((item, at) => {
      let row = this.#made.get(item.id);
      if (row?.item !== item) {
        const made = this.make(item);
        made.item = item;
        if (row) {
          if (next === row) next = row.nextSibling;
          row.remove();
        }
        this.#made.set(item.id, made);
        row = made;
      }
      row.setAttribute("aria-rowindex", String(first + at + 2));
      if (row === next) next = row.nextSibling;
      else this.body.insertBefore(row, next);
    });
  }
}

function spacer() {
  return h("tr", { class: "spacer", "aria-hidden": "true" }, h("td"));
}

function resize(row, height) {
  row.firstChild.style.height = `${height}px`;
  row.hidden = height === 0;
}
