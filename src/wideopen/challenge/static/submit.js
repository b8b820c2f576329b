// The form that submits: what was typed survives a reload, and so does an upload.
import { ofDrop, ofFile, ofInput } from "./chosen.js";
import { forget, memory, remember } from "./memory.js";
import { asking, packed, sent } from "./upload.js";
import { find, made, plural, size, theirs } from "./words.js";

const STAGES = { packing: "Packing the pictures", reading: "Finding the checksum", sending: "Sending",
  looking: "The server looks at it" };
const ASKED = ["authors", "framework", "hardware", "description"];
const TEXTS = ["authors", "affiliation", "framework", "hardware", "extra_data", "runtime_device", "code", "description"];
const NUMBERS = ["parameters", "runtime_s"];

let context, challenge, team, chosen = null, stop = null, paused = false;
const form = find("submit"), field = (name) => form.elements[name];
const phase = () => challenge.phases.find((each) => each.name === find("phase").value);

function refuse(text) {
  find("refused").textContent = text;
  find("refused").hidden = !text;
  if (text) find("refused").scrollIntoView({ block: "nearest" });
}

function stage(name, done = 0, total = 0) {
  const told = name === "lost" ? `The connection is lost; trying again in ${plural(Math.round(done), "second")}` : STAGES[name];
  find("stage").textContent = paused ? "Paused" : told;
  if (name === "lost") return;
  const share = total ? done / total : 0;
  if (name === "looking") find("bar").removeAttribute("value");
  else find("bar").value = share;
  find("percent").textContent = total ? `${Math.floor(share * 100)} % of ${size(total)}` : "";
}

function showChosen() {
  const under_way = memory("upload");
  find("drop").classList.toggle("full", Boolean(chosen));
  const lines = [];
  if (chosen) {
    const what = chosen.files ? `${plural(chosen.files.length, "picture")}, ` : chosen.kind === "model" ? "a model, " : "";
    lines.push(made("strong", {}, theirs(chosen.name)), made("br"), `${what}${size(chosen.bytes)}`);
  } else if (under_way) {
    lines.push(made("strong", {}, "Choose ", theirs(under_way.name), " again to go on"), made("br"),
      `${size(under_way.received)} of ${size(under_way.bytes)} have arrived; the rest follows from there.`);
  } else {
    lines.push(made("strong", {}, "Drop a zip or a folder of pictures here"), made("br"), "or a model: safetensors, ONNX, LiteRT");
  }
  find("chosen").replaceChildren(...lines);
}

async function choose(asked) {
  try {
    chosen = await asked();
    refuse("");
  } catch (error) {
    chosen = null;
    refuse(error.message);
  }
  showChosen();
}

function draft() {
  const texts = Object.fromEntries([...TEXTS, ...NUMBERS, "method"].map((name) => [name, field(name).value]));
  remember("draft", { ...texts, precomputed_depth: field("precomputed_depth").checked,
    phase: find("phase").value, track: find("track").value });
}

function restore() {
  const known = memory("draft");
  if (!known) return;
  for (const name of [...TEXTS, ...NUMBERS, "method"]) field(name).value = known[name] ?? "";
  field("precomputed_depth").checked = Boolean(known.precomputed_depth);
  for (const name of ["phase", "track"]) if ([...find(name).options].some((option) => option.value === known[name])) find(name).value = known[name];
}

function sheet() {
  const found = { method: field("method").value.trim(), precomputed_depth: field("precomputed_depth").checked };
  for (const name of TEXTS) if (field(name).value.trim()) found[name] = field(name).value.trim();
  for (const name of NUMBERS) if (field(name).value !== "") found[name] = Number(field(name).value);
  return found;
}

/** Say what is missing before anything is sent. */
function missing() {
  if (!chosen) return memory("upload") ? `choose ${memory("upload").name} again, to go on` : "choose a zip, a folder of pictures, or a model";
  const asked = phase();
  if (!asked.takes.includes(chosen.kind)) return `the phase ${asked.name} takes ${asked.takes.join(" and ")}, not a ${chosen.kind}`;
  if (chosen.bytes > challenge.limits.upload_mb * 1e6) return `that is ${size(chosen.bytes)}, and ${size(challenge.limits.upload_mb * 1e6)} are taken`;
  if (!field("method").value.trim()) return "give the method a name";
  const empty = asked.sheet ? ASKED.filter((name) => !field(name).value.trim()) : [];
  if (empty.length) {
    find("sheet").open = true;
    field(empty[0]).focus();
    return `the phase ${asked.name} asks for a fact sheet; fill in ${empty.join(", ")}`;
  }
  return "";
}

function going(is_going) {
  find("going").hidden = !is_going;
  find("send").hidden = is_going;
  for (const each of [...form.querySelectorAll("input, select, textarea, #choose-file, #choose-folder")]) each.disabled = is_going;
  find("pause").textContent = paused ? "Go on" : "Pause";
}

async function send() {
  const fault = missing();
  if (fault) return refuse(fault);
  refuse("");
  draft();
  paused = false;
  stop = new AbortController();
  const { signal } = stop, who = context.who();
  going(true);
  const tell = (name, done, total) => {
    if (signal.aborted) return;
    if (name === "sending") remember("upload", { ...memory("upload"), received: done });
    stage(name, done, total);
  };
  try {
    chosen.packed ??= await packed(chosen, tell, signal);
    const { whole, sha256 } = chosen.packed;
    const before = memory("upload");
    // The same submission sent again, after a lost answer, counts once.
    const request = before?.sha256 === sha256 ? before.request : crypto.getRandomValues(new Uint32Array(4)).join("-");
    remember("upload", { name: chosen.name, bytes: whole.size, sha256, request, received: 0 });
    const upload = await sent({ blob: whole, name: chosen.name, sha256, who, signal }, tell);
    stage("looking");
    const body = { upload, phase: find("phase").value, track: find("track").value, kind: chosen.kind, sheet: sheet(), request };
    await asking("POST", "api/submissions", { who, signal, body }, (pause_s) => tell("lost", pause_s));
    end();
  } catch (error) {
    if (signal.aborted) {
      if (!paused) end();
      return;
    }
    // What was refused is sent anew, as another submission.
    if (error.status) forget("upload");
    refuse(error.message);
  }
  going(false);
  context.done();
}

function end() {
  forget("upload");
  chosen = null;
  find("file").value = find("folder").value = "";
  showChosen();
}

function pause() {
  if (paused) return send();
  paused = true;
  stop.abort(new Error("paused"));
  stage("sending", memory("upload")?.received ?? 0, memory("upload")?.bytes ?? 0);
  going(true);
}

function giveUp() {
  const was_paused = paused;
  paused = false;
  stop?.abort(new Error("given up"));
  if (was_paused) end();
  going(false);
}

function listen() {
  form.addEventListener("submit", (event) => { event.preventDefault(); send(); });
  form.addEventListener("input", draft);
  find("choose-file").addEventListener("click", () => find("file").click());
  find("choose-folder").addEventListener("click", () => find("folder").click());
  find("file").addEventListener("change", ({ target }) => target.files.length && choose(() => ofFile(target.files[0])));
  find("folder").addEventListener("change", ({ target }) => choose(() => ofInput(target.files)));
  find("pause").addEventListener("click", pause);
  find("give-up").addEventListener("click", giveUp);
  find("phase").addEventListener("change", showAsked);
  const drop = find("drop");
  for (const name of ["dragover", "dragenter"]) drop.addEventListener(name, (event) => {
    event.preventDefault();
    drop.classList.add("over");
  });
  for (const name of ["dragleave", "drop"]) drop.addEventListener(name, () => drop.classList.remove("over"));
  drop.addEventListener("drop", (event) => {
    event.preventDefault();
    if (find("going").hidden) choose(() => ofDrop(event.dataTransfer));
  });
  // What is dropped beside the frame must not replace the page.
  for (const name of ["dragover", "drop"]) addEventListener(name, (event) => event.preventDefault());
  addEventListener("beforeunload", (event) => { if (!find("going").hidden && !paused) event.preventDefault(); });
}

function showAsked() {
  const asked = phase();
  if (!asked) return;
  find("sheet-told").textContent = asked.sheet ? "needed in this phase" : "as far as you like";
}

function options(select, items) {
  const texts = items.map(({ name, title }) => `${name}|${title ?? ""}`).join();
  if (select.dataset.items === texts) return;
  const before = select.value;
  select.replaceChildren(...items.map(({ name, title }) => new Option(title ? `${name}: ${title}` : name, name)));
  if (items.some(({ name }) => name === before)) select.value = before;
  select.dataset.items = texts;
}

/** Show the form; `refresh` tells it how challenge and team stand. */
export function showSubmit(given) {
  context = given;
  listen();
  let first = true;
  return {
    stop: () => { paused = false; stop?.abort(new Error("left")); chosen = null; going(false); refuse(""); },
    refresh: (now, told) => {
      [challenge, team] = [now, told];
      const open = challenge.phases.filter((each) => each.state === "open");
      find("closed").hidden = open.length > 0;
      form.hidden = !open.length || !team.team.approved;
      find("submit-place").hidden = !team.team.approved;
      options(find("phase"), open.map(({ name }) => ({ name })));
      options(find("track"), challenge.tracks);
      if (first) restore();
      if (first) showChosen();
      first = false;
      showAsked();
    },
  };
}
