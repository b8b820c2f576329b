// Two pictures, seen with one zoom and one centre: side by side, or in one place.
const MOST_SCALE = 8;
const SWITCH_MS = 600; // fewer than two changes in a second, so that nothing flashes
const HOLD_MS = 250;
const DOUBLE_MS = 350;
const SLACK_PX = 8;
const SWIPE_PX = 40;
const find = (id) => document.getElementById(id);
const clamp = (value, low, high) => Math.min(Math.max(value, low), high);

export class Viewer {
  constructor() {
    this.stage = find("stage");
    this.frame = this.stage.querySelector(".result .frame");
    this.caption = this.stage.querySelector(".result figcaption");
    this.size = [1, 1];
    this.scale = null; // CSS pixels per pixel of the picture; null is as large as fits
    this.centre = [0.5, 0.5];
    this.single = false;
    this.holds = new Set();
    this.side = false;
    this.pointers = new Map();
    this.tap = null;
    new ResizeObserver(() => this.lay()).observe(this.frame);
    this.#buttons();
    this.#pointing();
  }

  /** Load both pictures; done when both are decoded, so that both appear in the same moment. */
  async load(truth, result, width, height) {
    this.switching(false);
    this.stage.classList.add("loading");
    this.stage.setAttribute("aria-busy", "true");
    this.size = [width, height];
    this.scale = null;
    this.centre = [width / 2, height / 2];
    const camera = [truth, "camera's photo"];
    const made = [camera, camera, [result, "picture to judge"]].map(([source, alt]) => {
      const image = new Image(width, height);
      Object.assign(image, { alt, draggable: false, src: source });
      return image;
    });
    this.images = made;
    this.stage.querySelector(".truth .frame").replaceChildren(made[0]);
    this.frame.replaceChildren(made[1], made[2]);
    this.lay();
    this.#side();
    await Promise.all(made.map((image) => image.decode()));
  }

  /** Let the pictures be seen. */
  reveal() {
    this.stage.classList.remove("loading");
    this.stage.removeAttribute("aria-busy");
  }

  get fitting() {
    return Math.min(this.frame.clientWidth / this.size[0], this.frame.clientHeight / this.size[1], 1) || 1;
  }

  /** One pixel of the picture on one pixel of the screen, whatever the pixel ratio. */
  get full() { return 1 / window.devicePixelRatio; }

  lay() {
    const scale = this.scale ?? this.fitting;
    const room = [this.frame.clientWidth, this.frame.clientHeight];
    const ratio = window.devicePixelRatio;
    const shift = room.map((length, axis) => {
      const size = this.size[axis], half = length / 2 / scale;
      this.centre[axis] = size * scale <= length ? size / 2 : clamp(this.centre[axis], half, size - half);
      return length / 2 - this.centre[axis] * scale;
    });
    for (const image of this.images ?? []) {
      // From whole pixels of the screen, or one picture of two would be blurred by where its frame happens to stand.
      const { left, top } = image.parentElement.getBoundingClientRect();
      const snapped = (corner, by) => Math.round((corner + by) * ratio) / ratio - corner;
      const right = snapped(left, shift[0]), down = snapped(top, shift[1]);
      image.style.transform = `translate(${right}px, ${down}px) scale(${scale})`;
    }
    this.shift = shift;
    this.stage.classList.toggle("zoomed", this.scale !== null);
    find("zoom").textContent = `${Math.round(scale * ratio * 100)} %`;
  }

  /** Zoom both about a point of the frame, in CSS pixels from its corner. */
  zoomTo(scale, at = [this.frame.clientWidth / 2, this.frame.clientHeight / 2]) {
    const before = this.scale ?? this.fitting;
    const wanted = clamp(scale, Math.min(this.fitting, this.full), Math.max(MOST_SCALE * this.full, this.fitting));
    const room = [this.frame.clientWidth, this.frame.clientHeight];
    this.centre = at.map((point, axis) => (point - this.shift[axis]) / before - (point - room[axis] / 2) / wanted);
    this.scale = Math.abs(wanted / this.fitting - 1) < 0.001 ? null : wanted;
    this.lay();
  }

  zoomBy(factor, at) { this.zoomTo((this.scale ?? this.fitting) * factor, at); }

  move(right_px, down_px) {
    const scale = this.scale ?? this.fitting;
    this.centre = [this.centre[0] - right_px / scale, this.centre[1] - down_px / scale];
    this.lay();
  }

  arrange(single) {
    this.single = single;
    this.stage.classList.toggle("single", single);
    this.stage.classList.toggle("both", !single);
    find("both").setAttribute("aria-pressed", String(!single));
    find("single").setAttribute("aria-pressed", String(single));
    if (!single) this.switching(false);
    this.lay();
  }

  hold(who, down) {
    if (down) this.holds.add(who);
    else this.holds.delete(who);
    this.#side();
  }

  switching(on) {
    clearInterval(this.clock);
    this.side = false;
    if (on && !this.single) this.arrange(true);
    if (on) this.clock = setInterval(() => { this.side = !this.side; this.#side(); }, SWITCH_MS);
    find("auto").setAttribute("aria-pressed", String(on));
    this.#side();
  }

  /** Take a key that is about looking; says whether it was one. */
  key(event) {
    const step = 60;
    const moves = { ArrowLeft: [step, 0], ArrowRight: [-step, 0], ArrowUp: [0, step], ArrowDown: [0, -step] };
    if (event.key === " ") this.hold("space", true);
    else if (event.key === "+" || event.key === "=") this.zoomBy(1.25);
    else if (event.key === "-") this.zoomBy(0.8);
    else if (event.key === "0") this.#fit();
    else if (moves[event.key] && this.scale !== null) this.move(...moves[event.key]);
    else return false;
    return true;
  }

  #side() {
    const camera = this.holds.size > 0 || this.side;
    this.stage.classList.toggle("camera", camera);
    this.caption.textContent = camera ? "camera" : "picture to judge";
    find("hold").classList.toggle("down", this.holds.size > 0);
  }

  #fit() { this.scale = null; this.lay(); }

  #buttons() {
    const press = (id, act) => find(id).addEventListener("click", act);
    press("both", () => this.arrange(false));
    press("single", () => this.arrange(true));
    press("auto", () => this.switching(find("auto").getAttribute("aria-pressed") !== "true"));
    press("in", () => this.zoomBy(1.25));
    press("out", () => this.zoomBy(0.8));
    press("fit", () => this.#fit());
    press("full", () => this.zoomTo(this.full));
    const hold = find("hold");
    hold.addEventListener("pointerdown", (event) => {
      hold.setPointerCapture(event.pointerId);
      this.hold("button", true);
    });
    for (const name of ["pointerup", "pointercancel", "lostpointercapture"]) {
      hold.addEventListener(name, () => this.hold("button", false));
    }
    hold.addEventListener("contextmenu", (event) => event.preventDefault());
    document.addEventListener("keyup", (event) => event.key === " " && this.hold("space", false));
    window.addEventListener("blur", () => { this.holds.clear(); this.#side(); });
  }

  #at(point) {
    // Of whichever frame is under the point: both are of one size.
    const frames = [...this.stage.querySelectorAll(".frame")].map((each) => each.getBoundingClientRect());
    const within = (value, low, high) => value >= low && value < high;
    const over = (box) => within(point.x, box.left, box.right) && within(point.y, box.top, box.bottom);
    const box = frames.find(over) ?? this.frame.getBoundingClientRect();
    return [point.x - box.left, point.y - box.top];
  }

  #pointing() {
    const stage = this.stage;
    stage.addEventListener("wheel", (event) => {
      event.preventDefault();
      const lines = event.deltaMode === 1 ? 16 : 1;
      this.zoomBy(Math.exp(-event.deltaY * lines * (event.ctrlKey ? 0.01 : 0.0015)), this.#at(event));
    }, { passive: false });
    stage.addEventListener("contextmenu", (event) => event.pointerType !== "mouse" && event.preventDefault());
    stage.addEventListener("pointerdown", (event) => this.#down(event));
    stage.addEventListener("pointermove", (event) => this.#move(event));
    for (const name of ["pointerup", "pointercancel"]) stage.addEventListener(name, (event) => this.#up(event));
  }

  #down(event) {
    if (event.button !== 0) return;
    this.stage.setPointerCapture(event.pointerId);
    this.pointers.set(event.pointerId, { x: event.clientX, y: event.clientY });
    clearTimeout(this.holding);
    if (this.pointers.size > 1) { this.press = null; return; }
    this.press = { x: event.clientX, y: event.clientY, at: event.timeStamp, still: true };
    if (this.single) this.holding = setTimeout(() => this.press?.still && this.hold("picture", true), HOLD_MS);
  }

  #move(event) {
    const before = this.pointers.get(event.pointerId);
    if (!before) return;
    const now = { x: event.clientX, y: event.clientY };
    if (this.press && Math.hypot(now.x - this.press.x, now.y - this.press.y) > SLACK_PX) this.press.still = false;
    const other = [...this.pointers].find(([id]) => id !== event.pointerId)?.[1];
    if (other) {
      const spread = (point) => Math.hypot(point.x - other.x, point.y - other.y) || 1;
      this.zoomBy(spread(now) / spread(before), this.#at({ x: (now.x + other.x) / 2, y: (now.y + other.y) / 2 }));
      this.move((now.x - before.x) / 2, (now.y - before.y) / 2);
    } else if (this.scale !== null) {
      this.stage.classList.add("dragging");
      this.move(now.x - before.x, now.y - before.y);
    }
    this.pointers.set(event.pointerId, now);
  }

  #up(event) {
    if (!this.pointers.delete(event.pointerId)) return;
    clearTimeout(this.holding);
    this.stage.classList.remove("dragging");
    const held = this.holds.has("picture");
    this.hold("picture", false);
    if (!this.press || event.type === "pointercancel" || held) return;
    const across = event.clientX - this.press.x, down = event.clientY - this.press.y;
    if (this.press.still) this.#tapped(event);
    else if (this.single && this.scale === null && Math.abs(across) > SWIPE_PX && Math.abs(across) > Math.abs(down)) {
      this.side = !this.side;
      this.#side();
    }
    this.press = null;
  }

  #tapped(event) {
    const before = this.tap;
    this.tap = { x: event.clientX, y: event.clientY, at: event.timeStamp };
    if (!before || this.tap.at - before.at > DOUBLE_MS) return;
    if (Math.hypot(this.tap.x - before.x, this.tap.y - before.y) > 3 * SLACK_PX) return;
    this.tap = null;
    if (this.scale === null) this.zoomTo(this.full, this.#at(event));
    else this.#fit();
  }
}
