/** Server-sent events: a parser without I/O, and a reader of what `fetch` answers. */

/** Reads events as https://html.spec.whatwg.org/multipage/server-sent-events.html#parsing-an-event-stream says. */
export class EventParser {
  #rest = "";
  #first = true;
  #event = "";
  #data = [];

  /**
   * @param {string} text the next piece, cut anywhere
   * @returns {{event: string, data: string}[]} the events that it completes
   */
  feed(text) {
    if (this.#first && text) {
      text = text.replace(/^\ufeff/, "");
      this.#first = false;
    }
    const all = this.#rest + text;
    const found = [];
    let begin = 0;
    for (;;) {
      const end = lineEnd(all, begin);
      if (end === null) break;
      this.#line(all.slice(begin, end.at), found);
      begin = end.next;
    }
    this.#rest = all.slice(begin);
    return found;
  }

  #line(line, found) {
    if (line === "") {
      if (this.#data.length) found.push({ event: this.#event || "message", data: this.#data.join("\n") });
      this.#event = "";
      this.#data = [];
      return;
    }
    const colon = line.indexOf(":");
    const name = colon < 0 ? line : line.slice(0, colon);
    const value = colon < 0 ? "" : line.slice(colon + 1).replace(/^ /, "");
    if (name === "data") this.#data.push(value);
    if (name === "event") this.#event = value;
  }
}

/** Where the line ends and the next one begins; null if that is not known yet. A CR at the end may be half of a CRLF. */
function lineEnd(text, from) {
  for (let at = from; at < text.length; at += 1) {
    const code = text.charCodeAt(at);
    if (code === 10) return { at, next: at + 1 };
    if (code === 13) {
      if (at + 1 === text.length) return null;
      return { at, next: text.charCodeAt(at + 1) === 10 ? at + 2 : at + 1 };
    }
  }
  return null;
}

/**
 * The events of a response, one after the other.
 * @param {Response} response
 * @param {() => void} [heard] called for all that comes, comments too
 */
export async function* events(response, heard) {
  const parser = new EventParser();
  for await (const text of pieces(response)) {
    heard?.();
    yield* parser.feed(text);
  }
}

/** The text of a response, piece by piece. @param {Response} response */
export async function* pieces(response) {
  const reader = response.body.getReader();
  const decoder = new TextDecoder();
  try {
    for (;;) {
      const { done, value } = await reader.read();
      if (done) return;
      yield decoder.decode(value, { stream: true });
    }
  } finally {
    reader.cancel().catch(() => {});
  }
}
