// One look for many photos: each is sent, saved and taken away again, one at a time, each with its own fate.
import * as api from "./api.js";
import { fill } from "./formats.js";
import { download, guarded, seen, share, size, words } from "./job.js";
import { forAnyPhoto } from "./lookfile.js";
import { studio } from "./state.js";

const find = (id) => document.getElementById(id);
const dialog = find("many");
const rows = []; // { file, state: "waiting" | "running" | "done" | "failed" | "cancelled", item }
let stop = null; // an AbortController while photos are under way
let folder = null; // that the user has chosen, where the browser can

const FRAME = `
  <header><h2>Apply this look to many photos</h2>
    <button type="button" id="many-close" aria-label="Close">✕</button></header>
  <p class="soft">The lens and the blur are as set here. Every photo is sharp where its own subject is, and its depth is
    found anew. One photo that fails does not stop the others.</p>
  <div id="many-drop"><button type="button" id="many-choose">Choose photos…</button>
    <span class="soft">or drop them here</span>
    <input type="file" id="many-files" multiple hidden accept="image/*,.heic,.heif,.avif,.tif,.tiff"></div>
  <div class="fields inline"><label for="many-format">Format</label><select id="many-format"></select>
    <button type="button" id="many-folder" hidden>Into a folder…</button></div>
  <p id="many-where" class="soft"></p>
  <ol id="many-list"></ol>
  <p id="many-summary" role="status"></p>
  <p class="ends-of-dialog"><button type="button" id="many-stop" disabled>Cancel all</button>
    <button type="button" id="many-start" class="strong" disabled>Start</button></p>`;

// The list.

function row(file) {
  const item = document.createElement("li");
  item.innerHTML = `<span class="file" translate="no"></span><span class="fate"></span>
    <progress max="1" value="0"></progress><button type="button">Remove</button>`;
  item.querySelector(".file").textContent = file.name;
  item.querySelector("progress").setAttribute("aria-label", file.name);
  const made = { file, state: "waiting", item };
  item.querySelector("button").addEventListener("click", () => press(made));
  find("many-list").append(item);
  rows.push(made);
  show(made, "waiting", "Waiting");
}

/** A row's button: away with it, or once more. */
function press(one) {
  if (one.state === "running") one.stop?.abort();
  else if (one.state === "failed" || one.state === "cancelled") {
    show(one, "waiting", "Waiting");
    start();
  } else {
    rows.splice(rows.indexOf(one), 1);
    one.item.remove();
    sum();
    find("many-choose").focus();
  }
}

function show(one, state, text, done = 0) {
  one.state = state;
  one.item.dataset.state = state;
  one.item.querySelector(".fate").textContent = text;
  const bar = one.item.querySelector("progress"), button = one.item.querySelector("button");
  bar.hidden = state !== "running";
  bar.value = done;
  button.hidden = state === "done";
  const does = { running: "Cancel", failed: "Retry", cancelled: "Retry" }[state] ?? "Remove";
  if (button.textContent !== does) button.textContent = does;
  button.setAttribute("aria-label", `${does}: ${one.file.name}`);
  sum();
}

/** How all of them are getting on. */
function sum() {
  const of = (state) => rows.filter((each) => each.state === state).length;
  const told = { done: "saved", failed: "failed", cancelled: "cancelled", waiting: "waiting" };
  const parts = Object.keys(told).filter(of).map((state) => `${of(state)} ${told[state]}`);
  const over = !stop && rows.length && !of("waiting");
  const whole = `${over ? "Finished: " : ""}${parts.join(", ")}`;
  if (find("many-summary").textContent !== whole) find("many-summary").textContent = whole;
  find("many-start").disabled = Boolean(stop) || of("waiting") === 0;
  find("many-start").textContent = of("waiting") > 1 ? `Start ${of("waiting")} photos` : "Start";
  find("many-stop").disabled = !stop;
  const button = find("many-open"), left = of("waiting") + of("running");
  if (!button) return;
  if (stop) button.textContent = `${rows.length - left} of ${rows.length} photos done…`;
  else button.textContent = left ? `Apply this look to ${left} photos…` : "Apply this look to many…";
  find("many-format").disabled = find("many-folder").disabled = Boolean(stop);
}

function add(files) {
  for (const file of files) row(file);
  find("many-list").lastElementChild?.scrollIntoView({ block: "nearest" });
}

// The work.

async function start() {
  if (stop) return;
  stop = new AbortController();
  const { signal } = stop, look = forAnyPhoto(studio.look), suffix = find("many-format").value || null;
  sum();
  await guarded(async () => {
    for (;;) {
      const next = rows.find((each) => each.state === "waiting");
      if (!next || signal.aborted) break;
      await treat(next, { look, suffix, quality: quality(), signal });
    }
  });
  for (const each of rows) if (signal.aborted && each.state === "waiting") show(each, "cancelled", "Cancelled");
  stop = null;
  sum();
}

const quality = () => Number(find("save-quality")?.value ?? 95);

/** Send, save and take away one photo; whatever happens to it is said in its row. */
async function treat(row, { look, suffix, quality: wished, signal }) {
  row.stop = new AbortController();
  const mine = AbortSignal.any([signal, row.stop.signal]);
  const most = studio.about?.upload_bytes ?? Infinity;
  let photo = null;
  try {
    if (row.file.size > most) {
      throw new Error(`It has ${size(row.file.size)}, and the studio takes up to ${size(most)}.`);
    }
    show(row, "running", "Sending");
    const progress = (sent) => show(row, "running", "Sending", 0.1 * sent);
    photo = await api.openPhoto(row.file, { progress, only: "save", signal: mine });
    const tell = (state) => show(row, "running", words(state), 0.1 + 0.9 * share(state));
    const begin = () => api.save(photo.id, { look, suffix, quality: wished });
    const state = await seen(begin, { tell, signal: mine });
    if (state.state === "cancelled") show(row, "cancelled", "Cancelled");
    else if (state.state !== "done") show(row, "failed", state.error || "It could not be saved.");
    else show(row, "done", await handed(state));
  } catch (error) {
    if (mine.aborted) show(row, "cancelled", "Cancelled");
    else show(row, "failed", error.message);
  } finally {
    row.stop = null;
    if (photo) api.close(photo.id).catch(() => {});
  }
}

/** Give a finished file to its owner; says where it went. */
async function handed({ job, name, bytes, place }) {
  if (place) return `Saved ${place} (${size(bytes)})`;
  if (!folder) {
    download(api.savedFile(job), name);
    return `Downloaded ${name} (${size(bytes)})`;
  }
  const written = await write(api.savedFile(job), name);
  api.cancelSave(job).catch(() => {}); // fetched: the studio need not keep it
  return `Saved ${folder.name}/${written} (${size(bytes)})`;
}

/** Write a file into the chosen folder, under a name that is free there. */
async function write(address, name) {
  const dot = name.lastIndexOf(".");
  let free = name;
  for (let number = 2; await there(free); number += 1) free = `${name.slice(0, dot)}-${number}${name.slice(dot)}`;
  const answer = await fetch(address, { credentials: "same-origin" });
  if (!answer.ok) throw new Error("The saved file could not be fetched; try again.");
  const file = await folder.getFileHandle(free, { create: true }), stream = await file.createWritable();
  try {
    await answer.body.pipeTo(stream);
  } catch (error) {
    await folder.removeEntry(free).catch(() => {});
    throw new Error(`${free} cannot be written into ${folder.name}: ${error.message}`);
  }
  return free;
}

const there = (name) => folder.getFileHandle(name).then(() => true, (error) => error.name !== "NotFoundError");

async function choose() {
  try {
    folder = await window.showDirectoryPicker({ mode: "readwrite", id: "wideopen" });
  } catch (error) {
    if (error.name !== "AbortError") studio.say(`The folder cannot be used: ${error.message}`, "error");
  }
  where();
}

function where() {
  const into = studio.about?.save_to;
  find("many-folder").hidden = Boolean(into) || !("showDirectoryPicker" in window);
  find("many-where").textContent = into
    ? `The pictures go into the folder ${into}.`
    : folder
      ? `The pictures go into the folder ${folder.name}; what is there is not overwritten.`
      : "The pictures go to your browser's downloads; it may ask once whether several are allowed.";
}

/** Show the dialog, with photos that are to be added. */
export function openMany(files = []) {
  fill(find("many-format"), studio.about?.formats ?? [".jpg"], "As each photo");
  where();
  sum();
  add(files);
  if (!dialog.open) dialog.showModal();
}

function build() {
  dialog.innerHTML = FRAME;
  find("many-close").addEventListener("click", () => dialog.close());
  find("many-choose").addEventListener("click", () => find("many-files").click());
  find("many-files").addEventListener("change", (event) => {
    add(event.target.files);
    event.target.value = "";
  });
  find("many-folder").addEventListener("click", choose);
  find("many-start").addEventListener("click", start);
  find("many-stop").addEventListener("click", () => stop?.abort());
  // The page behind takes no drops while a dialog is open, and must not say so for this one.
  dialog.addEventListener("dragover", (event) => {
    event.preventDefault();
    event.stopPropagation();
    event.dataTransfer.dropEffect = "copy";
  });
  dialog.addEventListener("drop", (event) => {
    event.preventDefault();
    add(event.dataTransfer.files);
  });
  // Several were dropped on the page: they wait here until the look is right.
  studio.addEventListener("many", (event) => {
    add(event.detail.files);
    sum();
  });
}

build();
