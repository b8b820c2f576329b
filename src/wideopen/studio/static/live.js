// Pictures that follow the controls: one request under way, the newest waits, what lies between is dropped.
import * as api from "./api.js";
import { studio } from "./state.js";
import { viewer } from "./viewer.js";

const LIVE_SIDES = [640, 1024]; // while something moves: the larger where this computer is quick enough
const LIVE_SIDE = LIVE_SIDES.at(-1);
const SLOW_MS = 75;
const QUICK_MS = 25;
const SIDES = [320, 640, 1024, 1536, 2048];
const REST_MS = 250;
const DEPTH_SIDE = 1024;
const REFUSED_MS = 5000;
let wanted = null; // {side, since}
let shown = null; // {look, side}
let busy = false;
let resting = null;
let leave = null; // ends the wait for a picture that is larger than those that follow the hand
let plainSide = 0;
let strokes = "";
const pace = { at: LIVE_SIDES.length - 1, ms: null, seen: new Set() };

const liveSide = () => LIVE_SIDES[pace.at];

/** Learn how long live pictures take here, and how large they may be to follow the hand. */
function learn(side, ms) {
  // The first of a size also waits for what is kept from then on.
  if (side !== liveSide() || !pace.seen.has(side)) {
    pace.seen.add(side);
    return;
  }
  pace.ms = pace.ms === null ? ms : 0.6 * pace.ms + 0.4 * ms;
  const step = pace.ms > SLOW_MS && pace.at > 0 ? -1 : pace.ms < QUICK_MS && pace.at < LIVE_SIDES.length - 1 ? 1 : 0;
  if (step) Object.assign(pace, { at: pace.at + step, ms: null });
}

/** The least side that fills the screen as the picture lies now. */
function restSide() {
  const longer = Math.max(...viewer.size) * viewer.scale * viewer.ratio;
  return SIDES.find((side) => side >= longer * 0.95 && side >= LIVE_SIDE) ?? SIDES.at(-1);
}

/** Tell whether pictures are still to come, for those who wait for the last one. */
function tell() {
  document.documentElement.dataset.live = wanted || busy || resting !== null ? "moving" : "still";
}

function hurry() {
  clearTimeout(resting);
  resting = null;
}

function want(side, since = performance.now()) {
  hurry();
  if (!studio.photo) return;
  wanted = { side, since };
  leave?.abort();
  run();
}

/** Ask for a picture as large as the screen once nothing moves any more. */
function rest(since) {
  hurry();
  resting = setTimeout(() => {
    resting = null;
    if (studio.photo && (shown?.side !== restSide() || shown.look !== studio.look)) want(restSide(), since);
    tell();
  }, REST_MS);
}

async function run() {
  if (busy || !wanted) return;
  const { side, since } = wanted, look = studio.look, number = studio.next();
  wanted = null;
  busy = true;
  leave = side > liveSide() ? new AbortController() : null;
  const signal = leave?.signal;
  tell();
  const opened = studio.photo?.id, begun = performance.now();
  try {
    const asked = { look, side, window: studio.window, number };
    const told = await studio.withPhoto((photo) => api.render(photo.id, asked, { signal }));
    const picture = await createImageBitmap(told.blob);
    const wantedStill = studio.photo && (studio.photo.id === opened || studio.look === look);
    if (wantedStill) {
      show(picture, told, { look, side, since, number });
      learn(side, performance.now() - begun);
    } else picture.close();
  } catch (error) {
    if (!error.stale && studio.photo) refuse(error);
  } finally {
    busy = false;
    leave = null;
    if (wanted) run();
    tell();
  }
}

function show(picture, told, { look, side, since, number }) {
  viewer.setPicture(picture);
  viewer.paintNow(); // rather than with the next picture of the screen, which may be 16 ms away
  shown = { look, side };
  studio.level = told.level;
  studio.radius_px = told.radius_px;
  document.documentElement.dataset.rendered = String(number);
  const ms = performance.now() - since;
  studio.dispatchEvent(new CustomEvent("rendered", { detail: { ...told, number, side, ms, server_ms: told.ms } }));
  if (!wanted) {
    rest(since);
    plain(LIVE_SIDE);
  }
}

let refused = { message: "", at: 0 };

/** Say what does not go, but not at every move of a control. */
function refuse(error) {
  if (error.lost) return; // the banner says it
  const now = performance.now(), again = refused.message === error.message && now - refused.at < REFUSED_MS;
  refused = { message: error.message, at: now };
  if (!again) studio.say(error.message, "error");
}

/** Fetch the photo as it came, at least so large. */
async function plain(side) {
  if (!studio.photo || plainSide >= side) return;
  plainSide = side;
  const opened = studio.photo.id;
  try {
    const picture = await createImageBitmap(await studio.withPhoto((photo) => api.before(photo.id, side)));
    if (studio.photo?.id === opened) viewer.setPlain(picture);
    else picture.close();
  } catch (error) {
    plainSide = 0;
    if (!error.stale && !error.lost) studio.say(error.message, "error");
  }
}

/** Fetch the depth as it is mended now. */
async function depth() {
  const asked = strokes = JSON.stringify(studio.look.strokes ?? []);
  const opened = studio.photo?.id;
  try {
    const told = await studio.withPhoto((photo) => api.depth(photo.id, { look: studio.look, side: DEPTH_SIDE }));
    if (studio.photo?.id === opened && asked === strokes) studio.setDepth(told);
  } catch (error) {
    if (!error.stale && !error.lost) studio.say(error.message, "error");
  }
}

/** Everything anew, as after the studio did not answer. */
export function again() {
  if (!studio.photo) return;
  want(LIVE_SIDE);
  plain(Math.max(plainSide, LIVE_SIDE));
  if (!studio.depth) depth();
}

/** See to it that the photo as it came is at hand as large as it is shown. */
export const needPlain = () => viewer.size && plain(restSide());

studio.addEventListener("photo", (event) => {
  if (!event.detail.keep) {
    pace.seen.clear();
    shown = null;
    plainSide = 0;
    wanted = null;
  }
});
studio.addEventListener("look", (event) => {
  if (!studio.photo) return;
  want(event.detail.live || shown ? liveSide() : LIVE_SIDE);
  const now = JSON.stringify(studio.look.strokes ?? []);
  if (!event.detail.live && (now !== strokes || !studio.depth)) depth();
});
viewer.addEventListener("change", () => {
  if (!studio.photo || !shown || busy || wanted) return;
  if (restSide() > shown.side) rest(performance.now());
});
