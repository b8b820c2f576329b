// The studio's page: what all parts share, and its parts wired together.
import { studio } from "./state.js";
import * as api from "./api.js";
import { viewer } from "./viewer.js";
import { again } from "./live.js";
import "./gestures.js";
import "./open.js";
import "./ring.js";
import "./focus.js";
import "./range.js";
import "./lens.js";
import "./compare.js";
import "./loupe.js";
import "./keys.js";

export { studio, DEFAULTS } from "./state.js";

const find = (id) => document.getElementById(id);
/** Tabs and what they show; the brush is in hand for as long as its tab is open. */
const TABS = { "tab-focus": "focus", "tab-lens": "lens", "tool-brush": "mend", "tab-save": "save" };
const names = Object.keys(TABS);

/** Show one of the tabs "focus", "lens", "mend" and "save". */
export function showTab(name) {
  for (const [id, each] of Object.entries(TABS)) {
    const chosen = each === name;
    find(id).setAttribute("aria-selected", String(chosen));
    find(id).tabIndex = chosen ? 0 : -1;
    find(each).hidden = !chosen;
  }
  find("sheet").scrollTop = 0;
  document.body.classList.remove("folded");
  find("fold").setAttribute("aria-expanded", "true");
  if (name === "mend") studio.setTool("brush");
  else if (studio.tool === "brush") studio.setTool("focus");
  studio.dispatchEvent(new CustomEvent("tab", { detail: { name } }));
}

const shownTab = () => names.findIndex((id) => find(id).getAttribute("aria-selected") === "true");

for (const id of names) find(id).addEventListener("click", () => showTab(TABS[id]));
find("tabs").addEventListener("keydown", (event) => {
  const at = shownTab(), last = names.length - 1;
  const next = (at + 1) % names.length, before = (at + last) % names.length;
  const to = { ArrowRight: next, ArrowLeft: before, Home: 0, End: last }[event.key];
  if (to === undefined) return;
  event.preventDefault();
  showTab(TABS[names[to]]);
  find(names[to]).focus();
});
find("fold").addEventListener("click", () => {
  const folded = document.body.classList.toggle("folded");
  find("fold").setAttribute("aria-expanded", String(!folded));
});
studio.addEventListener("tool", () => {
  const shown = TABS[names[shownTab()]];
  const brush = studio.tool === "brush";
  if (brush && shown !== "mend") showTab("mend");
  else if (!brush && (shown === "mend" || (studio.tool === "box" && shown !== "focus"))) showTab("focus");
  viewer.stage.dataset.tool = studio.tool;
});
studio.addEventListener("view", () => {
  find("depth-view").setAttribute("aria-pressed", String(studio.view === "depth"));
});

function history() {
  for (const [id, word, label] of [["undo", "Undo", studio.undoable], ["redo", "Redo", studio.redoable]]) {
    find(id).disabled = label === null;
    const what = label ? ` ${label[0].toLowerCase()}${label.slice(1)}` : "";
    find(id).title = `${word}${what} (Ctrl+${id === "redo" ? "Shift+" : ""}Z)`;
  }
  find("reset").disabled = !studio.photo || Object.keys(studio.look).length === 0;
}
studio.addEventListener("look", history);
find("undo").addEventListener("click", () => studio.undo());
find("redo").addEventListener("click", () => studio.redo());
find("reset").addEventListener("click", () => {
  const none = Object.fromEntries(Object.keys(studio.look).map((key) => [key, undefined]));
  studio.setLook(none, { label: "Reset" });
});

function zoomed() {
  const percent = `${Math.round(viewer.scale * viewer.ratio * 100)} %`;
  find("zoom").textContent = viewer.zoomed ? percent : "Fit";
  const label = viewer.zoomed ? `${percent}: fit the whole photo` : "Fit: zoom to 100 %";
  find("zoom").setAttribute("aria-label", label);
  viewer.stage.classList.toggle("zoomed", viewer.zoomed);
}
viewer.addEventListener("change", zoomed);
find("zoom").addEventListener("click", () => viewer.zoomed ? viewer.zoomTo(null) : viewer.zoomTo(viewer.full));
find("zoom-in").addEventListener("click", () => viewer.zoomBy(1.25));
find("zoom-out").addEventListener("click", () => viewer.zoomBy(0.8));

studio.addEventListener("rendered", ({ detail }) => {
  find("radius").hidden = false;
  const radius = detail.radius_px;
  find("radius").textContent = `Largest blur ${radius < 10 ? radius.toFixed(1) : Math.round(radius)} px`;
});
studio.addEventListener("photo", ({ detail }) => {
  if (!detail.keep) find("radius").hidden = true;
});

async function meet() {
  try {
    studio.about = await api.about();
  } catch (error) {
    if (!error.lost) studio.say(error.message, "error");
    return;
  }
  studio.dispatchEvent(new CustomEvent("about"));
}

api.line.addEventListener("lost", () => { find("lost").hidden = false; });
api.line.addEventListener("found", () => { find("lost").hidden = true; });
find("retry").addEventListener("click", async () => {
  if (!studio.about) await meet();
  try {
    await api.about();
    again();
  } catch {
    studio.whisper("The studio still does not answer");
  }
});
showTab("focus");
history();
meet();
