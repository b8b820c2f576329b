// The thin lens as the server reckons it, for what must follow a control at once: what is sharp, from where to where.
import { studio } from "./state.js";

/** Discs of at most this share of the frame's diagonal look like points: the usual d/1500. */
export const POINT_SHARE = 1 / 1500;
export const STOPS = [1.2, 1.4, 2, 2.8, 4, 5.6, 8, 11, 16];
export const THIRDS = [1.2, 1.4, 1.6, 1.8, 2, 2.2, 2.5, 2.8, 3.2, 3.5, 4,
  4.5, 5, 5.6, 6.3, 7.1, 8, 9, 10, 11, 13, 14, 16];
/** Blur strength in percent; 100 is what a look has by default. */
export const FULL_BLUR_PERCENT = 0.8, USUAL_F_NUMBER = 1.8, MOST_STRENGTH = 300;

export const metric = () => studio.photo?.depth.metric === true;

/** Dioptres of the farthest and the nearest. */
export function ends() {
  const { far, near } = studio.photo.depth;
  return [far, near];
}

export function dioptresAt(level) {
  const [far, near] = ends();
  return far + level * (near - far);
}

export function levelOf(dioptres) {
  const [far, near] = ends();
  return near > far ? (dioptres - far) / (near - far) : 0;
}

/** The depth at a point of the photo, 0 farthest .. 1 nearest: the median of what lies close on the same surface. */
export function levelAt(x, y) {
  const depth = studio.depth;
  if (!depth) return null;
  const { data, width, height } = depth;
  const column = Math.min(width - 1, Math.floor(x * width)), row = Math.min(height - 1, Math.floor(y * height));
  const reach = Math.max(1, Math.round(0.002 * Math.hypot(width, height))), here = data[row * width + column];
  const same = [];
  for (let v = Math.max(0, row - reach); v <= Math.min(height - 1, row + reach); v += 1) {
    for (let u = Math.max(0, column - reach); u <= Math.min(width - 1, column + reach); u += 1) {
      const there = data[v * width + u];
      if (Math.abs(there - here) <= 0.05 * 65535) same.push(there);
    }
  }
  same.sort((a, b) => a - b);
  const middle = same.length >> 1;
  return (same.length % 2 ? same[middle] : (same[middle - 1] + same[middle]) / 2) / 65535;
}

/** What is kept sharp whatever the aperture: [far, near] in shares, or null. */
export function span(look = studio.look) {
  if (look.in_focus) return look.in_focus;
  if (look.in_focus_m && metric()) return [1 / look.in_focus_m[1], 1 / look.in_focus_m[0]].map(levelOf);
  return null;
}

/** The plane in focus of the look as it is now, found here and at once. */
export function focusLevel(look = studio.look) {
  const range = span(look);
  if (range) return (range[0] + range[1]) / 2;
  if (look.focus) return levelAt(...look.focus) ?? studio.level;
  if (look.focus_m && metric()) return levelOf(1 / look.focus_m);
  return studio.photo.subject.level;
}

const focal_mm = () => studio.look.focal_mm ?? studio.photo.camera.focal_mm;
const sensor_mm = () => studio.look.sensor_mm ?? studio.photo.camera.sensor_mm;

/** Radius of the blur in pixels of the whole photo per unit of level from the plane in focus. */
export function radiusPerLevel_px(level) {
  const { width, height } = studio.photo;
  if (!metric()) {
    const most = studio.setting("max_blur_percent") / 100 * Math.hypot(width, height);
    return most * USUAL_F_NUMBER / studio.setting("f_number") / Math.max(level, 1 - level, 1e-6);
  }
  const focal_m = focal_mm() / 1000, aperture_mm = focal_mm() / studio.setting("f_number");
  const [far, near] = ends();
  const pitch = Math.max(width, height) / sensor_mm();
  const nearness = Math.max(1 - focal_m * dioptresAt(level), 1e-6);
  return aperture_mm * focal_m / (2 * nearness) * pitch * (near - far);
}

/**
 * Where the blur's disc is a point still, in metres from the camera: [near, far]; far may be infinite.
 *
 * |D - D_f| <= c N (1 - f D_f) / f^2, with the circle of confusion c a 1500th of the sensor's diagonal.
 */
export function depthOfField_m(level) {
  const { width, height } = studio.photo;
  const focal_m = focal_mm() / 1000;
  const point_m = sensor_mm() / 1000 * Math.hypot(width, height) / Math.max(width, height) * POINT_SHARE;
  const range = span() ?? [level, level];
  const slack = point_m * studio.setting("f_number") * (1 - focal_m * dioptresAt(level)) / focal_m ** 2;
  const nearest = dioptresAt(range[1]) + slack, farthest = dioptresAt(range[0]) - slack;
  return [1 / nearest, farthest > 0 ? 1 / farthest : Infinity];
}

export function strength() {
  return studio.setting("max_blur_percent") / FULL_BLUR_PERCENT * 100 * USUAL_F_NUMBER / studio.setting("f_number");
}
export const blurPercent = (value) =>
  value / 100 * FULL_BLUR_PERCENT * studio.setting("f_number") / USUAL_F_NUMBER;

/** Metres as people read them. */
export function metres(value) {
  if (!(value < 900)) return "∞";
  if (value >= 100) return `${value.toFixed(0)} m`;
  if (value >= 10) return `${value.toFixed(1)} m`;
  return value >= 1 ? `${value.toFixed(2)} m` : `${(value * 100).toFixed(value < 0.1 ? 1 : 0)} cm`;
}

/** Where a level lies, in words. */
export function place(level) {
  if (metric()) {
    const dioptres = dioptresAt(level);
    return dioptres > 0 ? metres(1 / dioptres) : "∞";
  }
  return `${Math.round((1 - level) * 100)} % of the way back`;
}
