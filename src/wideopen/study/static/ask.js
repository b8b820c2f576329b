// Questions to the server, asked again with the same words until an answer comes.
import { lost, words } from "./words.js";

const TIMEOUT_MS = 20000;
const PAUSES_S = [1, 2, 4, 8, 15];

const token = location.pathname.split("/").filter(Boolean).pop();
/** What a token names, before its signature: it tells the organiser whose answers are meant, and opens nothing. */
export const code = named(token.split(".")[0]) ?? token;
// Relative, so that the study may lie below any prefix of a reverse proxy.
const root = new URL(`../api/r/${token}/`, location.href);
export const address = (path) => new URL(path, root).href;

function named(part) {
  try {
    const name = JSON.parse(atob(part.replaceAll("-", "+").replaceAll("_", "/")));
    return typeof name === "string" ? name : null;
  } catch {
    return null;
  }
}

export class Refused extends Error {
  constructor(status, body, wait_s) {
    super(body.error || `status ${status}`);
    Object.assign(this, { status, body, wait_s });
  }
}
class Lost extends Error {}

async function once(path, body) {
  const stop = new AbortController();
  const clock = setTimeout(() => stop.abort(), TIMEOUT_MS);
  const options = { signal: stop.signal, credentials: "omit" };
  if (body !== undefined) {
    Object.assign(options, { method: "POST", body: JSON.stringify(body) });
    options.headers = { "Content-Type": "application/json" };
  }
  try {
    const answer = await fetch(address(path), options);
    const json = answer.headers.get("Content-Type")?.includes("json");
    if (answer.ok) return json ? await answer.json() : await answer.blob();
    const told = await answer.json().catch(() => ({}));
    throw new Refused(answer.status, told, Number(answer.headers.get("Retry-After")) || 0);
  } catch (error) {
    throw error instanceof Refused ? error : new Lost();
  } finally {
    clearTimeout(clock);
  }
}

/** Ask until there is an answer; a 409 is the caller's, and what cannot be mended ends on a page of words. */
export async function ask(path, body) {
  for (let attempt = 0; ; attempt += 1) {
    try {
      const answer = await once(path, body);
      lost.hide();
      return answer;
    } catch (error) {
      if (error instanceof Lost) {
        await lost.wait(PAUSES_S[Math.min(attempt, PAUSES_S.length - 1)], Boolean(body?.request));
        continue;
      }
      lost.hide();
      if (error.status === 409) throw error;
      await words.refused(error, Boolean(body?.request));
    }
  }
}
