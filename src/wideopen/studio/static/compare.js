// Before and after: a line to drag over the picture, and the photo as it came while B is held.
import { studio } from "./state.js";
import { viewer } from "./viewer.js";
import { needPlain } from "./live.js";
import { hideTint } from "./tint.js";

const STEP = 0.01, LARGE_STEP = 0.1;
const find = (id) => document.getElementById(id);
const clamp = (value) => Math.min(Math.max(value, 0), 1);
const line = find("compare"), toggle = find("compare-toggle");
let share = 0.5; // of the stage's width
let grasped = null;

function show() {
  const on = viewer.split !== null;
  line.hidden = !on;
  toggle.setAttribute("aria-pressed", String(on));
  line.style.transform = `translateX(${share * viewer.box.width}px)`;
  line.setAttribute("aria-valuenow", String(Math.round(share * 100)));
  line.setAttribute("aria-valuetext", `${Math.round(share * 100)} % before`);
  viewer.paint();
}

function put(next) {
  share = clamp(next);
  if (viewer.split !== null) viewer.split = share;
  show();
}

/** Show both, or only the look. */
export function compare(on = viewer.split === null) {
  if (!studio.photo) return;
  viewer.split = on ? share : null;
  if (on) {
    studio.setView("picture");
    hideTint();
    needPlain();
  }
  show();
  viewer.dispatchEvent(new Event("split"));
}

/** Show the photo as it came for as long as it is held. */
export function holdBefore(on) {
  if (viewer.held === on || (on && !studio.photo)) return;
  viewer.held = on;
  if (on) {
    hideTint();
    needPlain();
    studio.whisper("Before");
  }
  viewer.paint();
  viewer.dispatchEvent(new Event("split"));
}

line.addEventListener("pointerdown", (event) => {
  if (event.button !== 0) return;
  line.setPointerCapture(event.pointerId);
  grasped = { id: event.pointerId, offset: event.clientX - share * viewer.box.width };
});
line.addEventListener("pointermove", (event) => {
  if (event.pointerId === grasped?.id) put((event.clientX - grasped.offset) / viewer.box.width);
});
for (const name of ["pointerup", "pointercancel"]) line.addEventListener(name, () => { grasped = null; });
line.addEventListener("keydown", (event) => {
  const step = event.shiftKey ? LARGE_STEP : STEP;
  const to = {
    ArrowLeft: share - step, ArrowDown: share - step, ArrowRight: share + step, ArrowUp: share + step,
    PageDown: share - LARGE_STEP, PageUp: share + LARGE_STEP, Home: 0, End: 1,
  }[event.key];
  if (event.key === "Escape") {
    compare(false);
    toggle.focus();
  } else if (to === undefined || event.ctrlKey || event.metaKey) return;
  else put(to);
  event.preventDefault();
});
toggle.addEventListener("click", () => compare());
window.addEventListener("blur", () => holdBefore(false));
viewer.addEventListener("change", () => viewer.split !== null && show());
studio.addEventListener("view", () => studio.view === "depth" && compare(false));
studio.addEventListener("photo", ({ detail }) => {
  if (detail.keep) return;
  viewer.split = null;
  viewer.held = false;
  show();
});
