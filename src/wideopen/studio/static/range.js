// The range to keep sharp: two handles on the histogram of the photo's depth, near at the left, far at the right.
import { studio } from "./state.js";
import { focusLevel, metric, place, span } from "./optics.js";

const BINS = 96;
const STEP = 0.01, LARGE_STEP = 0.05;
const find = (id) => document.getElementById(id);
const clamp = (value, low = 0, high = 1) => Math.min(Math.max(value, low), high);
const canvas = find("histogram"), handles = { near: find("range-near"), far: find("range-far") };
let counts = null;
let dragged = null;
let before = null; // what was in focus before there was a range

/** [far, near] in shares as the handles stand. */
function now() {
  const level = clamp(focusLevel());
  return (span() ?? [level, level]).map((share) => clamp(share));
}

function change([far, near], options) {
  if (!span()) before = { focus: studio.look.focus, focus_m: studio.look.focus_m };
  const rounded = [far, near].map((share) => Number(clamp(share).toFixed(4)));
  studio.setLook({ focus: undefined, focus_m: undefined, in_focus_m: undefined, in_focus: rounded }, options);
}

/** Move one end; the other is pushed along. */
function move(end, share, options) {
  const [far, near] = now(), to = clamp(share);
  change(end === "far" ? [to, Math.max(to, near)] : [Math.min(to, far), to], options);
}

function count() {
  counts = null;
  if (!studio.depth) return;
  const found = new Float64Array(BINS), { data } = studio.depth;
  for (let at = 0; at < data.length; at += 7) found[(data[at] * BINS) >> 16] += 1;
  const most = Math.max(...found);
  counts = Array.from(found, (each) => Math.sqrt(each / most)); // so that small things are seen beside large ones
}

function draw() {
  const box = canvas.getBoundingClientRect(), ratio = devicePixelRatio;
  if (!box.width || !studio.photo) return;
  canvas.width = Math.round(box.width * ratio);
  canvas.height = Math.round(box.height * ratio);
  const context = canvas.getContext("2d"), style = getComputedStyle(canvas), [far, near] = now();
  const { width, height } = canvas;
  context.clearRect(0, 0, width, height);
  const within = [(1 - near) * width, (1 - far) * width];
  if (span()) {
    context.globalAlpha = 0.16;
    context.fillStyle = style.getPropertyValue("--glow");
    context.fillRect(within[0], 0, within[1] - within[0], height);
  }
  for (let bin = 0; counts && bin < BINS; bin += 1) {
    const level = (bin + 0.5) / BINS, x = (1 - (bin + 1) / BINS) * width, tall = counts[bin] * height * 0.88;
    const inside = span() && level >= far && level <= near;
    context.globalAlpha = inside ? 0.95 : 0.5;
    context.fillStyle = style.getPropertyValue(inside ? "--glow" : "--soft");
    context.fillRect(x, height - tall, width / BINS - Math.min(1, ratio / 2), tall);
  }
  context.globalAlpha = 1;
}

function show() {
  if (!studio.photo) return;
  const [far, near] = now(), range = span();
  find("range").classList.toggle("on", Boolean(range));
  for (const [end, share] of [["near", near], ["far", far]]) {
    const handle = handles[end];
    handle.style.left = `${(1 - share) * 100}%`;
    handle.setAttribute("aria-valuenow", Math.round((1 - share) * 100));
    handle.setAttribute("aria-valuetext", place(share));
  }
  find("range-least").textContent = metric() ? place(1) : "near";
  find("range-most").textContent = metric() ? place(0) : "far";
  const sharp = metric() ? `${place(near)} to ${place(far)}` : "Sharp between the two ends";
  find("range-note").textContent = range ? sharp : "Drag an end to keep a range sharp";
  find("range-clear").hidden = !range;
  draw();
}

const shareAt = (event) => {
  const box = canvas.getBoundingClientRect();
  return 1 - (event.clientX - box.left) / box.width;
};

function grasp(event, end) {
  if (event.button !== 0 || !studio.photo) return;
  event.preventDefault();
  event.currentTarget.setPointerCapture(event.pointerId);
  dragged = { end, from: shareAt(event), was: now(), id: event.pointerId };
}

function drag(event) {
  if (event.pointerId !== dragged?.id) return;
  const to = shareAt(event), { was, from } = dragged;
  let { end } = dragged;
  if (end === "both") {
    const by = clamp(to - from, -was[0], 1 - was[1]);
    change([was[0] + by, was[1] + by], { live: true });
    return;
  }
  // Of two handles in one place, the one that is pulled away is meant.
  if (was[0] === was[1] && Math.abs(to - from) > 0.002 && end !== "sure") end = to > from ? "near" : "far";
  change(end === "far" ? [to, Math.max(to, was[1])] : [Math.min(to, was[0]), to], { live: true });
}

function drop(event) {
  if (event.pointerId !== dragged?.id) return;
  dragged = null;
  if (span()) studio.setLook({}, { label: "Sharp range" });
}

for (const [end, handle] of Object.entries(handles)) {
  handle.addEventListener("pointerdown", (event) => {
    grasp(event, end);
    handle.focus({ preventScroll: true });
  });
  handle.addEventListener("keydown", (event) => {
    if (!studio.photo || event.ctrlKey || event.metaKey || event.altKey) return;
    const step = event.shiftKey ? LARGE_STEP : STEP, share = now()[end === "far" ? 0 : 1];
    const options = { label: "Sharp range", together: true };
    // To the right is farther, as the handles lie.
    const by = {
      ArrowRight: -step, ArrowUp: -step, PageUp: -LARGE_STEP, ArrowLeft: step, ArrowDown: step, PageDown: LARGE_STEP,
    };
    if (by[event.key]) move(end, share + by[event.key], options);
    else if (event.key === "Home") move(end, 1, options);
    else if (event.key === "End") move(end, 0, options);
    else return;
    event.preventDefault();
  });
}
canvas.addEventListener("pointerdown", (event) => {
  const at = shareAt(event), [far, near] = now();
  const within = span() && at > far && at < near;
  grasp(event, within ? "both" : Math.abs(at - far) < Math.abs(at - near) ? "far" : "near");
});
for (const part of [canvas, ...Object.values(handles)]) {
  part.addEventListener("pointermove", drag);
  for (const name of ["pointerup", "pointercancel"]) part.addEventListener(name, drop);
}
find("range-clear").addEventListener("click", () => {
  studio.setLook({ in_focus: undefined, in_focus_m: undefined, ...before }, { label: "Clear the range" });
  before = null;
  handles.near.focus();
});
studio.addEventListener("depth", count);
for (const name of ["photo", "look", "depth", "rendered"]) studio.addEventListener(name, show);
new ResizeObserver(draw).observe(canvas);
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", draw);
