// Depth on the stage: alone, or over the photo while it is mended, see-through or as the lines where it jumps.
import { css, depthColour, FOCUS_COLOUR } from "./colour.js";
import { borderPicture, depthPicture } from "./depthpicture.js";
import { focusLevel, metric, place as where, span } from "./optics.js";
import { studio } from "./state.js";
import { tip } from "./tip.js";
import { viewer } from "./viewer.js";

const SEE_THROUGH = 0.6;
const STOPS = 24;
const find = (id) => document.getElementById(id);
const layer = document.createElement("canvas");
const legend = document.createElement("figure");
const made = { depth: null, span: "", colours: null, borders: null };

/** What is in focus, as shares of the depth: a range, or the plane alone; null where nobody knows yet. */
function focused() {
  const level = studio.level ?? focusLevel();
  return span() ?? (Number.isFinite(level) ? [level, level] : null);
}

function colours() {
  const marked = JSON.stringify(focused());
  if (made.depth !== studio.depth || made.span !== marked || !made.colours) {
    if (made.depth !== studio.depth) made.borders = null;
    Object.assign(made, { depth: studio.depth, span: marked, colours: depthPicture(studio.depth, focused()) });
  }
  return made.colours;
}

function borders() {
  if (made.depth !== studio.depth) Object.assign(made, { depth: studio.depth, colours: null, borders: null });
  made.borders ??= borderPicture(studio.depth);
  return made.borders;
}

/** What is to be seen now: "nothing", "borders", "depth" or "whole". */
function seen() {
  if (!studio.depth || !studio.photo) return "nothing";
  if (studio.view === "depth") return "whole";
  return studio.tool === "brush" ? tip.over : "nothing";
}

function paint() {
  const { canvas, place, ratio } = viewer, context = layer.getContext("2d"), what = seen();
  layer.hidden = what === "nothing";
  layer.dataset.shows = what;
  if (layer.hidden) return;
  if (layer.width !== canvas.width || layer.height !== canvas.height) {
    Object.assign(layer, { width: canvas.width, height: canvas.height });
  }
  context.clearRect(0, 0, layer.width, layer.height);
  context.globalAlpha = what === "depth" ? SEE_THROUGH : 1;
  context.imageSmoothingQuality = "high";
  const [left, top, width, height] = [place.left, place.top, place.width, place.height].map((each) => each * ratio);
  context.drawImage(what === "borders" ? borders() : colours(), left, top, width, height);
}

let frame = null;
function soon() {
  frame ??= requestAnimationFrame(() => {
    frame = null;
    paint();
    tell();
  });
}

/** What the colours mean. */
function tell() {
  legend.hidden = !["whole", "depth"].includes(seen());
  if (legend.hidden) return;
  const marked = focused(), ends = metric() ? [0, 0.5, 1].map(where) : ["far", "", "near"];
  legend.querySelectorAll("span").forEach((each, index) => { each.textContent = ends[index]; });
  const focus = legend.querySelector("b");
  focus.hidden = !marked;
  if (marked) {
    focus.style.left = `${100 * marked[0]}%`;
    focus.style.width = `${100 * (marked[1] - marked[0])}%`;
  }
  const sharp = marked && metric() ? `, at ${where((marked[0] + marked[1]) / 2)}` : "";
  const hatched = marked ? ` Hatched green is what is sharp${sharp}.` : "";
  legend.setAttribute("aria-label", `Depth, from ${ends[0]}, dark, to ${ends[2]}, bright.${hatched}`);
}

function build() {
  layer.id = "depth-layer";
  layer.setAttribute("aria-hidden", "true");
  viewer.canvas.after(layer);
  legend.id = "legend";
  legend.setAttribute("role", "img");
  legend.innerHTML = "<div><b></b></div><p><span></span><span></span><span></span></p>";
  const stops = Array.from({ length: STOPS }, (_, step) => css(depthColour(step / (STOPS - 1))));
  legend.firstChild.style.backgroundImage = `linear-gradient(to right, ${stops.join(", ")})`;
  legend.querySelector("b").style.borderColor = css(FOCUS_COLOUR);
  viewer.stage.append(legend);
  paint();
  tell();
}

build();
for (const name of ["depth", "view", "tool", "photo", "rendered", "look"]) studio.addEventListener(name, soon);
const toggle = () => studio.photo && studio.setView(studio.view === "depth" ? "picture" : "depth");
find("depth-view").addEventListener("click", toggle);
document.addEventListener("keydown", (event) => {
  const plain = !event.ctrlKey && !event.metaKey && !event.altKey && !event.defaultPrevented;
  if (event.key.toLowerCase() !== "d" || !plain || !find("single-keys")?.checked) return;
  if (document.querySelector("dialog[open]") || event.target.closest("select, textarea, input[type=text]")) return;
  event.preventDefault();
  toggle();
});
viewer.addEventListener("change", paint);
tip.addEventListener("change", soon);
