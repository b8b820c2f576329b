// A soft tint over what is sharp, while the focus or the ring moves.
import { studio } from "./state.js";
import { viewer } from "./viewer.js";
import { POINT_SHARE, focusLevel, radiusPerLevel_px, span } from "./optics.js";

const SHOWN_MS = 800;
const COLOUR = [64, 214, 196];
const OPACITY = 0.42;
const LEVELS = 2048;
const FOCUSING = [
  "focus", "focus_m", "in_focus", "in_focus_m", "f_number", "max_blur_percent", "focal_mm", "sensor_mm",
];
const find = (id) => document.getElementById(id);
const layer = viewer.tint;
const small = document.createElement("canvas");
let pixels = null;
let fading = null;
let frame = null;
let sharpness = null;

/** How sharp every level of depth is: 1 where discs are points, 0 where they are twice as large. */
function table() {
  const level = focusLevel(), range = span() ?? [level, level];
  const point = POINT_SHARE * Math.hypot(studio.photo.width, studio.photo.height);
  const perLevel = 2 * radiusPerLevel_px(level);
  return Uint8ClampedArray.from({ length: LEVELS }, (_, at) => {
    const here = at / (LEVELS - 1), away = Math.max(range[0] - here, here - range[1], 0);
    const over = Math.min(Math.max(perLevel * away / point - 1, 0), 1);
    return 255 * OPACITY * (1 - over * over * (3 - 2 * over));
  });
}

function draw() {
  frame = null;
  const depth = studio.depth;
  if (!depth || !studio.photo) return;
  const { data, width, height } = depth;
  if (small.width !== width || small.height !== height || !pixels) {
    small.width = width;
    small.height = height;
    pixels = new ImageData(width, height);
  }
  sharpness = table();
  const out = new Uint32Array(pixels.data.buffer), tone = COLOUR[0] | (COLOUR[1] << 8) | (COLOUR[2] << 16);
  const shift = 16 - Math.log2(LEVELS);
  for (let at = 0; at < out.length; at += 1) out[at] = (sharpness[data[at] >> shift] << 24) | tone;
  small.getContext("2d").putImageData(pixels, 0, 0);
  place();
}

function place() {
  const context = layer.getContext("2d"), { left, top, width, height } = viewer.place, ratio = viewer.ratio;
  context.clearRect(0, 0, layer.width, layer.height);
  context.drawImage(small, left * ratio, top * ratio, width * ratio, height * ratio);
}

/** Show what is sharp now, and let it fade. */
export function flash() {
  if (!studio.depth || studio.tool === "brush" || !find("show-tint").checked || viewer.held) return;
  layer.classList.add("on");
  frame ??= requestAnimationFrame(draw);
  clearTimeout(fading);
  fading = setTimeout(() => layer.classList.remove("on"), SHOWN_MS);
}

export function hideTint() {
  clearTimeout(fading);
  layer.classList.remove("on");
}

studio.addEventListener("look", ({ detail }) => {
  if (detail.changes && FOCUSING.some((name) => name in detail.changes)) flash();
});
studio.addEventListener("photo", hideTint);
viewer.addEventListener("change", () => layer.classList.contains("on") && sharpness && place());
