// Where the picture lies on the stage: zoom, pan, painting, and from a point on the screen to a point of the photo.
import { studio } from "./state.js";

const MARGIN_PX = 12;
const MOST_DOTS = 16; // device pixels per photo pixel
const find = (id) => document.getElementById(id);
const clamp = (value, low, high) => Math.min(Math.max(value, low), high);

class Viewer extends EventTarget {
  constructor() {
    super();
    this.stage = find("stage");
    this.canvas = find("picture");
    /** Canvas for other parts to draw on, above the picture, in device pixels of the stage. */
    this.overlay = find("overlay");
    this.tint = find("tint");
    // Wide colour where the screen has it; what the server sends carries its profile.
    const wide = matchMedia("(color-gamut: p3)").matches;
    this.context = this.canvas.getContext("2d", { colorSpace: wide ? "display-p3" : "srgb" });
    /** What is shown: the look's picture, the photo as it came, and parts of both at full resolution. */
    this.picture = null;
    this.plain = null;
    this.tiles = [];
    /** Share of the stage's width left of which the photo is shown as it came; null for nowhere. */
    this.split = null;
    this.held = false;
    this.size = null;
    this.zoom = null; // CSS px per photo px; null while the whole photo is to be seen
    this.middle = [0.5, 0.5]; // of the stage, in shares of the photo
    this.box = { width: 1, height: 1 };
    this.#watch();
    studio.addEventListener("photo", (event) => this.#open(event.detail.keep));
  }

  /** Device pixels per CSS pixel. */
  get ratio() { return this.canvas.width / this.box.width; }

  /** CSS pixels per photo pixel. */
  get scale() { return this.zoom ?? this.fit; }

  /** The scale at which the whole photo is seen. */
  get fit() {
    if (!this.size) return 1;
    const across = (this.box.width - 2 * MARGIN_PX) / this.size[0];
    const down = (this.box.height - 2 * MARGIN_PX) / this.size[1];
    return Math.max(Math.min(across, down, 4 / this.ratio), 1e-4);
  }

  /** The scale at which one pixel of the photo is one of the screen. */
  get full() { return 1 / this.ratio; }
  get zoomed() { return this.zoom !== null; }

  /** Where the photo lies, in CSS pixels from the stage's upper left corner. */
  get place() {
    if (!this.size) return { left: 0, top: 0, width: 0, height: 0 };
    const [width, height] = this.size.map((each) => each * this.scale);
    let left = this.box.width / 2 - this.middle[0] * width;
    let top = this.box.height / 2 - this.middle[1] * height;
    const dots = this.scale * this.ratio;
    if (dots > 0.99 && Math.abs(dots - Math.round(dots)) < 1e-6) {
      // Pixels of the photo on whole pixels of the screen.
      left = Math.round(left * this.ratio) / this.ratio;
      top = Math.round(top * this.ratio) / this.ratio;
    }
    return { left, top, width, height };
  }

  /** From a point of the window, as events give it, to shares of the upright photo. */
  toPhoto(clientX, clientY) {
    const box = this.stage.getBoundingClientRect(), { left, top, width, height } = this.place;
    if (!this.size) return { x: 0, y: 0, inside: false };
    // A pointer names the corner of the pixel that it is on; half of that pixel is its middle.
    const half = 0.5 / this.ratio;
    const x = (clientX + half - box.left - left) / width, y = (clientY + half - box.top - top) / height;
    const inside = x >= 0 && x <= 1 && y >= 0 && y <= 1;
    return { x: clamp(x, 0, 1), y: clamp(y, 0, 1), inside };
  }

  /** From shares of the upright photo to a point of the window. */
  toClient(x, y) {
    const box = this.stage.getBoundingClientRect(), at = this.toStage(x, y);
    return { x: box.left + at.x, y: box.top + at.y };
  }

  /** From shares of the upright photo to CSS pixels from the stage's upper left corner. */
  toStage(x, y) {
    const { left, top, width, height } = this.place;
    return { x: left + x * width, y: top + y * height };
  }

  /** Zoom to a scale, null for the whole photo, about a point of the window that stays where it is. */
  zoomTo(scale, clientX, clientY) {
    if (!this.size) return;
    const box = this.stage.getBoundingClientRect();
    const x = (clientX ?? box.left + box.width / 2) - box.left, y = (clientY ?? box.top + box.height / 2) - box.top;
    const before = this.place;
    const share = [(x - before.left) / before.width, (y - before.top) / before.height];
    const fit = this.fit;
    const next = scale === null ? null : clamp(scale, Math.min(fit, this.full), MOST_DOTS / this.ratio);
    this.zoom = next === null || Math.abs(next / fit - 1) < 1e-3 ? null : next;
    const [width, height] = this.size.map((each) => each * this.scale);
    this.middle = [share[0] - (x - box.width / 2) / width, share[1] - (y - box.height / 2) / height];
    this.#settle();
  }

  zoomBy(factor, clientX, clientY) { this.zoomTo(this.scale * factor, clientX, clientY); }

  /** The whole photo, or pixel by pixel. */
  toggle(clientX, clientY) {
    const near = Math.abs(this.scale / this.full - 1) < 1e-3;
    this.zoomTo(near && this.zoomed ? null : this.full, clientX, clientY);
  }

  /** Move the picture by CSS pixels. */
  pan(right, down) {
    if (!this.size) return;
    this.middle[0] -= right / (this.size[0] * this.scale);
    this.middle[1] -= down / (this.size[1] * this.scale);
    this.#settle();
  }

  /** Bring a point of the photo into view. */
  show(x, y) {
    if (!this.zoomed) return;
    const at = this.toStage(x, y), rim = 40;
    if (at.x > rim && at.y > rim && at.x < this.box.width - rim && at.y < this.box.height - rim) return;
    this.middle = [x, y];
    this.#settle();
  }

  clearOverlay() { this.overlay.getContext("2d").clearRect(0, 0, this.overlay.width, this.overlay.height); }

  setPicture(picture) { this.#swap("picture", picture); }
  setPlain(picture) { this.#swap("plain", picture); }

  /** Parts of the photo at full resolution: {image, x, y, width, height (its pixels), plain}. */
  setTiles(tiles) {
    for (const old of this.tiles) if (!tiles.includes(old)) old.image.close();
    this.tiles = tiles;
    this.paint();
  }

  #swap(name, picture) {
    this[name]?.close();
    this[name] = picture;
    this.paint();
  }

  /** Paint with the screen's next picture. */
  paint() {
    this.frame ??= requestAnimationFrame(() => {
      this.frame = null;
      this.paintNow();
    });
  }

  paintNow() {
    const { context, canvas } = this;
    context.clearRect(0, 0, canvas.width, canvas.height);
    if (!this.size) return;
    if (!this.held || !this.plain) this.#paintLayer(false);
    if (!this.plain) return;
    if (this.held) this.#paintLayer(true);
    else if (this.split !== null) {
      context.save();
      context.beginPath();
      context.rect(0, 0, Math.round(this.split * canvas.width), canvas.height);
      context.clip();
      this.#paintLayer(true);
      context.restore();
    }
  }

  #paintLayer(plain) {
    const { context, ratio, place, scale } = this;
    const picture = plain ? this.plain : this.picture ?? this.plain;
    const draw = (image, x, y, width, height) => {
      context.drawImage(image, x * ratio, y * ratio, width * ratio, height * ratio);
    };
    context.imageSmoothingEnabled = true;
    context.imageSmoothingQuality = "high";
    if (picture) draw(picture, place.left, place.top, place.width, place.height);
    context.imageSmoothingEnabled = scale * ratio < 1.99;
    for (const tile of this.tiles) {
      if (tile.plain !== plain) continue;
      const x = place.left + tile.x * scale, y = place.top + tile.y * scale;
      draw(tile.image, x, y, tile.width * scale, tile.height * scale);
    }
  }

  #open(keep) {
    const photo = studio.photo;
    this.size = photo ? [photo.width, photo.height] : null;
    if (!keep) {
      this.zoom = null;
      this.middle = [0.5, 0.5];
      this.setTiles([]);
      this.setPicture(null);
      this.setPlain(null);
      this.clearOverlay();
    }
    this.#settle();
  }

  /** Keep the picture on the stage, and tell. */
  #settle() {
    if (this.size) {
      const sides = [this.box.width, this.box.height];
      this.middle = this.middle.map((share, axis) => {
        const length = this.size[axis] * this.scale, room = sides[axis] - 2 * MARGIN_PX;
        if (length <= room) return 0.5;
        const rim = room / 2 / length;
        return clamp(share, rim, 1 - rim);
      });
    }
    this.paint();
    this.dispatchEvent(new Event("change"));
  }

  #watch() {
    const fitted = ([entry]) => {
      const { width, height } = entry.contentRect;
      if (!width || !height) return;
      this.box = { width, height };
      const exact = entry.devicePixelContentBoxSize?.[0];
      const [across, down] = [[width, exact?.inlineSize], [height, exact?.blockSize]].map(([css, dots]) => {
        const reckoned = css * devicePixelRatio;
        // Where a browser only pretends its pixel ratio, as its tools do, the exact box knows nothing of it.
        return Math.abs((dots ?? 0) - reckoned) <= 1 ? dots : Math.round(reckoned);
      });
      for (const canvas of [this.canvas, this.overlay, this.tint]) {
        if (canvas.width !== across) canvas.width = across;
        if (canvas.height !== down) canvas.height = down;
      }
      this.#settle();
      this.paintNow(); // at once, for a canvas of a new size is empty
    };
    const observer = new ResizeObserver(fitted);
    try {
      observer.observe(this.stage, { box: "device-pixel-content-box" });
    } catch {
      observer.observe(this.stage);
    }
  }
}

export const viewer = new Viewer();
