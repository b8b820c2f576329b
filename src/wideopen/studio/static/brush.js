// The brush on the stage: strokes by mouse, pen, finger or keys, drawn at once and put into the look when they end.
import { css, depthColour, FOCUS_COLOUR, oklch } from "./colour.js";
import "./mend.js";
import { studio } from "./state.js";
import { drawTint, MOST_STROKES, strokeOf, touches } from "./stroke.js";
import { KINDS, tip } from "./tip.js";
import { viewer } from "./viewer.js";

const COLOURS = {
  nearer: css(depthColour(0.82)),
  farther: css(oklch(0.55, 0.2, 275)),
  level: css(FOCUS_COLOUR),
  "as-point": css(oklch(0.82, 0.13, 215)),
};
const LONG_PRESS_MS = 550;
const STILL_PX = 8;
const FADE_MS = 250;
const MOST_WAIT_MS = 15000;
const STEP = 1.15;
const stage = viewer.stage;
const marks = document.getElementById("marks");
const layer = document.createElement("canvas");
const cursor = document.createElement("div");
const pin = document.createElement("div");
const help = document.createElement("p");
const aim = document.getElementById("aim");
const aimHelp = aim.getAttribute("aria-describedby");
const down = new Set(); // pointers that are down now
let stroke = null; // { pointer, path, tip } while one is drawn
let sizing = null; // { x, y, radius, feather } while a drag sets the brush
let pressing = null; // the clock of a long press
let waiting = []; // strokes that the depth does not show yet
let place = null; // of the brush, in shares of the photo

const on = () => studio.tool === "brush" && studio.photo !== null;
const diagonal = () => Math.hypot(...viewer.size);

/** Shares of the photo under a point of the window; outside of it they are below 0 or above 1. */
function shares({ clientX, clientY }) {
  const box = stage.getBoundingClientRect(), { left, top, width, height } = viewer.place, half = 0.5 / viewer.ratio;
  return [(clientX + half - box.left - left) / width, (clientY + half - box.top - top) / height];
}

const spoken = ([x, y]) => `${Math.round(100 * x)} % from the left, ${Math.round(100 * y)} % from the top`;
const inside = ([x, y]) => x >= 0 && x <= 1 && y >= 0 && y <= 1;

// What is drawn.

let frame = null;
function paint() {
  frame ??= requestAnimationFrame(() => {
    frame = null;
    const { canvas, ratio } = viewer, context = layer.getContext("2d");
    if (layer.width !== canvas.width || layer.height !== canvas.height) {
      Object.assign(layer, { width: canvas.width, height: canvas.height });
    }
    context.clearRect(0, 0, layer.width, layer.height);
    for (const { path, tip: used } of stroke ? [...waiting, stroke] : waiting) {
      const dots = path.map(([x, y]) => viewer.toStage(x, y)).map(({ x, y }) => [x * ratio, y * ratio]);
      const wide = used.radius * diagonal() * viewer.scale * ratio;
      drawTint(context, dots, { radius: wide, feather: used.feather, colour: COLOURS[used.kind] });
    }
  });
}

/** Put the cursor and the picked point where they belong. */
function lay() {
  stage.classList.toggle("brushing", on());
  cursor.hidden = !on() || !place;
  pin.hidden = !on() || tip.kind !== "as-point" || !tip.point;
  const move = (element, [x, y]) => {
    const at = viewer.toStage(x, y);
    element.style.transform = `translate(${at.x}px, ${at.y}px)`;
  };
  if (!pin.hidden) move(pin, tip.point);
  if (cursor.hidden) return;
  move(cursor, place);
  const wide = tip.radius * diagonal() * viewer.scale;
  cursor.classList.toggle("picking", tip.picking);
  cursor.style.setProperty("--radius", `${wide}px`);
  cursor.style.setProperty("--core", `${wide * (1 - tip.feather)}px`);
  cursor.style.setProperty("--colour", COLOURS[tip.kind]);
}

/** The depth shows strokes now, or never will: their tint may go. */
function fade(shown = waiting) {
  if (!shown.length) return;
  const drop = () => {
    layer.classList.remove("gone");
    waiting = waiting.filter((each) => !shown.includes(each));
    paint();
  };
  if (stroke || shown.length < waiting.length) return drop();
  layer.classList.add("gone");
  setTimeout(drop, FADE_MS);
}

// Strokes.

function pick(at) {
  if (!inside(at)) return;
  tip.set({ kind: "as-point", point: at, picking: false });
  studio.whisper(`Point picked at ${spoken(at)}`);
}

function begin(at, pointer) {
  if (studio.look.strokes?.length >= MOST_STROKES) {
    studio.say(`This photo has ${MOST_STROKES} strokes, which is all it can have. Undo some, or remove all.`, "error");
    return;
  }
  const { kind, radius, feather, amount, edges, point } = tip;
  stroke = { pointer, path: [at], tip: { kind, radius, feather, amount, edges, point, level: studio.level } };
  paint();
}

function draw(at) {
  const last = stroke.path.at(-1);
  if (at[0] === last[0] && at[1] === last[1]) return;
  stroke.path.push(at);
  paint();
}

function giveUp() {
  stroke = null;
  paint();
}

function end() {
  const { path, tip: used } = stroke, size = studio.photo;
  if (!touches(path, used.radius, size)) return giveUp();
  const drawn = stroke;
  waiting.push(drawn);
  setTimeout(() => fade([drawn].filter((each) => waiting.includes(each))), MOST_WAIT_MS);
  stroke = null;
  const strokes = [...(studio.look.strokes ?? []), strokeOf(used, path, size)];
  studio.setLook({ strokes, fingerprint: size.fingerprint }, { label: `stroke, ${KINDS[used.kind].toLowerCase()}` });
  studio.whisper(`${KINDS[used.kind]}: ${strokes.length} ${strokes.length === 1 ? "stroke" : "strokes"}`);
}

/** Begin at a point, unless it is a point that is to be picked. */
function touch(at, pointer) {
  if (tip.picking || (tip.kind === "as-point" && !tip.point)) pick(at);
  else begin(at, pointer);
}

// Mouse, pen and fingers; space and two fingers move the picture, which gestures.js sees to.

function capture(event) {
  try {
    stage.setPointerCapture(event.pointerId);
  } catch {
    // The pointer has left already.
  }
}

function pressed(event) {
  if (!on() || event.target.closest(".own")) return;
  down.add(event.pointerId);
  clearTimeout(pressing);
  if (down.size > 1) return giveUp();
  if (event.button !== 0 || stage.classList.contains("grab")) return;
  capture(event);
  const at = place = shares(event);
  if (event.altKey) pick(at);
  else if (event.shiftKey) sizing = { x: event.clientX, y: event.clientY, width: tip.width, feather: tip.feather };
  else touch(at, event.pointerId);
  if (stroke && event.pointerType === "touch" && tip.kind === "as-point") {
    stroke.from = { x: event.clientX, y: event.clientY };
    pressing = setTimeout(() => {
      giveUp();
      pick(at);
      navigator.vibrate?.(15);
    }, LONG_PRESS_MS);
  }
  lay();
}

function moved(event) {
  if (!on()) return;
  if (sizing) {
    tip.width = sizing.width + (event.clientX - sizing.x) / 400;
    tip.set({ feather: sizing.feather - (event.clientY - sizing.y) / 300 });
    return;
  }
  if (event.pointerType !== "touch" || stroke) place = event.target.closest(".own") && !stroke ? null : shares(event);
  if (stroke?.pointer === event.pointerId) {
    const all = event.getCoalescedEvents?.() ?? [];
    for (const each of all.length ? all : [event]) draw(shares(each));
    const { from } = stroke;
    if (from && Math.hypot(event.clientX - from.x, event.clientY - from.y) > STILL_PX) clearTimeout(pressing);
  }
  lay();
}

function lifted(event) {
  if (!down.delete(event.pointerId)) return;
  clearTimeout(pressing);
  sizing = null;
  if (stroke?.pointer === event.pointerId) event.type === "pointercancel" ? giveUp() : end();
  if (event.pointerType === "touch") place = null;
  lay();
}

stage.addEventListener("pointerdown", pressed);
stage.addEventListener("pointermove", moved);
for (const name of ["pointerup", "pointercancel"]) stage.addEventListener(name, lifted);
stage.addEventListener("pointerleave", () => {
  if (stroke || down.size) return;
  place = null;
  lay();
});
stage.addEventListener("wheel", (event) => {
  if (!on() || !event.altKey) return;
  event.preventDefault();
  tip.width -= Math.sign(event.deltaY || event.deltaX) * 0.02;
}, { passive: false });

// Keys.

const BRACKETS = { BracketLeft: -1, BracketRight: 1, "[": -1, "]": 1 };
const ARROWS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };
let byKeys = false; // whether keys moved the brush last

/** Move the brush by part of its size, in the photo. */
function step([right, below], far) {
  const { width, height } = studio.photo, length = tip.radius * diagonal() * (far ? 2 : 0.25);
  const [x, y] = place ?? [0.5, 0.5], within = (value) => Math.min(Math.max(value, 0), 1);
  place = [within(x + (right * length) / width), within(y + (below * length) / height)];
  byKeys = true;
  if (stroke?.pointer === "keys") draw(place);
  viewer.show(...place);
  studio.whisper(spoken(place));
}

function dab() {
  place ??= [0.5, 0.5];
  touch(place, "keys");
}

function typed(event) {
  if (event.ctrlKey || event.metaKey) return false;
  const arrow = ARROWS[event.key];
  const paints = event.key === "Enter" || (event.key === " " && byKeys);
  const bracket = BRACKETS[event.code] ?? BRACKETS[event.key];
  if (arrow) step(arrow, event.shiftKey);
  else if (paints && !event.repeat && !stroke) dab();
  else if (paints) return true;
  else if (bracket && event.shiftKey) tip.set({ feather: tip.feather + 0.1 * bracket });
  else if (bracket) tip.set({ radius: tip.radius * STEP ** bracket });
  else if (/^[1-4]$/.test(event.key)) tip.take(Object.keys(KINDS)[event.key - 1]);
  else if (event.key.toLowerCase() === "i" && place) pick(place);
  else if (event.key === "Escape" && (stroke || tip.picking)) {
    giveUp();
    tip.set({ picking: false });
  } else return false;
  return true;
}

/** Whether a key is the brush's: not where a control has it, nor a character where people want none as keys. */
function ours(event) {
  if (!on() || document.querySelector("dialog[open]")) return false;
  const { target } = event, character = event.key.length === 1 && event.key !== " ";
  if (character && target !== aim && document.getElementById("single-keys")?.checked === false) return false;
  if (!target.closest("input, select, textarea, button, summary, a, [role=slider]")) return true;
  return character && event.key !== "i" && !target.matches("select, textarea, input[type=text], input[type=number]");
}

document.addEventListener("keydown", (event) => {
  if (!ours(event) || !typed(event)) return;
  event.preventDefault();
  event.stopPropagation();
  lay();
}, { capture: true });
document.addEventListener("keyup", (event) => {
  if ((event.key === "Enter" || event.key === " ") && stroke?.pointer === "keys") end();
});
stage.addEventListener("pointermove", () => { byKeys = false; });
window.addEventListener("blur", () => stroke && giveUp());

// Together with the rest of the page.

function build() {
  layer.id = "strokes-layer";
  cursor.id = "brush";
  pin.id = "brush-pin";
  cursor.innerHTML = "<i></i>";
  cursor.hidden = pin.hidden = true;
  layer.setAttribute("aria-hidden", "true");
  help.id = "brush-help";
  help.className = "heard";
  help.textContent = "Arrow keys move the brush, with Shift farther; Enter or Space paints a dab, and a stroke while "
    + "arrows move it. 1 to 4 choose what the brush does, brackets its size; I picks the point under it.";
  aim.after(help);
  viewer.overlay.after(layer);
  marks.append(pin, cursor);
}

build();
tip.addEventListener("change", lay);
viewer.addEventListener("change", () => { lay(); paint(); });
studio.addEventListener("depth", () => fade());
studio.addEventListener("tool", () => {
  if (stroke) giveUp();
  byKeys = false;
  aim.setAttribute("aria-describedby", studio.tool === "brush" ? help.id : aimHelp);
  tip.set({ picking: false });
});
studio.addEventListener("photo", (event) => {
  if (event.detail.keep) return;
  [stroke, waiting, place] = [null, [], null];
  lay();
  paint();
});
