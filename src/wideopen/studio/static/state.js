// The state that all parts of the page share: photo, look, tool, view, and what can be undone.

export const DEFAULTS = { f_number: 1.8, max_blur_percent: 0.8, highlights: 0.5, preset: "round" };
const TOGETHER_MS = 1000; // steps of one control, so close to each other, are undone at once
const SAID_MS = 6000;
const MOST_STEPS = 300;
const find = (id) => document.getElementById(id);

function window_id() {
  // Browsers keep crypto.randomUUID for https and localhost.
  return [...crypto.getRandomValues(new Uint8Array(8))].map((byte) => byte.toString(16).padStart(2, "0")).join("");
}

/** What a server says, as a sentence; names of files stay as they are. */
export function sentence(text) {
  const begun = text.replace(/^[a-z]+(?= )/, (word) => word[0].toUpperCase() + word.slice(1));
  return /[.!?…]$/.test(begun) ? begun : `${begun}.`;
}

class Studio extends EventTarget {
  /** Info of the open photo, as the server gives it, or null. */
  photo = null;
  /** Its File, kept to send it again; null for the sample. */
  file = null;
  /** The look as in its JSON, without what is default. */
  look = {};
  /** What the server told of the depth, as `api.depth` gives it, or null. */
  depth = null;
  /** Level of the plane in focus, 0 farthest .. 1 nearest, as last rendered. */
  level = null;
  /** What the studio told about itself, once it did. */
  about = null;
  tool = "focus";
  view = "picture";
  window = window_id();
  #settled = {};
  #past = [];
  #future = [];
  #number = 0;
  #opener = null;
  #opening = null;
  #opened = 0;

  /** A number above all that were given before, for the server to tell stale requests. */
  next() {
    this.#number += 1;
    return this.#number;
  }

  /** A setting of the look, or what it is by default. */
  setting(name) { return this.look[name] ?? DEFAULTS[name]; }

  /** The settings of the chosen preset, as the server lists them. */
  get preset() { return this.about?.presets.find((each) => each.name === this.setting("preset")) ?? null; }

  /** Another photo is open (or none); its look begins anew unless `keep`. */
  setPhoto(photo, file = null, { keep = false, look = {} } = {}) {
    Object.assign(this, { photo, file, level: photo?.subject?.level ?? null });
    if (!keep) {
      this.#opened += 1;
      this.depth = null;
      this.look = look;
      this.#settled = look;
      this.#past = [];
      this.#future = [];
    }
    this.#tell("photo", { keep });
    if (!keep) this.#tell("look", { live: false, label: null });
  }

  /**
   * Change the look: `undefined` deletes a key. While a control moves, live is true; a label makes a step to undo,
   * which with `together` joins one of the same label just before.
   */
  setLook(changes, { live = false, label = null, together = false } = {}) {
    const look = { ...this.look, ...changes };
    for (const key of Object.keys(look)) if (look[key] === undefined) delete look[key];
    this.look = look;
    if (!live && label !== null) this.#step(label, together);
    else if (!live) this.#settled = look;
    this.#tell("look", { live, label, changes });
  }

  #step(label, together) {
    const last = this.#past.at(-1), now = performance.now();
    const joins = together && last?.label === label && now - last.at < TOGETHER_MS;
    if (joins) last.at = now;
    else if (JSON.stringify(this.#settled) !== JSON.stringify(this.look)) {
      this.#past.push({ look: this.#settled, label, at: now });
      if (this.#past.length > MOST_STEPS) this.#past.shift();
    }
    this.#future = [];
    this.#settled = this.look;
  }

  /** Take a change back that has not become a step yet. */
  revert() {
    this.look = this.#settled;
    this.#tell("look", { live: false, label: null });
  }

  /** Take the last step back as if it had never been, if it is of this label. */
  takeBack(label) {
    if (this.#past.at(-1)?.label !== label) return;
    this.look = this.#past.pop().look;
    this.#settled = this.look;
    this.#tell("look", { live: false, label: null });
  }

  get undoable() { return this.#past.at(-1)?.label ?? null; }
  get redoable() { return this.#future.at(-1)?.label ?? null; }

  undo() { this.#travel(this.#past, this.#future, "Undone"); }
  redo() { this.#travel(this.#future, this.#past, "Done again"); }

  #travel(from, to, word) {
    const step = from.pop();
    if (!step) return;
    to.push({ look: this.#settled, label: step.label, at: 0 });
    this.look = step.look;
    this.#settled = step.look;
    this.#tell("look", { live: false, label: null });
    this.whisper(`${word}: ${step.label}`);
  }

  setTool(name) {
    if (name === this.tool) return;
    this.tool = name;
    this.#tell("tool");
  }

  setView(name) {
    if (name === this.view) return;
    this.view = name;
    this.#tell("view");
  }

  /** What a part has found out about the depth. */
  setDepth(depth) {
    this.depth = depth;
    this.#tell("depth");
  }

  #tell(name, detail = {}) { this.dispatchEvent(new CustomEvent(name, { detail })); }

  /** Say something to everyone: seen for a while, and heard. An action {label, act} is offered beside it. */
  say(text, kind = "info", action = null) {
    const toast = find("say");
    clearTimeout(this.saying);
    toast.replaceChildren();
    if (!text) return;
    const line = document.createElement("p");
    const button = (label, act) => {
      const made = Object.assign(document.createElement("button"), { type: "button", textContent: label });
      made.addEventListener("click", () => {
        toast.replaceChildren();
        act();
      });
      return made;
    };
    line.textContent = kind === "error" ? sentence(text) : text;
    toast.dataset.kind = kind;
    toast.append(line, ...(action ? [button(action.label, action.act)] : []), button("Close", () => {}));
    if (kind !== "error" && !action) this.saying = setTimeout(() => toast.replaceChildren(), SAID_MS);
  }

  /** Say something to those who listen, without showing it. */
  whisper(text) { find("heard").textContent = text; }

  /** How a photo that the server has forgotten is opened again; told by the part that opens. */
  set opener(open) { this.#opener = open; }

  /** Call with the open photo; if the server has forgotten it, send it again and call once more. */
  async withPhoto(call) {
    const photo = this.photo, opened = this.#opened;
    try {
      return await call(photo);
    } catch (error) {
      if (opened !== this.#opened) error.stale = true; // nobody waits for it any more
      if (!error.gone || error.stale || !this.#opener || !photo) throw error;
      // Many calls may find the photo gone at the same time; it is sent once.
      if (this.photo === photo) {
        this.#opening ??= this.#opener().finally(() => { this.#opening = null; });
        await this.#opening;
      }
      return call(this.photo);
    }
  }
}

export const studio = new Studio();
