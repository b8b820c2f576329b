// Real pixels: the visible part at full resolution from 100 % on, and a round glass under the pointer.
import * as api from "./api.js";
import { studio } from "./state.js";
import { viewer } from "./viewer.js";

const MOST_PX = 2048; // of a side that the server gives at once
const REST_MS = 160;
const RIM_PX = 32; // asked for beyond what is visible, so that a small move shows no border
const GLASS_PX = 248; // CSS pixels across
const GLASS_WAIT_MS = 90;
const find = (id) => document.getElementById(id);
const clamp = (value, low, high) => Math.min(Math.max(value, low), high);
const glass = find("glass"), button = find("loupe"), busy = find("busy");
let resting = null;
let turn = 0;
let stop = null;
let have = ""; // what the tiles show
const held = new Set(); // what holds the glass: "key", "button"
let pointer = null;
let lens = null; // {x, y, image, look} of the glass
let waiting = null;

/** Whether the preview has fewer pixels than the screen shows of the photo. */
const coarse = () => viewer.size && viewer.scale * viewer.ratio > 0.999 && viewer.zoomed;

/** The part of the photo that is on the stage, in its whole pixels. */
function visible() {
  const { left, top } = viewer.place, [width, height] = viewer.size, scale = viewer.scale;
  const x = clamp(Math.floor(-left / scale) - RIM_PX, 0, width - 1);
  const y = clamp(Math.floor(-top / scale) - RIM_PX, 0, height - 1);
  const right = clamp(Math.ceil((viewer.box.width - left) / scale) + RIM_PX, x + 1, width);
  const bottom = clamp(Math.ceil((viewer.box.height - top) / scale) + RIM_PX, y + 1, height);
  return { x, y, width: right - x, height: bottom - y };
}

function* parts({ x, y, width, height }) {
  const across = Math.ceil(width / MOST_PX), down = Math.ceil(height / MOST_PX);
  for (let row = 0; row < down; row += 1) {
    for (let column = 0; column < across; column += 1) {
      const from = [Math.round(column * width / across), Math.round(row * height / down)];
      const to = [Math.round((column + 1) * width / across), Math.round((row + 1) * height / down)];
      yield { x: x + from[0], y: y + from[1], width: to[0] - from[0], height: to[1] - from[1] };
    }
  }
}

const plainWanted = () => viewer.held || viewer.split !== null;

/** Ask for the visible part, once nothing moves any more. */
function rest() {
  clearTimeout(resting);
  turn += 1;
  stop?.abort();
  if (!studio.photo || !coarse()) {
    busy.hidden = true;
    if (viewer.tiles.length) viewer.setTiles([]);
    have = "";
    return;
  }
  resting = setTimeout(fetchTiles, REST_MS);
}

async function fetchTiles() {
  const own = turn, area = visible(), look = studio.look, opened = studio.photo?.id;
  const wanted = JSON.stringify([area, look, plainWanted(), opened]);
  if (wanted === have) return;
  busy.hidden = false;
  stop = new AbortController();
  const { signal } = stop, tiles = [];
  try {
    for (const plain of plainWanted() ? [false, true] : [false]) {
      for (const part of parts(area)) {
        const image = await ask(part, look, plain, "loupe", signal);
        if (own !== turn) {
          image.close();
          return;
        }
        tiles.push({ ...part, plain, image });
        // What was there before stays below until all is there.
        viewer.setTiles([...viewer.tiles.filter((each) => !tiles.includes(each)), ...tiles]);
      }
    }
    viewer.setTiles(tiles);
    have = wanted;
    document.documentElement.dataset.tiles = String(Number(document.documentElement.dataset.tiles ?? 0) + 1);
  } catch (error) {
    if (own === turn && !error.stale && !error.lost) studio.say(error.message, "error");
  } finally {
    if (own === turn) busy.hidden = true;
  }
}

async function ask(part, look, plain, place, signal) {
  const told = await studio.withPhoto((photo) => api.loupe(photo.id, {
    ...part, look, before: plain, window: `${studio.window}-${place}`, number: studio.next(),
  }, { signal }));
  return createImageBitmap(told);
}

/** Old tiles show the look as it was; they go as soon as it moves. */
function stale() {
  have = "";
  if (viewer.tiles.some((each) => !each.plain)) viewer.setTiles(viewer.tiles.filter((each) => each.plain));
  rest();
}

const looking = () => held.size > 0 && studio.photo !== null;

/** Take the glass in hand, or lay it down. */
export function holdGlass(what, on) {
  if (on) held.add(what);
  else held.delete(what);
  button.setAttribute("aria-pressed", String(held.has("button")));
  if (on && !pointer) {
    const box = viewer.stage.getBoundingClientRect();
    pointer = { x: box.left + box.width / 2, y: box.top + box.height / 2 };
  }
  look();
}

function look() {
  glass.hidden = !looking();
  if (!looking()) return;
  const across = Math.round(GLASS_PX * viewer.ratio);
  if (glass.width !== across) {
    glass.width = glass.height = across;
    glass.style.width = glass.style.height = `${GLASS_PX}px`;
  }
  const box = viewer.stage.getBoundingClientRect();
  const left = pointer.x - box.left - GLASS_PX / 2, top = pointer.y - box.top - GLASS_PX / 2;
  glass.style.transform = `translate(${left}px, ${top}px)`;
  drawGlass(across);
  waiting ??= setTimeout(fillGlass, GLASS_WAIT_MS);
}

function drawGlass(across) {
  const context = glass.getContext("2d"), at = viewer.toPhoto(pointer.x, pointer.y);
  const [width, height] = viewer.size;
  const left = Math.floor(at.x * width) - across / 2, top = Math.floor(at.y * height) - across / 2;
  context.clearRect(0, 0, across, across);
  const picture = (viewer.held ? viewer.plain : viewer.picture) ?? viewer.plain;
  if (picture) context.drawImage(picture, -left, -top, width, height);
  const real = lens && lens.look === studio.look && lens.plain === viewer.held;
  if (real) context.drawImage(lens.image, lens.x - left, lens.y - top);
  glass.dataset.real = String(Boolean(real));
}

async function fillGlass() {
  const across = glass.width, at = viewer.toPhoto(pointer.x, pointer.y), [width, height] = viewer.size ?? [1, 1];
  const asked = studio.look, plain = viewer.held;
  const reach = across * 0.75; // more than is seen, for small moves
  const x = clamp(Math.floor(at.x * width - reach), 0, width - 1);
  const y = clamp(Math.floor(at.y * height - reach), 0, height - 1);
  const most = Math.min(Math.ceil(2 * reach), MOST_PX);
  const part = { x, y, width: Math.min(most, width - x), height: Math.min(most, height - y) };
  const key = JSON.stringify([part, plain]);
  if (!looking() || (lens?.key === key && lens.look === asked)) {
    waiting = null;
    return;
  }
  try {
    const image = await ask(part, asked, plain, "glass");
    lens?.image.close();
    lens = { ...part, image, look: asked, plain, key };
  } catch (error) {
    if (!error.stale && !error.lost) {
      held.clear();
      studio.say(error.message, "error");
    }
  } finally {
    waiting = null;
    if (looking()) look();
  }
}

button.addEventListener("click", () => holdGlass("button", !held.has("button")));
viewer.stage.addEventListener("pointermove", (event) => {
  pointer = { x: event.clientX, y: event.clientY };
  if (looking()) look();
});
viewer.stage.addEventListener("pointerdown", (event) => {
  pointer = { x: event.clientX, y: event.clientY };
  if (looking()) look();
});
viewer.addEventListener("change", () => {
  rest();
  if (looking()) look();
});
viewer.addEventListener("split", () => {
  if (plainWanted()) rest();
  if (looking()) look();
});
studio.addEventListener("look", stale);
studio.addEventListener("rendered", () => looking() && look());
studio.addEventListener("photo", ({ detail }) => {
  if (detail.keep) return;
  lens?.image.close();
  lens = null;
  held.clear();
  have = "";
  holdGlass("key", false);
});
window.addEventListener("blur", () => holdGlass("key", false));
