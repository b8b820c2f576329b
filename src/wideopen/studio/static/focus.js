// Where to focus: by a click, a drag, a rectangle, or a crosshair that keys move.
import * as api from "./api.js";
import { studio } from "./state.js";
import { viewer } from "./viewer.js";
import { tools } from "./gestures.js";
import { focusLevel, levelAt, place, span } from "./optics.js";
import { flash } from "./tint.js";

const STEP = 0.01, LARGE_STEP = 0.05;
const GRASP_PX = 24;
const LEAST_PX = 6;
const find = (id) => document.getElementById(id);
const clamp = (value) => Math.min(Math.max(value, 0), 1);
const marker = find("marker"), crosshair = find("crosshair"), rectangle = find("rectangle"), aim = find("aim");
const nowhere = { focus: undefined, focus_m: undefined, in_focus: undefined, in_focus_m: undefined };
const round = (value) => Number(value.toFixed(6));
const at = ({ x, y }) => ({ ...nowhere, focus: [round(x), round(y)] });
let area = null; // {box: [left, top, right, bottom], in_focus}, where the rectangle was drawn
let corner = null; // first corner while a rectangle is made
let cross = null; // [x, y] of the crosshair
let stepped = false;

/** Focus on the subject that was found by itself. */
export function focusOnSubject() {
  if (!studio.photo) return;
  studio.setLook(nowhere, { label: "Focus on the subject" });
  flash();
}

tools.set("focus", {
  tap(event, point) {
    stepped = point.inside;
    cross = null;
    if (point.inside) studio.setLook(at(point), { label: "Focus" });
  },
  untap() {
    if (stepped) studio.takeBack("Focus");
    stepped = false;
  },
  drags(event) {
    if (!viewer.zoomed) return viewer.toPhoto(event.clientX, event.clientY).inside;
    const [x, y] = studio.look.focus ?? subject(), mark = viewer.toClient(x, y);
    return Math.hypot(mark.x - event.clientX, mark.y - event.clientY) < GRASP_PX;
  },
  drag(event, point) { studio.setLook(at(point), { live: true }); },
  end() { studio.setLook({}, { label: "Focus" }); },
  cancel() { studio.revert(); },
});

tools.set("box", {
  tap(event, point) { tools.get("focus").tap(event, point); },
  untap() { tools.get("focus").untap(); },
  drags: () => true,
  begin(event, point) {
    cross = null;
    corner = [point.x, point.y];
  },
  drag(event, point) { outline(borders(corner, [point.x, point.y])); },
  end(event, point) { enclose(borders(corner, [point.x, point.y])); },
  cancel() {
    corner = null;
    lay();
  },
});

const borders = ([x0, y0], [x1, y1]) => [Math.min(x0, x1), Math.min(y0, y1), Math.max(x0, x1), Math.max(y0, y1)];

function outline([left, top, right, bottom]) {
  const from = viewer.toStage(left, top), to = viewer.toStage(right, bottom);
  rectangle.hidden = false;
  rectangle.style.transform = `translate(${from.x}px, ${from.y}px)`;
  rectangle.style.width = `${to.x - from.x}px`;
  rectangle.style.height = `${to.y - from.y}px`;
}

/** Keep sharp what lies in a rectangle. */
async function enclose(box) {
  corner = null;
  const across_px = (box[2] - box[0]) * viewer.place.width, down_px = (box[3] - box[1]) * viewer.place.height;
  if (Math.min(across_px, down_px) < LEAST_PX) {
    lay();
    return;
  }
  area = { box, in_focus: null };
  const own = area;
  try {
    const found = await studio.withPhoto((photo) => api.box(photo.id, { look: studio.look, box }));
    if (own !== area) return;
    area.in_focus = found;
    studio.setLook({ ...nowhere, in_focus: found }, { label: "Focus area" });
  } catch (error) {
    area = null;
    lay();
    if (!error.lost) studio.say(error.message, "error");
  }
}

const subject = () => [studio.photo.subject.x, studio.photo.subject.y];
const same = (one, other) => one && other && one[0] === other[0] && one[1] === other[1];

/** Put the marks where the picture lies now. */
function lay() {
  const photo = studio.photo, look = studio.look;
  const put = (mark, point) => {
    mark.toggleAttribute("hidden", !point); // SVG has no property for it
    if (!point) return;
    const { x, y } = viewer.toStage(...point);
    mark.style.transform = `translate(${x}px, ${y}px)`;
  };
  const plane = photo && !span() && look.focus_m === undefined && studio.tool !== "brush";
  put(marker, plane ? look.focus ?? subject() : null);
  marker.classList.toggle("set", Boolean(look.focus));
  marker.classList.toggle("auto", !look.focus);
  put(crosshair, photo && cross && document.activeElement === aim && studio.tool !== "brush" ? cross : null);
  if (corner && cross && document.activeElement === aim) outline(borders(corner, cross));
  else if (!corner) {
    const current = area && (area.in_focus === null || same(area.in_focus, look.in_focus));
    const drawn = photo && current && studio.tool !== "brush";
    rectangle.hidden = !drawn;
    if (drawn) outline(area.box);
  }
}

function describe() {
  if (!studio.photo) return;
  const look = studio.look, range = span();
  let text;
  if (range) {
    const of = same(area?.in_focus, look.in_focus) ? "the area that you drew" : "the range below";
    text = `All that is as near as ${of} is sharp.`;
  } else if (look.focus) text = `On the point that you chose: ${place(focusLevel())}.`;
  else if (look.focus_m) text = `On ${look.focus_m} m.`;
  else text = `On the subject: ${place(focusLevel())}. Point anywhere else to focus there.`;
  find("focus-note").textContent = text;
  find("tool-focus").setAttribute("aria-pressed", String(studio.tool === "focus"));
  find("tool-box").setAttribute("aria-pressed", String(studio.tool === "box"));
}

function say([x, y]) {
  const level = levelAt(x, y);
  const where = `${Math.round(x * 100)} % from left, ${Math.round(y * 100)} % from top`;
  studio.whisper(level === null ? where : `${where}, ${place(level)}`);
}

function key(event) {
  if (!studio.photo || studio.tool === "brush" || event.ctrlKey || event.metaKey || event.altKey) return;
  const step = event.shiftKey ? LARGE_STEP : STEP;
  const moves = { ArrowLeft: [-step, 0], ArrowRight: [step, 0], ArrowUp: [0, -step], ArrowDown: [0, step] };
  const own = moves[event.key] || event.key === "Enter" || (event.key === "Escape" && corner);
  if (!own) return;
  cross ??= [...(studio.look.focus ?? subject())];
  if (moves[event.key]) {
    cross = cross.map((share, axis) => round(clamp(share + moves[event.key][axis])));
    viewer.show(...cross);
    say(cross);
  } else if (event.key === "Enter") choose();
  else corner = null;
  event.preventDefault();
  lay();
}

function choose() {
  if (studio.tool !== "box") studio.setLook(at({ x: cross[0], y: cross[1] }), { label: "Focus" });
  else if (corner) enclose(borders(corner, cross));
  else {
    corner = cross;
    studio.whisper("First corner; move and press Enter for the other, Escape to leave it");
  }
}

aim.addEventListener("keydown", key);
aim.addEventListener("focus", lay);
aim.addEventListener("blur", () => {
  corner = null;
  lay();
});
find("tool-focus").addEventListener("click", () => studio.setTool("focus"));
find("tool-box").addEventListener("click", () => studio.setTool("box"));
find("subject").addEventListener("click", focusOnSubject);
studio.addEventListener("photo", ({ detail }) => {
  if (!detail.keep) {
    area = null;
    corner = null;
    cross = null;
  }
  aim.hidden = !studio.photo;
  lay();
});
for (const name of ["photo", "look", "depth", "tool", "rendered"]) {
  studio.addEventListener(name, () => {
    lay();
    describe();
  });
}
viewer.addEventListener("change", lay);
