// Keys for everything, and the sheet that lists them.
import { studio } from "./state.js";
import { viewer } from "./viewer.js";
import { compare, holdBefore } from "./compare.js";
import { focusOnSubject } from "./focus.js";
import { holdGlass } from "./loupe.js";
import { pick } from "./open.js";
import { stepRing } from "./ring.js";

const find = (id) => document.getElementById(id);
const sheet = find("sheet-of-keys");
const command = navigator.platform.startsWith("Mac") ? "⌘" : "Ctrl";
const LISTED = [
  ["Photo", [["O", "open a photo"], [`${command} V`, "paste one"], [`${command} S`, "save"], ["?", "these keys"]]],
  ["Focus", [["P", "focus by a point"], ["A", "focus by an area"], ["F", "back to the subject"],
    ["← → ↑ ↓", "move the crosshair; with Shift farther"], ["Enter", "focus there"]]],
  ["Aperture", [[", .", "turn the ring by a third of a stop"], ["↑ ↓ on the ring", "the same"],
    ["Page ↑ ↓", "a whole stop"], ["Home End", "to its ends"]]],
  ["View", [["B", "before, while held"], ["C", "compare before and after"], ["D", "depth"], ["L", "loupe, while held"],
    ["Z", "whole photo or 100 %"], ["+ −", "zoom"], ["0", "whole photo"],
    ["Space and drag", "move the photo"], ["H", "hide the marks"]]],
  ["Mend the depth", [["M", "brush"], ["1 2 3 4", "nearer, farther, in focus, as a point"],
    ["[ ]", "size of the brush"],
    ["Alt and click", "pick a point, or I under the brush"]]],
  ["History", [[`${command} Z`, "undo"], [`${command} Shift Z`, "redo"]]],
];

function make(name, text, ...children) {
  const made = document.createElement(name);
  if (text) made.textContent = text;
  made.append(...children);
  return made;
}

const single = Object.assign(make("input"), { type: "checkbox", id: "single-keys", checked: true });

function build() {
  const title = make("h2", "Keys"), columns = make("div"), close = make("button", "Close");
  title.id = "keys-title";
  columns.className = "columns";
  for (const [name, keys] of LISTED) {
    const list = make("dl");
    for (const [key, does] of keys) list.append(make("dt", "", make("kbd", key)), make("dd", does));
    columns.append(make("section", "", make("h3", name), list));
  }
  const label = make("label", "", single, " Single letters work as keys");
  label.className = "switch";
  close.type = "button";
  close.autofocus = true;
  close.addEventListener("click", () => sheet.close());
  const foot = make("div", "", label, close);
  foot.className = "row";
  sheet.append(title, columns, foot);
}

export function showKeys() {
  if (sheet.open) sheet.close();
  else sheet.showModal();
}

const HELD = { b: holdBefore, l: (on) => holdGlass("key", on) };
const PRESSED = {
  o: pick,
  p: () => studio.setTool("focus"),
  a: () => studio.setTool("box"),
  m: () => studio.setTool("brush"),
  f: focusOnSubject,
  c: () => compare(),
  z: () => viewer.toggle(),
  0: () => viewer.zoomTo(null),
  "+": () => viewer.zoomBy(1.25),
  "=": () => viewer.zoomBy(1.25),
  "-": () => viewer.zoomBy(0.8),
  ",": () => stepRing(-1),
  ".": () => stepRing(1),
  h: () => find("marks").classList.toggle("away"),
  "?": showKeys,
};
const ALWAYS = new Set(["o", "?"]);

/** Whether what is typed belongs to a field. */
const FIELDS = "input:not([type=range], [type=checkbox], [type=radio], [type=file]), select, textarea";
const typing = (target) => target.closest(FIELDS);

function pressed(event) {
  const key = event.key.length === 1 ? event.key.toLowerCase() : event.key;
  if (event.ctrlKey || event.metaKey) {
    if (event.altKey || typing(event.target)) return;
    if (key === "z" && event.shiftKey) studio.redo();
    else if (key === "z") studio.undo();
    else if (key === "y") studio.redo();
    else if (key === "o") pick();
    else return;
    event.preventDefault();
    return;
  }
  if (event.altKey || event.defaultPrevented || typing(event.target) || !single.checked) return;
  if (document.querySelector("dialog[open]") && !(key === "?" && sheet.open)) return;
  if (!studio.photo && !ALWAYS.has(key)) return;
  if (HELD[key]) {
    if (!event.repeat) HELD[key](true);
  } else if (PRESSED[key]) PRESSED[key]();
  else return;
  event.preventDefault();
}

document.addEventListener("keydown", pressed);
document.addEventListener("keyup", (event) => HELD[event.key.toLowerCase()]?.(false));
find("help").addEventListener("click", showKeys);
sheet.addEventListener("click", (event) => event.target === sheet && sheet.close());
build();
