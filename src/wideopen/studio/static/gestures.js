// Fingers, mouse and wheel on the stage: zoom and pan are done here, the rest is given to the tool in hand.
import { studio } from "./state.js";
import { viewer } from "./viewer.js";

const STILL_PX = { mouse: 4, pen: 6, touch: 10 };
const DOUBLE_MS = 350;
const DOUBLE_PX = 24;

/**
 * Tools by name: {tap(event, point), untap(), drags(event), begin(event, point), drag(event, point), end(event, point),
 * cancel(), hover(event, point)}. The brush has its own listeners, and only moves by two fingers or with the space bar.
 */
export const tools = new Map();
const pointers = new Map();
let gesture = null; // {kind: "press" | "tool" | "pan" | "pinch" | "idle", ...}
let tapped = null;
let space = false;

const at = (event) => viewer.toPhoto(event.clientX, event.clientY);
const tool = () => tools.get(studio.tool) ?? {};
const stage = viewer.stage;

function down(event) {
  if (event.target.closest(".own") || !studio.photo) return;
  pointers.set(event.pointerId, { x: event.clientX, y: event.clientY });
  if (pointers.size === 2) {
    if (gesture?.kind === "tool") tool().cancel?.();
    gesture = { kind: "pinch" };
    capture(event);
    return;
  }
  if (pointers.size > 2) return;
  const pans = event.button === 1 || (event.button === 0 && space);
  if (pans) {
    event.preventDefault();
    capture(event);
    gesture = { kind: "pan" };
    stage.classList.add("panning");
  } else if (event.button === 0 && tools.has(studio.tool)) {
    capture(event);
    gesture = { kind: "press", x: event.clientX, y: event.clientY, event, point: at(event) };
  } else {
    gesture = { kind: "idle" };
  }
}

function capture(event) {
  try {
    stage.setPointerCapture(event.pointerId);
  } catch {
    // The pointer has left already.
  }
}

function move(event) {
  const before = pointers.get(event.pointerId);
  if (!before) {
    if (studio.photo && event.pointerType !== "touch") tool().hover?.(event, at(event));
    return;
  }
  const now = { x: event.clientX, y: event.clientY };
  pointers.set(event.pointerId, now);
  if (gesture?.kind === "pinch") pinch(event.pointerId, before, now);
  else if (gesture?.kind === "pan") viewer.pan(now.x - before.x, now.y - before.y);
  else if (gesture?.kind === "press") leave(event, now);
  else if (gesture?.kind === "tool") tool().drag?.(event, at(event));
}

/** A press that has moved too far for a tap becomes a drag of the tool or of the picture. */
function leave(event, now) {
  const far = Math.hypot(now.x - gesture.x, now.y - gesture.y) > (STILL_PX[event.pointerType] ?? 6);
  if (!far) return;
  if (tool().drags?.(gesture.event)) {
    const { event: first, point } = gesture;
    gesture = { kind: "tool" };
    tool().begin?.(first, point);
    tool().drag?.(event, at(event));
  } else {
    viewer.pan(now.x - gesture.x, now.y - gesture.y);
    gesture = { kind: "pan" };
    stage.classList.add("panning");
  }
}

function pinch(id, before, now) {
  const other = [...pointers].find(([each]) => each !== id)?.[1];
  if (!other) return;
  const spread = (point) => Math.hypot(point.x - other.x, point.y - other.y) || 1;
  viewer.zoomBy(spread(now) / spread(before), (now.x + other.x) / 2, (now.y + other.y) / 2);
  viewer.pan((now.x - before.x) / 2, (now.y - before.y) / 2);
}

function up(event) {
  if (!pointers.delete(event.pointerId)) return;
  stage.classList.remove("panning");
  const last = gesture;
  // A finger that stays after a pinch does nothing until it is lifted.
  gesture = pointers.size ? { kind: "idle" } : null;
  if (event.type === "pointercancel") {
    if (last?.kind === "tool") tool().cancel?.();
  } else if (last?.kind === "tool") tool().end?.(event, at(event));
  else if (last?.kind === "press") tap(event, last);
}

function tap(event, press) {
  const soon = tapped && event.timeStamp - tapped.at < DOUBLE_MS;
  const near = tapped && Math.hypot(event.clientX - tapped.x, event.clientY - tapped.y) < DOUBLE_PX;
  if (soon && near) {
    tapped = null;
    tool().untap?.(); // the first tap was not meant
    viewer.toggle(event.clientX, event.clientY);
    return;
  }
  tapped = { x: event.clientX, y: event.clientY, at: event.timeStamp };
  tool().tap?.(press.event, press.point);
}

stage.addEventListener("pointerdown", down);
stage.addEventListener("pointermove", move);
for (const name of ["pointerup", "pointercancel"]) stage.addEventListener(name, up);
stage.addEventListener("pointerleave", (event) => pointers.size === 0 && tool().leave?.(event));
stage.addEventListener("contextmenu", (event) => event.pointerType === "touch" && event.preventDefault());
stage.addEventListener("wheel", (event) => {
  if (event.altKey || !studio.photo) return; // with Alt it is the brush's
  event.preventDefault();
  const lines = event.deltaMode === 1 ? 16 : 1;
  viewer.zoomBy(Math.exp(-event.deltaY * lines * (event.ctrlKey ? 0.01 : 0.0015)), event.clientX, event.clientY);
}, { passive: false });
document.addEventListener("keydown", (event) => {
  if (event.key !== " " || event.target.closest("button, input, select, summary, a, dialog, [role=slider]")) return;
  space = true;
  stage.classList.add("grab");
  event.preventDefault();
});
document.addEventListener("keyup", (event) => {
  if (event.key !== " ") return;
  space = false;
  stage.classList.remove("grab");
});
window.addEventListener("blur", () => {
  space = false;
  stage.classList.remove("grab");
});
