// An upload in pieces: it pauses, goes on, and finds again what came before a reload.
import { Lost, Refused, ask } from "./ask.js";

const LEAST = 256 << 10, MOST = 8 << 20;
const PAUSES_S = [1, 2, 4, 8, 15];

/** Pack and read in a worker; `tell` hears how far that is. */
export function packed({ files, blob }, tell, signal) {
  return new Promise((done, failed) => {
    const worker = new Worker(new URL("pack.js", import.meta.url), { type: "module" });
    const end = (settle, value) => { worker.terminate(); settle(value); };
    signal.addEventListener("abort", () => end(failed, signal.reason));
    worker.onerror = () => end(failed, new Error("this browser cannot read the file; try another"));
    worker.onmessage = ({ data }) => {
      if (data.error) end(failed, new Error(data.error));
      else if (data.stage) tell(data.stage, data.done, data.total);
      else end(done, data);
    };
    worker.postMessage({ files, blob });
  });
}

const asleep = (seconds, signal) => new Promise((done, failed) => {
  const clock = setTimeout(done, seconds * 1000);
  signal.addEventListener("abort", () => { clearTimeout(clock); failed(signal.reason); }, { once: true });
});

/** Ask until there is an answer. */
export async function asking(method, path, options, tell = () => {}) {
  for (let attempt = 0; ; attempt += 1) {
    try {
      return await ask(method, path, options);
    } catch (error) {
      const busy = error instanceof Refused && (error.status === 503 || (error.status === 429 && error.wait_s <= 60));
      if (!(error instanceof Lost || busy)) throw error;
      const pause_s = Math.max(error.wait_s ?? 0, PAUSES_S[Math.min(attempt, PAUSES_S.length - 1)]);
      tell(pause_s);
      await asleep(pause_s, options.signal ?? new AbortController().signal);
    }
  }
}

/** Send a blob; gives the upload's name. `tell` hears "sending" with bytes, or "lost" with seconds to wait. */
export async function sent({ blob, name, sha256, who, signal }, tell) {
  const options = { who, signal }, lost = (pause_s) => tell("lost", pause_s);
  const body = { file_name: name, bytes: blob.size, sha256 };
  const begun = await asking("POST", "api/uploads", { ...options, body }, lost);
  const path = `api/uploads/${begun.id}`;
  let at = begun.received, piece = LEAST, lost_times = 0;
  tell("sending", at, blob.size);
  while (at < blob.size) {
    const since = performance.now();
    try {
      const body = blob.slice(at, at + piece);
      at = (await ask("PATCH", `${path}?offset=${at}`, { ...options, body })).received;
      lost_times = 0;
      piece = performance.now() - since < 1000 ? Math.min(MOST, piece * 2) : Math.max(LEAST, piece / 2);
    } catch (error) {
      const again = error instanceof Lost || [409, 429, 503].includes(error.status);
      if (!again) throw error;
      if (error.status !== 409) {
        const pause_s = Math.max(error.wait_s ?? 0, PAUSES_S[Math.min(lost_times, PAUSES_S.length - 1)]);
        lost_times += 1;
        piece = LEAST;
        lost(pause_s);
        await asleep(pause_s, signal);
      }
      at = (await asking("GET", path, options, lost)).received;
    }
    tell("sending", at, blob.size);
  }
  return begun.id;
}
