// Questions to the server; what it refuses comes as its own sentence.

// Relative, so that the challenge may lie below any prefix of a reverse proxy.
export const ROOT = new URL("..", import.meta.url);
const TIMEOUT_MS = 90000;

export class Refused extends Error {
  constructor(status, told, wait_s) {
    super(told.error || `the server refused this (status ${status})`);
    Object.assign(this, { status, told, wait_s });
  }
}

export class Lost extends Error {
  constructor() {
    super("The server does not answer; check the connection, this page tries again.");
  }
}

/** Ask once. `who` is what goes into Authorization; nothing is sent by itself. */
export async function ask(method, path, { body, who, signal } = {}) {
  const headers = { accept: "application/json" };
  if (who) headers.authorization = who;
  const options = { method, headers, credentials: "omit", cache: "no-store" };
  const stop = AbortSignal.timeout(TIMEOUT_MS);
  options.signal = signal ? AbortSignal.any([signal, stop]) : stop;
  if (body instanceof Blob) options.body = body;
  else if (body !== undefined) {
    headers["content-type"] = "application/json";
    options.body = JSON.stringify(body);
  }
  let answer, told;
  try {
    answer = await fetch(new URL(path, ROOT), options);
    told = await answer.json();
  } catch (error) {
    if (signal?.aborted) throw error;
    if (answer && !answer.ok) throw new Refused(answer.status, {}, 0);
    throw new Lost();
  }
  if (!answer.ok) throw new Refused(answer.status, told, Number(answer.headers.get("retry-after")) || 0);
  return told;
}
