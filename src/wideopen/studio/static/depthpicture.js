// Depth as pictures to look at: colours, and the lines where it jumps.
// A depth is what api.depth gives: data of 16 bits, row by row, 0 the farthest and 65535 the nearest.
import { DEPTH_COLOURS, FOCUS_COLOUR, place } from "./colour.js";

const MOST = 65535;
const MARK = 0.012 * MOST; // half the width of the mark of the plane in focus
const JUMP = 0.03 * MOST; // between neighbours; a slope this steep is a border
const LARGE = 0.15 * MOST; // a jump that is drawn in full
const LINE = [255, 64, 129];

function canvasOf(width, height, pixels) {
  const canvas = document.createElement("canvas");
  Object.assign(canvas, { width, height });
  canvas.getContext("2d").putImageData(new ImageData(pixels, width, height), 0, 0);
  return canvas;
}

/** How much each of the 65536 depths is marked as in focus, 0 to 1. */
function marks([far, near]) {
  const from = far * MOST, to = near * MOST;
  return (value) => {
    const away = Math.max(from - value, value - to, 0) / MARK;
    return Math.min(Math.max(3 * (1 - away), 0), 1);
  };
}

/** A depth in colours; what lies within a span of shares is hatched, so that its own colour is still seen. */
export function depthPicture({ width, height, data }, span = null) {
  const pixels = new Uint8ClampedArray(4 * data.length), stripe = Math.max(4, Math.round(width / 200));
  const mark = span ? marks(span) : null;
  for (let index = 0, to = 0; index < data.length; index += 1, to += 4) {
    const from = place(data[index]);
    const hatched = mark && Math.floor(((index % width) + Math.floor(index / width)) / stripe) % 2;
    const much = hatched ? mark(data[index]) : 0;
    for (let channel = 0; channel < 3; channel += 1) {
      const colour = DEPTH_COLOURS[from + channel];
      pixels[to + channel] = colour + 0.85 * much * (FOCUS_COLOUR[channel] - colour);
    }
    pixels[to + 3] = 255;
  }
  return canvasOf(width, height, pixels);
}

/** How steeply the depth changes, along rows and columns. */
function slopes({ width, height, data }) {
  const across = new Int32Array(data.length), down = new Int32Array(data.length);
  for (let y = 0; y < height; y += 1) {
    const above = Math.max(y - 1, 0) * width, below = Math.min(y + 1, height - 1) * width;
    for (let x = 0, at = y * width; x < width; x += 1, at += 1) {
      across[at] = data[x + 1 < width ? at + 1 : at] - data[x ? at - 1 : at];
      down[at] = data[below + x] - data[above + x];
    }
  }
  return { across, down };
}

/**
 * How far the depth jumps, where it does and one pixel wide, else 0: the steepest of each slope, as Canny (1986) thins
 * edges.
 */
export function borders(depth) {
  const { width, height } = depth, { across, down } = slopes(depth);
  const steep = new Float32Array(across.length), found = new Float32Array(across.length);
  for (let at = 0; at < steep.length; at += 1) steep[at] = Math.hypot(across[at], down[at]);
  for (let y = 1; y < height - 1; y += 1) {
    for (let x = 1, at = y * width + 1; x < width - 1; x += 1, at += 1) {
      if (steep[at] < JUMP) continue;
      const step = Math.abs(across[at]) >= Math.abs(down[at]) ? 1 : width;
      // Of two that are as steep the first is taken, so that a jump between two pixels makes one line.
      if (steep[at] > steep[at - step] && steep[at] >= steep[at + step]) found[at] = steep[at];
    }
  }
  return found;
}

/** Lines where the depth jumps, on clear ground, fainter where it jumps less, with a dark rim for bright photos. */
export function borderPicture(depth) {
  const { width, height } = depth, jumps = borders(depth);
  const pixels = new Uint8ClampedArray(4 * jumps.length);
  for (let at = 0; at < jumps.length; at += 1) {
    if (!jumps[at]) continue;
    const cover = 0.25 + 0.75 * Math.min(jumps[at] / LARGE, 1);
    for (const beside of [at - width, at - 1, at + 1, at + width]) {
      if (!jumps[beside]) pixels[4 * beside + 3] = Math.max(pixels[4 * beside + 3], 110 * cover);
    }
    pixels.set([...LINE, 255 * cover], 4 * at);
  }
  return canvasOf(width, height, pixels);
}
