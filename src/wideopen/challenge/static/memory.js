// What a tab remembers until it is closed: the token, the upload under way, and what was typed.
const NAMES = ["token", "upload", "draft"];
// A browser that keeps nothing goes on without; then a reload forgets.
const kept = new Map();

const name = (what) => `wideopen.challenge.${new URL("..", import.meta.url).pathname}.${what}`;

export function memory(what) {
  try {
    const text = sessionStorage.getItem(name(what));
    if (text !== null) return JSON.parse(text);
  } catch { /* as if there were nothing */ }
  return kept.get(what) ?? null;
}

export function remember(what, value) {
  kept.set(what, value);
  try {
    sessionStorage.setItem(name(what), JSON.stringify(value));
  } catch { /* it is in `kept` */ }
}

export function forget(...what) {
  for (const each of what.length ? what : NAMES) {
    kept.delete(each);
    try {
      sessionStorage.removeItem(name(each));
    } catch { /* there was nothing */ }
  }
}
