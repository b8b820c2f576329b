// The tip of the brush: what it does, how wide it is and how it fades.
const LEAST_RADIUS = 0.002;
const MOST_RADIUS = 0.2;
const clamp = (value, low, high) => Math.min(Math.max(value, low), high);

export const KINDS = {
  nearer: "Nearer",
  farther: "Farther",
  level: "In focus",
  "as-point": "As point",
};

class Tip extends EventTarget {
  kind = "nearer";
  /** Share of the photo's diagonal. */
  radius = 0.03;
  /** Part of the radius over which it fades. */
  feather = 0.5;
  /** Of the range of depth, for nearer and farther. */
  amount = 0.1;
  /** Whether it stops at the photo's edges. */
  edges = true;
  /** Shares of the photo whose depth is painted, or null. */
  point = null;
  /** Whether the next click picks that point. */
  picking = false;
  /** What of the depth is seen over the photo while the brush is in hand: "nothing", "borders" or "depth". */
  over = "borders";

  set(changes) {
    Object.assign(this, changes);
    this.radius = clamp(this.radius, LEAST_RADIUS, MOST_RADIUS);
    this.feather = clamp(this.feather, 0, 1);
    this.amount = clamp(this.amount, 0.01, 1);
    this.dispatchEvent(new CustomEvent("change", { detail: changes }));
  }

  /** Do something else; what paints as a point wants one first. */
  take(kind) { this.set({ kind, picking: kind === "as-point" && !this.point }); }

  /** Radius as a place on a control, 0 to 1, so that small brushes are as easy to set as large ones. */
  get width() { return Math.log(this.radius / LEAST_RADIUS) / Math.log(MOST_RADIUS / LEAST_RADIUS); }
  set width(share) { this.set({ radius: LEAST_RADIUS * (MOST_RADIUS / LEAST_RADIUS) ** clamp(share, 0, 1) }); }
}

export const tip = new Tip();
