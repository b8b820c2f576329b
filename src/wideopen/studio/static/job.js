// One save, from the wish to the finished file.
import * as api from "./api.js";

const POLL_MS = 300;
const MOST_LOST = 20; // answers that may be missing before the save is given up
const PARTS = { waiting: [0, 0], read: [0, 0.1], scene: [0.1, 0.3], render: [0.3, 0.9], write: [0.9, 1] };
const WORDS = {
  waiting: "Waiting for another save to end",
  read: "Reading the photo",
  scene: "Finding the depth",
  render: "Drawing the blur",
  write: "Writing the file",
};

let clock = null;
const sleepers = new Map();

function woken(name) {
  sleepers.get(name)?.();
  sleepers.delete(name);
}

/** Wait, at the same pace in a hidden tab: the studio gives up what nobody asks about for half a minute. */
export function wait(ms) {
  try {
    if (!clock) {
      clock = new Worker(new URL("clock.js", import.meta.url));
      clock.addEventListener("message", (event) => woken(event.data));
    }
  } catch {
    return new Promise((done) => setTimeout(done, ms));
  }
  return new Promise((done) => {
    const name = crypto.getRandomValues(new Uint32Array(2)).join("-");
    sleepers.set(name, done);
    clock.postMessage({ name, ms });
  });
}

/** Share of a whole save that is done, 0 to 1. */
export function share({ state, step, share: part }) {
  const [from, to] = PARTS[state === "waiting" ? "waiting" : step] ?? [0, 0];
  return state === "done" ? 1 : from + (to - from) * (part ?? 0);
}

/** What a save is doing, for people. */
export const words = ({ state, step }) => WORDS[state === "waiting" ? "waiting" : step] ?? WORDS.read;

/** A file's size for people. */
export function size(bytes) {
  const units = ["bytes", "kB", "MB", "GB"];
  const power = bytes > 0 ? Math.min(Math.floor(Math.log10(bytes) / 3), 3) : 0;
  const number = bytes / 1000 ** power;
  return `${power && number < 99.5 ? number.toFixed(1) : Math.round(number)} ${units[power]}`;
}

/** Ask how a save is getting on, and again where the studio did not answer. */
async function asked(job) {
  for (let left = MOST_LOST; ; left -= 1) {
    try {
      return await api.saving(job);
    } catch (error) {
      if (!error.lost || left === 0) throw error;
      await wait(3 * POLL_MS);
    }
  }
}

/**
 * See a save through; gives its last state with its job's name.
 *
 * begin() asks for the save and gives its job; tell(state) hears how it goes on; an aborted signal cancels.
 */
export async function seen(begin, { tell = () => {}, signal } = {}) {
  const job = await begin();
  const cancel = () => api.cancelSave(job).catch(() => {});
  if (signal?.aborted) cancel();
  signal?.addEventListener("abort", cancel, { once: true });
  try {
    for (;;) {
      const state = await asked(job);
      // What was done in the moment of cancelling is taken back, unless it lies in the user's folder already.
      if (signal?.aborted && !state.place) return { ...state, job, state: "cancelled" };
      if (!["waiting", "running"].includes(state.state)) return { ...state, job };
      tell(state);
      await wait(POLL_MS);
    }
  } finally {
    signal?.removeEventListener("abort", cancel);
  }
}

/** Let the browser download what lies at an address or in a Blob. */
export function download(source, name) {
  const link = document.createElement("a"), blob = source instanceof Blob;
  link.href = blob ? URL.createObjectURL(source) : source;
  link.download = name;
  document.body.append(link);
  link.click();
  link.remove();
  if (blob) setTimeout(() => URL.revokeObjectURL(link.href), 60000);
}

let under_way = 0;
const warn = (event) => {
  event.preventDefault();
  event.returnValue = ""; // browsers of before 2024 ask only so
};

/** While work is under way, closing the tab is asked about. */
export async function guarded(work) {
  under_way += 1;
  if (under_way === 1) window.addEventListener("beforeunload", warn);
  try {
    return await work();
  } finally {
    under_way -= 1;
    if (under_way === 0) window.removeEventListener("beforeunload", warn);
  }
}
