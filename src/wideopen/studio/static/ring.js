// The aperture ring: a barrel seen from the side, with the stops engraved; or blur strength where depth is relative.
import { studio } from "./state.js";
import {
  MOST_STRENGTH, STOPS, THIRDS, USUAL_F_NUMBER, blurPercent, depthOfField_m, focusLevel, metres, metric, strength,
} from "./optics.js";

const TURN = 0.42; // radians from one engraved mark to the next
const GEAR = 1.5; // faster than the hand, so that one pull goes from end to end
const GRIP = Math.PI / 60;
const SNAP = 0.045; // of the way from mark to mark
const STEP = 10, LARGE_STEP = 50; // percent of strength
const WHEEL = 60; // px of the wheel for a step
const MARK_PERCENT = 25;
const SVG = "http://www.w3.org/2000/svg";
const find = (id) => document.getElementById(id);
const clamp = (value, low, high) => Math.min(Math.max(value, low), high);
const ring = find("ring");
let barrel = null;
let turning = null;
let rolled = 0;

/** Aperture: one mark to a stop of light, as the square root of two. */
const aperture = {
  title: "Aperture",
  label: "Aperture",
  low: STOPS[0],
  high: STOPS.at(-1),
  marks: STOPS.map((value) => ({ value, text: String(value) })),
  ticks: THIRDS,
  get: () => clamp(studio.setting("f_number"), 0.5, 64),
  changes: (value) => ({ f_number: value === USUAL_F_NUMBER ? undefined : value }),
  toTurn: (value) => 2 * Math.log2(value),
  toValue: (turn) => 2 ** (turn / 2),
  round: (value) => Number(value.toPrecision(3)),
  text: (value) => `f/${Number(value.toPrecision(2))}`,
  said: (value) => `f ${Number(value.toPrecision(2))}`,
  step(value, steps) {
    if (Math.abs(steps) > 1) return this.toValue(this.toTurn(value) + Math.sign(steps));
    const larger = THIRDS.filter((each) => each > value * 1.01), smaller = THIRDS.filter((each) => each < value / 1.01);
    return (steps > 0 ? larger[0] : smaller.at(-1)) ?? value;
  },
};

/** Blur strength, linear, in percent of what is usual. */
const blur = {
  title: "Blur strength",
  label: "Blur strength",
  low: 0,
  high: MOST_STRENGTH,
  marks: Array.from({ length: MOST_STRENGTH / MARK_PERCENT + 1 }, (_, at) => at * MARK_PERCENT)
    .map((value) => ({ value, text: String(value) })),
  ticks: Array.from({ length: MOST_STRENGTH / 5 + 1 }, (_, at) => at * 5),
  get: () => clamp(strength(), 0, MOST_STRENGTH),
  changes(value) {
    const usual = value === 100 && !("f_number" in studio.look);
    return { max_blur_percent: usual ? undefined : blurPercent(value) };
  },
  toTurn: (value) => value / MARK_PERCENT,
  toValue: (turn) => turn * MARK_PERCENT,
  round: (value) => Math.round(value),
  text: (value) => `${Math.round(value)} %`,
  said: (value) => `${Math.round(value)} percent`,
  step: (value, steps) => Math.round((value + steps * STEP) / STEP) * STEP,
};

const scale = () => (studio.photo && !metric() ? blur : aperture);

function set(value, options) {
  const now = scale(), next = clamp(now.round(value), now.low, now.high);
  studio.setLook(now.changes(next), options);
}

function make(name, attributes, parent) {
  const made = document.createElementNS(SVG, name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  parent.append(made);
  return made;
}

/** Build the barrel for the width that it has now. */
function build() {
  const { width, height } = ring.getBoundingClientRect();
  if (!width) return;
  const svg = document.createElementNS(SVG, "svg"), now = scale();
  svg.setAttribute("class", "barrel");
  svg.setAttribute("aria-hidden", "true");
  svg.setAttribute("viewBox", `0 0 ${width} ${height}`);
  const shade = make("linearGradient", { id: "metal" }, make("defs", {}, svg));
  const stops = [[0, 3], [0.16, 2], [0.42, 1], [0.58, 1], [0.84, 2], [1, 3]];
  for (const [offset, tone] of stops) make("stop", { offset }, shade).style.stopColor = `var(--metal-${tone})`;
  const band = height * 0.56;
  make("rect", { x: 0, y: 0, width, height, fill: "url(#metal)" }, svg);
  const grip = make("path", { class: "grip" }, svg);
  make("rect", { x: 0, y: band - 1.5, width, height: 1.5, fill: "#000", opacity: 0.35 }, svg);
  make("rect", { x: 0, y: band, width, height: 1, fill: "#fff", opacity: 0.18 }, svg);
  const ticks = make("path", { class: "tick" }, svg);
  const size = clamp(Math.min(height * 0.18, width * 0.047), 13, 22);
  const texts = now.marks.map(({ value, text }) => {
    const made = make("text", { y: band * 0.62, "font-size": size }, svg);
    made.textContent = text;
    return { value, made };
  });
  make("path", { class: "index", d: `M${width / 2} ${band + 3}l6.5 11h-13z` }, svg);
  barrel = { scale: now, width, height, band, grip, ticks, texts };
  ring.replaceChildren(svg);
  turn();
}

/** Turn the barrel to the value of now. */
function turn() {
  if (!barrel) return;
  const { scale: now, width, height, band, grip, ticks, texts } = barrel;
  const zero = now.toTurn(now.get()), radius = width / 2 - 2, middle = width / 2;
  const angle = (value) => (now.toTurn(value) - zero) * TURN;
  const seen = (value) => Math.abs(value) < Math.PI / 2;
  for (const { value, made } of texts) {
    const at = angle(value), shown = seen(at * 1.06);
    made.style.display = shown ? "" : "none";
    if (!shown) continue;
    const flat = Math.cos(at);
    made.setAttribute("transform", `translate(${middle + radius * Math.sin(at)} 0) scale(${flat} 1)`);
    made.style.opacity = String(clamp(flat * 1.4, 0, 1));
  }
  let path = "";
  const marked = new Set(now.marks.map((each) => each.value));
  for (const value of now.ticks) {
    const at = angle(value);
    if (!seen(at)) continue;
    const x = (middle + radius * Math.sin(at)).toFixed(2);
    path += `M${x} ${band - 4}v${marked.has(value) ? -band * 0.2 : -band * 0.1}`;
  }
  ticks.setAttribute("d", path);
  path = "";
  const first = -zero * TURN % GRIP;
  for (let at = first - Math.ceil(Math.PI / 2 / GRIP) * GRIP; at < Math.PI / 2; at += GRIP) {
    if (!seen(at)) continue;
    path += `M${(middle + radius * Math.sin(at)).toFixed(2)} ${band + 16}V${height}`;
  }
  grip.setAttribute("d", path);
}

function describe() {
  const now = scale(), value = now.get();
  find("ring-title").textContent = now.title;
  find("ring-value").textContent = now.text(value);
  ring.setAttribute("aria-valuemin", now.low);
  ring.setAttribute("aria-valuemax", now.high);
  ring.setAttribute("aria-valuenow", now.round(value));
  let said = now.said(value), note = "";
  if (studio.photo && metric()) {
    const [near, far] = depthOfField_m(focusLevel());
    note = `Sharp from ${metres(near)} to ${metres(far)}`;
    said += `, sharp from ${metres(near)} to ${far < 1000 ? metres(far) : "infinity"}`;
    if (!studio.photo.camera.f_number_real) note += `; ${studio.photo.camera.text || "the camera is not known"}`;
  } else if (studio.photo) {
    note = "No metres, so no true f-number; 100 % is usual.";
  }
  ring.setAttribute("aria-valuetext", said);
  find("ring-note").textContent = note;
}

function show() {
  if (barrel?.scale !== scale()) build();
  turn();
  describe();
}

/** Pull a value that is close to a mark onto it. */
function snapped(value) {
  const now = scale(), turned = now.toTurn(value);
  const mark = now.marks.find((each) => Math.abs(now.toTurn(each.value) - turned) < SNAP);
  return mark ? mark.value : value;
}

ring.addEventListener("pointerdown", (event) => {
  if (event.button !== 0 || !studio.photo) return;
  ring.setPointerCapture(event.pointerId);
  turning = { id: event.pointerId, x: event.clientX, from: scale().toTurn(scale().get()), moved: false };
});
ring.addEventListener("pointermove", (event) => {
  if (event.pointerId !== turning?.id || !barrel) return;
  const moved_px = event.clientX - turning.x;
  if (Math.abs(moved_px) < 2 && !turning.moved) return;
  turning.moved = true;
  const turned = turning.from - GEAR * moved_px / (barrel.width / 2) / TURN;
  set(snapped(scale().toValue(turned)), { live: true });
});
for (const name of ["pointerup", "pointercancel"]) {
  ring.addEventListener(name, (event) => {
    if (event.pointerId !== turning?.id) return;
    const { moved, x } = turning;
    turning = null;
    if (moved) studio.setLook({}, { label: scale().label });
    else if (name === "pointerup") press(x);
  });
}

/** A press on a number turns it to the index. */
function press(clientX) {
  const box = ring.getBoundingClientRect();
  const at = Math.asin(clamp((clientX - box.left - box.width / 2) / (box.width / 2 - 2), -0.98, 0.98));
  const now = scale(), wanted = now.toTurn(now.get()) + at / TURN;
  const nearest = now.marks.reduce((best, each) =>
    Math.abs(now.toTurn(each.value) - wanted) < Math.abs(now.toTurn(best.value) - wanted) ? each : best);
  set(nearest.value, { label: now.label });
}

/** Turn by so many steps: a third of a stop, or a tenth of the strength. */
export function stepRing(steps) {
  if (studio.photo) set(scale().step(scale().get(), steps), { label: scale().label, together: true });
}

ring.addEventListener("wheel", (event) => {
  event.preventDefault();
  rolled += (event.deltaY || event.deltaX) * (event.deltaMode === 1 ? 20 : 1);
  const steps = Math.trunc(rolled / WHEEL);
  rolled -= steps * WHEEL;
  if (steps) stepRing(Math.sign(steps));
}, { passive: false });
ring.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey) return;
  const large = scale() === blur ? LARGE_STEP / STEP : 3;
  const steps = { ArrowUp: 1, ArrowRight: 1, ArrowDown: -1, ArrowLeft: -1, PageUp: large, PageDown: -large }[event.key];
  const options = { label: scale().label, together: true };
  if (steps) stepRing(steps);
  else if (event.key === "Home" && studio.photo) set(scale().low, options);
  else if (event.key === "End" && studio.photo) set(scale().high, options);
  else return;
  event.preventDefault();
});
new ResizeObserver(build).observe(ring);
for (const name of ["look", "photo", "depth", "rendered"]) studio.addEventListener(name, show);
show();
