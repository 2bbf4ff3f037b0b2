/**
 * Which of the open tabs reads the events of the gateway. A browser opens six connections to a host at most, so that one
 * tab reads them for all, and none that nobody sees.
 */

const NAME = "aigw requests";
/** How long a tab may be hidden before it stops, in milliseconds: who looks elsewhere for a moment finds it as it was. */
const PATIENCE = 5000;

export class Tabs {
  #channel = globalThis.navigator?.locks ? new BroadcastChannel(NAME) : null;

  /** @param {(told: any) => void} heard gets what the tab that leads tells */
  constructor(heard) {
    if (this.#channel) this.#channel.onmessage = ({ data }) => heard(data);
  }

  /** Tells the other tabs. */
  say(told) {
    this.#channel?.postMessage(told);
  }

  /** Leads if no other tab does, until `act` ends. Returns whether it did. Without locks every tab leads for itself. */
  async tryToLead(act) {
    if (!this.#channel) return act().then(() => true);
    return navigator.locks.request(NAME, { ifAvailable: true }, (lock) => (lock ? act().then(() => true) : false));
  }

  /** Leads as soon as no other tab does. */
  async lead(act, signal) {
    await navigator.locks.request(NAME, { signal }, act).catch((error) => {
      if (!signal.aborted) throw error;
    });
  }
}

/** Waits until the tab is seen. The signal that it returns is aborted when nobody sees it any more. */
export async function whileSeen(signal) {
  while (!signal.aborted && (document.hidden || left)) await change(signal);
  const turn = new AbortController();
  const end = () => turn.abort();
  const until = { signal: turn.signal };
  let timer;
  document.addEventListener("visibilitychange", () => {
    clearTimeout(timer);
    if (document.hidden) timer = setTimeout(end, PATIENCE);
  }, until);
  addEventListener("pagehide", end, until);
  signal.addEventListener("abort", end, until);
  if (signal.aborted) end();
  return turn.signal;
}

/** The page was left; it may come back by the browser's way back. */
let left = false;
globalThis.addEventListener?.("pagehide", () => (left = true));
globalThis.addEventListener?.("pageshow", () => (left = false));

function change(signal) {
  return new Promise((resolve) => {
    const once = { once: true };
    document.addEventListener("visibilitychange", resolve, once);
    addEventListener("pageshow", resolve, once);
    signal.addEventListener("abort", resolve, once);
  });
}
