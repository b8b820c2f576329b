// All that the page asks the studio for; one function per request, each throws a Failure.

const FORMAT = "look/1";
/** Tells "lost" when the studio does not answer, and "found" when it does again. */
export const line = new EventTarget();
// Relative, so that the studio may lie below any prefix.
const address = (path) => new URL(`api/${path}`, document.baseURI).href;

/** Why there is no answer, in words for the person who waits. */
export class Failure extends Error {
  constructor(message, { status = 0, gone = false, stale = false } = {}) {
    super(message);
    /** `status` is 0 where the studio did not answer at all; `lost` says the same. */
    Object.assign(this, { status, gone, stale, lost: status === 0 });
  }
}

const asLook = (look) => ({ wideopen: FORMAT, ...look });

async function ask(path, { body, method, signal, raw } = {}) {
  const options = { method: method ?? (body === undefined ? "GET" : "POST"), credentials: "same-origin", signal };
  if (body !== undefined) {
    options.body = raw ? body : JSON.stringify(body);
    options.headers = { "Content-Type": raw ? "application/octet-stream" : "application/json" };
  }
  let answer;
  try {
    answer = await fetch(address(path), options);
  } catch (error) {
    if (error.name === "AbortError") throw new Failure("stopped", { status: 499, stale: true });
    throw lost();
  }
  line.dispatchEvent(new Event("found"));
  if (answer.ok) return answer;
  throw refused(answer.status, await answer.json().catch(() => ({})));
}

function lost() {
  line.dispatchEvent(new Event("lost"));
  return new Failure("The studio does not answer. Is it still running in its window?");
}

function refused(status, told) {
  const message = typeof told.error === "string" ? told.error : `The studio refused (status ${status}).`;
  return new Failure(message, { status, gone: status === 410 || told.gone === true, stale: told.stale === true });
}

/** What the studio is: version, limits, formats, presets. */
export const about = async () => (await ask("studio")).json();

/** Address of a preset's disc, for an <img>. */
export const presetPicture = (name, { side = 72, corner = false } = {}) =>
  address(`presets/${encodeURIComponent(name)}.png?side=${side}&corner=${corner ? 1 : 0}`);

/** The disc of a look, as a Blob. */
export const disc = async (look, { side = 72, corner = false, signal } = {}) =>
  (await ask(`disc.png?side=${side}&corner=${corner ? 1 : 0}`, { body: asLook(look), signal })).blob();

/**
 * Send a photo; gives its info. `progress` is told the share that is sent; only="save" skips looking at the scene.
 * By XMLHttpRequest, for fetch tells nothing about what it has sent.
 */
export function openPhoto(file, { progress = () => {}, only = null, signal } = {}) {
  const path = `photos?name=${encodeURIComponent(file.name || "photo")}${only ? `&only=${only}` : ""}`;
  return new Promise((done, fail) => {
    const request = new XMLHttpRequest();
    request.open("POST", address(path));
    request.responseType = "json";
    request.setRequestHeader("Content-Type", "application/octet-stream");
    request.upload.addEventListener("progress", (event) => progress(event.total ? event.loaded / event.total : 0));
    request.addEventListener("load", () => {
      line.dispatchEvent(new Event("found"));
      if (request.status < 300) done(request.response);
      else fail(refused(request.status, request.response ?? {}));
    });
    request.addEventListener("error", () => fail(lost()));
    request.addEventListener("abort", () => fail(new Failure("stopped", { status: 499, stale: true })));
    signal?.addEventListener("abort", () => request.abort());
    request.send(file);
  });
}

export const openSample = async () => (await ask("sample", { method: "POST" })).json();
export const photo = async (id) => (await ask(`photos/${id}`)).json();
export const close = (id) => ask(`photos/${id}`, { method: "DELETE" });

/** The photo as it came, as a Blob. */
export const before = async (id, side, { signal } = {}) =>
  (await ask(`photos/${id}/before?side=${side}`, { signal })).blob();

const number = (answer, name) => Number(answer.headers.get(name));

/** A picture of the look: {blob, number, radius_px, level, ms}. */
export async function render(id, { look, side, window, number: asked }, { signal } = {}) {
  const body = { look: asLook(look), side, window, number: asked };
  const answer = await ask(`photos/${id}/render`, { body, signal });
  return {
    blob: await answer.blob(),
    number: number(answer, "x-number"),
    radius_px: number(answer, "x-radius-px"),
    level: number(answer, "x-level"),
    ms: number(answer, "x-ms"),
  };
}

/** A part of the photo at full resolution, in whole pixels of it, as a Blob. */
export async function loupe(id, { look, x, y, width, height, window, number: asked, before: plain }, { signal } = {}) {
  const body = { look: asLook(look), x, y, width, height, window, number: asked };
  if (plain) body.before = true;
  return (await ask(`photos/${id}/loupe`, { body, signal })).blob();
}

/** Depth, mended by the look's strokes: {data (Uint16Array, 0 farthest), width, height, far, near, level}. */
export async function depth(id, { look, side }, { signal } = {}) {
  const answer = await ask(`photos/${id}/depth`, { body: { look: asLook(look), side }, signal });
  const view = new DataView(await answer.arrayBuffer());
  const data = new Uint16Array(view.byteLength / 2);
  for (let at = 0; at < data.length; at += 1) data[at] = view.getUint16(2 * at, true);
  return {
    data,
    width: number(answer, "x-width"),
    height: number(answer, "x-height"),
    far: number(answer, "x-far"),
    near: number(answer, "x-near"),
    level: number(answer, "x-level"),
  };
}

/** What of the depth lies in a rectangle: [far, near] in shares. */
export const box = async (id, { look, box: borders }) =>
  (await (await ask(`photos/${id}/box`, { body: { look: asLook(look), box: borders } })).json()).in_focus;

/** Begin to save; gives the job's name. */
export const save = async (id, { look, suffix = null, quality = 95 }) =>
  (await (await ask(`photos/${id}/save`, { body: { look: asLook(look), suffix, quality } })).json()).job;
/** How a save is getting on: {state, step, share, error, name, bytes, place}. */
export const saving = async (job) => (await ask(`saves/${job}`)).json();
export const cancelSave = (job) => ask(`saves/${job}`, { method: "DELETE" });
/** Address of a saved file, for a download. */
export const savedFile = (job) => address(`saves/${job}/file`);

/** Read a look's text as the studio reads it; gives the plain look without what is default. */
export async function readLook(text) {
  const answer = await ask("look", { body: text, raw: true });
  const { wideopen, ...look } = await answer.json();
  return look;
}
