// Looks as files: saved for any photo or for this one alone, loaded from a picker or by a drop.
import * as api from "./api.js";
import { download } from "./job.js";
import { studio } from "./state.js";

const FORMAT = "look/1";
const MOST_BYTES = 8 << 20;
const SAME_LEVELS = 8; // by which fingerprints of one photo may differ
/** What belongs to one photo: where its focus lies, and how its depth is mended. */
const FOCUS = ["focus", "focus_m", "in_focus", "in_focus_m"];
const MENDS = ["strokes", "fingerprint"];
const find = (id) => document.getElementById(id);

const without = (look, keys) => Object.fromEntries(Object.entries(look).filter(([key]) => !keys.includes(key)));

/** The look without what belongs to one photo. */
export const forAnyPhoto = (look) => without(look, [...FOCUS, ...MENDS]);

/** Whether strokes with this fingerprint may mend a photo. */
function fits(fingerprint, photo) {
  if (!fingerprint?.length) return true;
  return fingerprint.every((level, index) => Math.abs(level - photo.fingerprint[index]) <= SAME_LEVELS);
}

/** Ask in a dialog of several buttons; gives the value of the one that was pressed, "" for none. */
function asked(dialog) {
  dialog.returnValue = "";
  dialog.showModal();
  return new Promise((done) => dialog.addEventListener("close", () => done(dialog.returnValue), { once: true }));
}

function dialogOf(id, html) {
  const dialog = document.createElement("dialog");
  dialog.id = id;
  dialog.setAttribute("aria-labelledby", `${id}-title`);
  dialog.innerHTML = html;
  document.body.append(dialog);
  return dialog;
}

async function save() {
  if (!studio.photo) return;
  const strokes = studio.look.strokes?.length ?? 0, dialog = find("look-dialog");
  for (const input of dialog.querySelectorAll("[name=look-for]")) {
    input.checked = (input.value === "this") === strokes > 0;
  }
  if ((await asked(dialog)) !== "save") return;
  const own = dialog.querySelector("[name=look-for]:checked").value === "this";
  const stem = studio.photo.name.replace(/\.[^.]*$/, "") || "photo";
  try {
    // The studio reads it, so that only what a look can be is ever saved.
    const look = await api.readLook(text(own ? studio.look : forAnyPhoto(studio.look)));
    download(new Blob([text(look)], { type: "application/json" }), `${stem}.look.json`);
    studio.say(`${stem}.look.json is in your browser's downloads.`);
  } catch (error) {
    studio.say(error.message, "error");
  }
}

const text = (look) => `${JSON.stringify({ wideopen: FORMAT, ...look }, null, 1)}\n`;

/** Set a look: what belongs to one photo stays as it is unless the new look says otherwise. */
function set(look, name) {
  const stays = [FOCUS, MENDS].filter((keys) => !keys.some((key) => key in look)).flat();
  const cleared = Object.keys(studio.look).filter((key) => !stays.includes(key));
  const changes = { ...Object.fromEntries(cleared.map((key) => [key, undefined])), ...look };
  studio.setLook(changes, { label: `look from ${name}` });
  studio.say(`The look is set as in ${name}.`);
}

/** Load a look's file, and ask where it mends another photo than this. */
export async function load(file) {
  if (!studio.photo) {
    studio.say("Open a photo first, then load the look.", "error");
    return;
  }
  try {
    if (file.size > MOST_BYTES) throw new Error(`${file.name} is too large to be a look.`);
    const look = await api.readLook(await file.text());
    if (!look.strokes?.length || fits(look.fingerprint, studio.photo)) set(look, file.name);
    else if ((await asked(find("look-other"))) === "without") set(forAnyPhoto(look), file.name);
  } catch (error) {
    studio.say(error.message, "error");
  }
}

const isLook = (file) => /\.json$/i.test(file.name) || file.type === "application/json";

/** A dropped look; what else is dropped is for those who open photos. */
function dropped(event) {
  const files = [...(event.dataTransfer?.files ?? [])];
  if (files.length === 1 && isLook(files[0]) && !document.querySelector("dialog[open]")) load(files[0]);
}

function build() {
  dialogOf("look-dialog", `<form method="dialog"><h2 id="look-dialog-title">Save the look</h2>
    <label class="option"><input type="radio" name="look-for" value="any"><span><b>For any photo</b>
      <small>Lens, blur and highlights. Each photo keeps its own focus.</small></span></label>
    <label class="option"><input type="radio" name="look-for" value="this"><span><b>For this photo</b>
      <small>Also where it is sharp, and the strokes that mend its depth.</small></span></label>
    <p class="ends-of-dialog"><button value="">Cancel</button>
      <button value="save" class="strong">Save look</button></p></form>`);
  dialogOf("look-other", `<form method="dialog"><h2 id="look-other-title">This look mends another photo</h2>
    <p>Its focus and its strokes belong to a different photo. They can be left out; lens and blur are used.</p>
    <p class="ends-of-dialog"><button value="">Cancel</button>
      <button value="without" class="strong">Use without strokes</button></p></form>`);
  const input = document.createElement("input");
  Object.assign(input, { type: "file", id: "look-file", accept: ".json,application/json", hidden: true });
  document.body.append(input);
  input.addEventListener("change", () => {
    if (input.files.length) load(input.files[0]);
    input.value = "";
  });
  window.addEventListener("drop", dropped);
}

/** Wire the two buttons of the panel, once they are there. */
export function wire() {
  find("look-save").addEventListener("click", save);
  find("look-load").addEventListener("click", () => find("look-file").click());
}

build();
