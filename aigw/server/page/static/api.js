/**
 * Asks the gateway. A page under `/-/` that is refused asks the user for the admin key, once for all who wait, and is
 * asked again with it. Keys are kept for this tab only (sessionStorage).
 */

import { t } from "./text.js";

/** An error that the gateway told. */
export class GatewayError extends Error {
  /** @param {string} [id] of the request */
  constructor(message, status, id = "") {
    super(message);
    this.status = status;
    this.id = id;
  }
}

let ask = async (again) => "";
let asking = null;
/** The user has no key. It is asked for again when the page is loaded again. */
let given_up = false;

/** Sets who asks the user for the admin key, `again` after a wrong one; it returns "" where the user has none. */
export function askForKeyWith(asker) {
  ask = asker;
}

/** The user's own key, for requests to models. */
export const ownKey = {
  get: () => sessionStorage.getItem("key") ?? "",
  set: (value) => sessionStorage.setItem("key", value),
};

/** @returns {Promise<any>} the JSON of a page */
export async function get(path, signal) {
  return (await open(path, { signal })).json();
}

export async function getText(path, signal) {
  return (await open(path, { signal })).text();
}

export async function post(path, body, signal) {
  const headers = { "content-type": "application/json" };
  return (await open(path, { method: "POST", body: JSON.stringify(body), headers, signal })).json();
}

/** @returns {Promise<Response>} a good response. Throws GatewayError. */
export async function open(path, options = {}) {
  let response = await send(path, options);
  if (response.status === 403 && (await newKey())) response = await send(path, options);
  if (!response.ok) throw await told(response);
  return response;
}

function send(path, options) {
  const key = sessionStorage.getItem("admin_key");
  const headers = { ...options.headers, ...(key ? { authorization: `Bearer ${key}` } : {}) };
  return fetch(path, { ...options, headers, cache: "no-store" });
}

async function newKey() {
  if (given_up) return "";
  asking ??= ask(sessionStorage.getItem("admin_key") !== null).finally(() => (asking = null));
  const key = await asking;
  given_up = !key;
  if (key) sessionStorage.setItem("admin_key", key);
  return key;
}

/** The error that a response tells, in any of the forms that the APIs have. @param {Response} response */
export async function told(response) {
  const text = await response.text().catch(() => "");
  return new GatewayError(messageOf(text) || t("The gateway answered {status}", { status: String(response.status) }), response.status, response.headers.get("x-aigw-request-id") ?? "");
}

function messageOf(text) {
  try {
    const { error, message, detail, Message } = JSON.parse(text);
    return error?.message ?? (typeof error === "string" ? error : (message ?? detail ?? Message ?? ""));
  } catch {
    return text.slice(0, 500);
  }
}
