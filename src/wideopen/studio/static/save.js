// The panel for saving: the photo at full size, the look as a file, and the same look on many photos.
import * as api from "./api.js";
import { chosen, fill, own } from "./formats.js";
import { download, guarded, seen, share, size, words } from "./job.js";
import { wire } from "./lookfile.js";
import { openMany } from "./many.js";
import { studio } from "./state.js";

const find = (id) => document.getElementById(id);
let stop = null; // an AbortController while a save is under way

const PANEL = `
  <div class="fields">
    <label for="save-format">Format</label><select id="save-format"></select>
    <div class="slide" id="save-quality-line"><label for="save-quality">Quality</label>
      <output for="save-quality"></output>
      <input type="range" id="save-quality" min="50" max="100" step="1" value="95"></div>
  </div>
  <p id="save-note" class="soft"></p>
  <button type="button" id="save-photo" class="strong wide" title="Save photo (Ctrl+S)">Save photo</button>
  <div id="save-progress" hidden>
    <progress id="save-share" max="1" aria-labelledby="save-step"></progress>
    <p class="row"><span id="save-step" class="soft"></span><button type="button" id="cancel">Cancel</button></p>
  </div>
  <div id="save-told" role="status"></div>
  <h3>Look</h3>
  <p class="soft">All settings as a small file, for other photos and for <code>wideopen render --look</code>.</p>
  <div class="choice"><button type="button" id="look-save">Save look…</button>
    <button type="button" id="look-load">Load look…</button></div>
  <h3>More photos</h3>
  <button type="button" id="many-open" class="wide">Apply this look to many…</button>`;

const quality = () => Number(find("save-quality").value);

/** What the choice of a format means for this photo. */
function show() {
  const photo = studio.photo, name = photo?.name ?? "photo.jpg";
  const format = chosen(find("save-format").value, name);
  find("save-format").options[0].textContent = photo ? `As the photo (${own(name).name})` : "As the photo";
  find("save-quality-line").hidden = !format.lossy;
  find("save-quality-line").querySelector("output").textContent = String(quality());
  const less = photo && photo.bits > format.bits;
  const loses = less ? ` ${format.name} keeps ${format.bits} of its ${photo.bits} bit.` : "";
  const where = studio.about?.save_to ? ` Goes into the folder ${studio.about.save_to}.` : "";
  find("save-note").textContent = photo
    ? `Full size, ${photo.width} × ${photo.height}, with its metadata and colour profile.${loses}${where}` : "";
}

function tell(text, { again = false, error = false } = {}) {
  const line = document.createElement("p");
  line.textContent = text;
  find("save-told").className = error ? "wrong" : "";
  find("save-told").replaceChildren(...(text ? [line] : []));
  if (!again) return find("save-told").scrollIntoView({ block: "nearest" });
  const button = document.createElement("button");
  button.type = "button";
  button.textContent = "Try again";
  button.addEventListener("click", save);
  find("save-told").append(button);
  return find("save-told").scrollIntoView({ block: "nearest" });
}

function progress(state) {
  find("save-progress").hidden = !state;
  find("save-photo").disabled = Boolean(state);
  if (!state) return;
  find("save-share").value = share(state);
  find("save-step").textContent = `${words(state)}, ${Math.round(100 * share(state))} %`;
}

/** Say what became of a save, and hand its file over. */
function finished({ state, error, name, bytes, place, job }) {
  if (state === "cancelled") return tell("Cancelled; nothing was saved.");
  if (state !== "done") return tell(error || "The photo could not be saved.", { again: true, error: true });
  if (place) return tell(`Saved ${place} (${size(bytes)}).`);
  download(api.savedFile(job), name);
  return tell(`${name} (${size(bytes)}) is in your browser's downloads.`);
}

async function save() {
  if (stop || !studio.photo) return;
  stop = new AbortController();
  const { signal } = stop, look = studio.look;
  const wish = { look, suffix: find("save-format").value || null, quality: quality() };
  tell("");
  progress({ state: "waiting" });
  find("save-progress").scrollIntoView({ block: "nearest" });
  find("save-step").textContent = "Asking the studio";
  try {
    const begin = () => studio.withPhoto((photo) => api.save(photo.id, wish));
    finished(await guarded(() => seen(begin, { tell: progress, signal })));
  } catch (error) {
    if (signal.aborted) tell("Cancelled; nothing was saved.");
    else tell(error.message, { again: true, error: true });
  } finally {
    const focused = document.activeElement === find("cancel");
    stop = null;
    progress(null);
    if (focused) find("save-photo").focus();
  }
}

function typed(event) {
  if (!(event.ctrlKey || event.metaKey) || event.shiftKey || event.altKey || event.key.toLowerCase() !== "s") return;
  event.preventDefault();
  if (document.querySelector("dialog[open]") || !studio.photo) return;
  find("tab-save").click();
  save();
}

function build() {
  find("save").insertAdjacentHTML("beforeend", PANEL);
  fill(find("save-format"), [], "As the photo");
  find("save-photo").addEventListener("click", save);
  find("cancel").addEventListener("click", () => stop?.abort());
  for (const id of ["save-format", "save-quality"]) find(id).addEventListener("input", show);
  wire();
  find("many-open").addEventListener("click", () => openMany());
  document.addEventListener("keydown", typed);
  studio.addEventListener("photo", (event) => {
    fill(find("save-format"), studio.about?.formats ?? [".jpg"], "As the photo");
    if (!event.detail.keep && !stop) tell("");
    show();
  });
  show();
}

build();
