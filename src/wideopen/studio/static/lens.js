// The lens: presets by their discs, and every trait of the iris.
import * as api from "./api.js";
import { DEFAULTS, studio } from "./state.js";

const DISC_SIDE = 192;
const SMALL_SIDE = 112;
const REST_MS = 60;
const find = (id) => document.getElementById(id);
const percent = (value) => `${Math.round(value * 100)} %`;
const signed = (value) => `${value > 0 ? "+" : ""}${Math.round(value * 100)}`.replace("-", "−");

/** Traits of the iris: key, label, ends, step, how the value reads, what its ends mean. */
const TRAITS = [
  ["blades", "Blades", 0, 15, 1, (value) => (value ? String(value) : "round"), null],
  ["curvature", "Roundness of the blades", 0, 1, 0.05, percent, null],
  ["rotation_deg", "Turn", -90, 90, 1, (value) => `${value}°`.replace("-", "−"), null],
  ["cat_eye", "Cat’s eye toward the corners", 0, 1, 0.05, percent, null],
  ["squeeze", "Anamorphic squeeze", 0.5, 2.5, 0.05, (value) => `${value.toFixed(2)} ×`, ["wide", "high"]],
  ["spherical", "Rims", -1, 1, 0.05, signed, ["soap bubbles", "cream"]],
  ["fringe", "Colour at the rims", -1, 1, 0.05, signed, ["magenta behind", "green behind"]],
  ["obstruction", "Mirror in the middle", 0, 0.9, 0.05, percent, null],
];
const slides = new Map();
let drawing = null;
let stop = null;

function make(name, properties = {}, ...children) {
  const made = Object.assign(document.createElement(name), properties);
  made.append(...children);
  return made;
}

function slide(key, label, low, high, step, said, ends) {
  const id = `lens-${key}`;
  const input = make("input", { type: "range", id, min: low, max: high, step });
  const output = make("output");
  output.setAttribute("for", id);
  const line = make("div", { className: "slide" }, make("label", { htmlFor: id, textContent: label }), output, input);
  if (ends) line.append(make("small", {}, ...ends.map((each) => make("span", { textContent: each }))));
  const change = (options) => {
    const value = Number(input.value);
    studio.setLook({ [key]: value === usual(key) ? undefined : value }, options);
  };
  input.addEventListener("input", () => change({ live: true }));
  input.addEventListener("change", () => change({ label, together: true }));
  line.addEventListener("dblclick", () => studio.setLook({ [key]: undefined }, { label }));
  line.title = "Double-click to put it back";
  slides.set(key, { line, input, output, said });
  return line;
}

/** What a trait is in the chosen preset. */
const usual = (key) => DEFAULTS[key] ?? studio.preset?.[key] ?? (key === "squeeze" ? 1 : 0);

function presets() {
  const set = make("fieldset", { className: "presets" }, make("legend", { textContent: "Lens" }));
  for (const { name, title, cat_eye } of studio.about.presets) {
    const radio = make("input", { type: "radio", name: "preset", value: name, id: `preset-${name}` });
    // What makes a swirly lens shows in the corner only.
    const src = api.presetPicture(name, { side: SMALL_SIDE, corner: cat_eye > 0.5 });
    const picture = make("img", { src, alt: "", decoding: "async" });
    const disc = make("div", { className: "disc" }, picture);
    set.append(make("label", {}, radio, disc, make("span", { textContent: title })));
    radio.addEventListener("change", () => choose(name, title));
  }
  return set;
}

function choose(name, title) {
  const cleared = Object.fromEntries(TRAITS.map(([key]) => [key, undefined]));
  studio.setLook({ ...cleared, preset: name === "round" ? undefined : name }, { label: `Lens: ${title}` });
}

function figure(id, caption) {
  return make("figure", {}, make("img", { id, alt: "" }), make("figcaption", { textContent: caption }));
}

function build() {
  const more = make("details", {}, make("summary", { textContent: "More of the lens" }));
  more.append(...TRAITS.map((each) => slide(...each)));
  find("lens").replaceChildren(
    presets(),
    make("p", { id: "preset-note", className: "soft" }),
    make("div", { className: "shown" }, figure("disc-middle", "In the middle"), figure("disc-corner", "In a corner")),
    slide("highlights", "Highlights", 0, 1, 0.05, percent, null),
    more,
  );
  show();
}

function show() {
  if (!studio.about || !slides.size) return;
  const name = studio.setting("preset"), radio = find(`preset-${name}`);
  if (radio) radio.checked = true;
  find("preset-note").textContent = studio.preset?.note ?? "";
  for (const [key, { line, input, output, said }] of slides) {
    const value = studio.look[key] ?? usual(key);
    if (document.activeElement !== input || Number(input.value) !== value) input.value = value;
    output.textContent = said(value);
    input.setAttribute("aria-valuetext", said(value));
    line.classList.toggle("set", studio.look[key] !== undefined);
  }
  draw();
}

/** Draw the discs of the look, once nothing has changed for a moment. */
let drawn = "";
function draw() {
  const lens = Object.fromEntries(["preset", ...TRAITS.map(([key]) => key)]
    .filter((key) => studio.look[key] !== undefined).map((key) => [key, studio.look[key]]));
  const wanted = JSON.stringify(lens);
  if (wanted === drawn || find("lens").hidden) return;
  clearTimeout(drawing);
  drawing = setTimeout(async () => {
    stop?.abort();
    stop = new AbortController();
    const { signal } = stop;
    drawn = wanted;
    try {
      for (const [id, corner] of [["disc-middle", false], ["disc-corner", true]]) {
        const blob = await api.disc(lens, { side: DISC_SIDE, corner, signal });
        const picture = find(id), address = URL.createObjectURL(blob);
        picture.addEventListener("load", () => URL.revokeObjectURL(address), { once: true });
        picture.src = address;
      }
    } catch (error) {
      if (!error.stale) drawn = "";
    }
  }, REST_MS);
}

studio.addEventListener("look", show);
studio.addEventListener("about", build);
studio.addEventListener("tab", show);
