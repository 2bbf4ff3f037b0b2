/**
 * The requests as they pass: what the gateway has kept, then its events. When the connection breaks, it is opened again,
 * and goes on where it was; a gateway that was started anew begins at 0.
 */

import { get, open } from "./api.js";
import { events } from "./stream.js";
import { Tabs, whileSeen } from "./tabs.js";

/** How many requests the page keeps; the oldest are let go. */
export const MOST = 5000;
const SHORTEST_WAIT = 500;
const LONGEST_WAIT = 10_000;
/** The gateway says something every 15 s. After so many milliseconds of silence the connection is dead. */
const SILENCE = 45_000;

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
  /** Aborted while nobody sees the page; what others tell then is got later, all at once. */
  #turn = AbortSignal.abort();
  #tabs = new Tabs((told) => this.#turn.aborted || this.#hear(told));

  /** Calls it after each change. Returns the function that ends this. */
  listen(listener) {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** Goes on while the page is seen, until the signal is aborted. */
  async run(signal) {
    while (!signal.aborted) {
      const turn = (this.#turn = await whileSeen(signal));
      if (turn.aborted || (await this.#tabs.tryToLead(() => this.#lead(turn)))) continue;
      await Promise.all([this.#catchUp(turn), this.#tabs.lead(() => this.#lead(turn), turn)]);
    }
  }

  /** Reads the events for all tabs. */
  async #lead(turn) {
    let wait = SHORTEST_WAIT;
    while (!turn.aborted) {
      try {
        await this.#load(turn);
        this.#tabs.say({ catch_up: true });
        await this.#follow(turn, () => (wait = SHORTEST_WAIT));
        this.#say("lost");
      } catch (error) {
        if (turn.aborted) return;
        this.#say(error.status ? "failed" : "lost", error.message);
      }
      this.#tabs.say({ state: this.state, error: this.error });
      await pause(wait, turn);
      wait = Math.min(wait * 2, LONGEST_WAIT);
    }
  }

  /** Gets what it has missed; another tab tells the rest. */
  async #catchUp(turn) {
    try {
      await this.#load(turn);
      this.#say("live");
    } catch (error) {
      if (!turn.aborted) this.#say("failed", error.message);
    }
  }

  async #load(turn) {
    const after = this.#seq;
    let got = await get(`/-/requests?after=${after}&limit=${MOST}`, turn);
    if (got.seq < after) {
      this.#seq = 0;
      got = await get(`/-/requests?after=0&limit=${MOST}`, turn);
    }
    this.note = got.note ?? "";
    this.started.clear();
    this.take(got.requests, got.seq);
  }

  async #follow(turn, alive) {
    const { signal, heard, end } = whileHeard(turn);
    try {
      const response = await open(`/-/events?after=${this.#seq}`, { signal, headers: { accept: "text/event-stream" } });
      this.#say("live");
      this.#tabs.say({ state: "live", error: "" });
      for await (const { event, data } of events(response, heard)) {
        alive();
        const told = { event, ...JSON.parse(data) };
        this.#hear(told);
        this.#tabs.say(told);
      }
    } finally {
      end();
    }
  }

  /** What the gateway tells, or the tab that leads. */
  #hear(told) {
    if (told.event === "requests") {
      this.skipped += told.skipped ?? 0;
      this.take(told.requests, told.seq);
    } else if (told.event === "started") {
      this.#start(told);
    } else if (told.state) {
      this.#say(told.state, told.error);
    } else if (told.catch_up) {
      this.#catchUp(this.#turn);
    }
  }

  #start(request) {
    if (this.#ids.has(request.id) || this.started.size >= 200) return;
    this.started.set(request.id, { ...request, under_way: true });
    this.#tell(0);
  }

  /** Adds requests. One that is there already is told anew: its cost became known. @returns {number} how many were new */
  take(requests, seq) {
    this.#seq = Math.max(this.#seq, seq);
    const anew = new Map(requests.filter((each) => this.#ids.has(each.id)).map((each) => [each.id, each]));
    if (anew.size) this.requests = this.requests.map((each) => anew.get(each.id) ?? each);
    const fresh = requests.filter((each) => !this.#ids.has(each.id));
    for (const each of fresh) {
      this.#ids.add(each.id);
      this.started.delete(each.id);
    }
    const late = fresh.length && fresh[0].seq < this.requests.at(-1)?.seq;
    this.requests.push(...fresh);
    if (late) this.requests.sort((one, other) => one.seq - other.seq);
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

/** A signal that is aborted with `turn`, and when nothing is heard for SILENCE: of a machine that slept nobody hears. */
function whileHeard(turn) {
  const silent = new AbortController();
  const abort = () => silent.abort();
  let timer;
  const heard = () => {
    clearTimeout(timer);
    timer = setTimeout(abort, SILENCE);
  };
  const end = () => {
    clearTimeout(timer);
    turn.removeEventListener("abort", abort);
  };
  turn.addEventListener("abort", abort);
  if (turn.aborted) abort();
  heard();
  return { signal: silent.signal, heard, end };
}

function pause(ms, signal) {
  return new Promise((resolve) => {
    const timer = setTimeout(resolve, ms);
    signal.addEventListener("abort", () => (clearTimeout(timer), resolve()), { once: true });
  });
}
