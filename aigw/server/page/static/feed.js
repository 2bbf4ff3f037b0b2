/**
 * The requests as they pass: what the gateway has kept, then its events. When the connection breaks, it is opened again,
 * and goes on where it was; a gateway that was started anew begins at 0.
 */

import { get, open } from "./api.js";
import { events } from "./stream.js";

/** How many requests the page keeps; the oldest are let go. */
export const MOST = 5000;
const SHORTEST_WAIT = 500;
const LONGEST_WAIT = 10_000;

export class Feed {
  /** Oldest first. */
  requests = [];
  /** Those under way, by their ids. */
  started = new Map();
  /** "loading", "live", "lost" or "failed" (with `error`). */
  state = "loading";
  error = "";
  note = "";
  /** How many requests the gateway left out of its events, because there were too many at once. */
  skipped = 0;
  #seq = 0;
  #ids = new Set();
  #listeners = new Set();

  /** Calls it after each change. Returns the function that ends this. */
  listen(listener) {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** Goes on until the signal is aborted. */
  async run(signal) {
    let wait = SHORTEST_WAIT;
    while (!signal.aborted) {
      try {
        await this.#load(signal);
        await this.#follow(signal, () => (wait = SHORTEST_WAIT));
        this.#say("lost");
      } catch (error) {
        if (signal.aborted) return;
        this.#say(error.status ? "failed" : "lost", error.message);
      }
      await pause(wait, signal);
      wait = Math.min(wait * 2, LONGEST_WAIT);
    }
  }

  async #load(signal) {
    const after = this.#seq;
    let got = await get(`/-/requests?after=${after}&limit=${MOST}`, signal);
    if (got.seq < after) {
      this.#seq = 0;
      got = await get(`/-/requests?after=0&limit=${MOST}`, signal);
    }
    this.note = got.note ?? "";
    this.started.clear();
    this.take(got.requests, got.seq);
  }

  async #follow(signal, alive) {
    const response = await open(`/-/events?after=${this.#seq}`, { signal, headers: { accept: "text/event-stream" } });
    this.#say("live");
    for await (const { event, data } of events(response)) {
      alive();
      const told = JSON.parse(data);
      if (event === "requests") {
        this.skipped += told.skipped ?? 0;
        this.take(told.requests, told.seq);
      } else if (event === "started") {
        this.#start(told);
      }
    }
  }

  #start(request) {
    if (this.#ids.has(request.id) || this.started.size >= 200) return;
    this.started.set(request.id, { ...request, under_way: true });
    this.#tell(0);
  }

  /** Adds requests. One that is there already is told anew: its cost became known. @returns {number} how many were new */
  take(requests, seq) {
    this.#seq = seq;
    const anew = new Map(requests.filter((each) => this.#ids.has(each.id)).map((each) => [each.id, each]));
    if (anew.size) this.requests = this.requests.map((each) => anew.get(each.id) ?? each);
    const fresh = requests.filter((each) => !this.#ids.has(each.id));
    for (const each of fresh) {
      this.#ids.add(each.id);
      this.started.delete(each.id);
    }
    this.requests.push(...fresh);
    for (const each of this.requests.splice(0, Math.max(0, this.requests.length - MOST))) this.#ids.delete(each.id);
    this.#tell(fresh.length);
    return fresh.length;
  }

  #say(state, error = "") {
    this.state = state;
    this.error = error;
    this.#tell(0);
  }

  #tell(fresh) {
    for (const listener of this.#listeners) listener(fresh);
  }
}

function pause(ms, signal) {
  return new Promise((resolve) => {
    const timer = setTimeout(resolve, ms);
    signal.addEventListener("abort", () => (clearTimeout(timer), resolve()), { once: true });
  });
}
