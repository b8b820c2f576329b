// The panel for mending the depth: what the brush does, and what is seen of the depth meanwhile.
import { studio } from "./state.js";
import { KINDS, tip } from "./tip.js";
import { viewer } from "./viewer.js";

const drawn = (shape) => `<svg class="icon" viewBox="0 0 24 24" aria-hidden="true"><g fill="none" stroke="currentColor"
  stroke-width="1.7" stroke-linecap="round" stroke-linejoin="round">${shape}</g></svg>`;
const PLANE = '<path d="M6.5 13.2l-3 2.3 8.5 5 8.5-5-3-2.3"/>';
const DISC = '<ellipse cx="12" cy="12" rx="9" ry="4.2" fill="currentColor" fill-opacity=".3"/>';
const ICONS = {
  nearer: drawn(`<path d="M12 2.5v9M8.5 8 12 11.5 15.5 8"/>${PLANE}`),
  farther: drawn(`<path d="M12 11.5v-9M8.5 6 12 2.5 15.5 6"/>${PLANE}`),
  level: drawn(`${DISC}<path d="M12 2.5v5M12 16.5v5"/>`),
  "as-point": drawn('<path d="m13.5 7.5 3 3L8 19l-4 1 1-4zM15 6l1.6-1.6a2.1 2.1 0 0 1 3 3L18 9"/>'),
};
const NOTES = {
  nearer: "Moves what you paint nearer to the camera, once per stroke.",
  farther: "Moves what you paint farther away, once per stroke.",
  level: "Puts what you paint on the plane that is sharp now.",
  "as-point": "Puts what you paint as far away as the picked point.",
};
const find = (id) => document.getElementById(id);
const percent = (share) => `${(100 * share).toFixed(share < 0.0995 ? 1 : 0)} %`;

const kind = (name, index) => `<label><input type="radio" name="brush-kind" value="${name}">${ICONS[name]}
  <span>${KINDS[name]}</span><kbd aria-hidden="true">${index + 1}</kbd></label>`;
const slide = (id, label, extra = "") => `<div class="slide" id="${id}-line"><label for="${id}">${label}</label>
  <output for="${id}"></output><input type="range" id="${id}" min="0" max="1" step="0.01" ${extra}></div>`;
const over = (value, label) =>
  `<label><input type="radio" name="brush-over" value="${value}"><span>${label}</span></label>`;

const PANEL = `
  <p class="soft">Paint where the depth is wrong. Keep the dot on the thing itself: the brush stops at its edge.</p>
  <fieldset class="kinds"><legend class="heard">What the brush does</legend>
    ${Object.keys(KINDS).map(kind).join("")}</fieldset>
  <p id="brush-note" class="soft"></p>
  <div id="brush-point" class="row" hidden><span></span>
    <button type="button" id="brush-pick" aria-pressed="false" title="Or Alt+click in the photo at any time">Pick
      point</button></div>
  ${slide("brush-size", "Size")}
  ${slide("brush-feather", "Feather")}
  ${slide("brush-amount", "Amount")}
  <label class="switch"><input type="checkbox" id="brush-edges"> Stop at the photo's edges</label>
  <fieldset class="segments"><legend>Over the photo</legend>
    ${over("borders", "Borders")}${over("depth", "Depth")}${over("nothing", "Nothing")}</fieldset>
  <p class="row"><span id="strokes-count" class="soft"></span>
    <button type="button" id="strokes-remove" disabled>Remove all strokes</button></p>
  <details class="keys-of-brush"><summary>Without the mouse, and shortcuts</summary>
    <dl><dt><kbd>1</kbd>–<kbd>4</kbd></dt><dd>what the brush does</dd>
    <dt><kbd>[</kbd> <kbd>]</kbd></dt><dd>size, with <kbd>Shift</kbd> feather; also Shift+drag,
      or the wheel with Alt</dd>
    <dt><kbd>Alt</kbd>+click</dt><dd>pick the point; on a touch screen, a long press</dd>
    <dt>arrows</dt><dd>move the brush, with <kbd>Shift</kbd> farther</dd>
    <dt><kbd>Enter</kbd> or <kbd>Space</kbd></dt><dd>a dab; held while arrows move, a stroke</dd>
    <dt><kbd>I</kbd></dt><dd>the point under the brush is picked</dd>
    <dt><kbd>Space</kbd>+drag</dt><dd>moves the picture, as two fingers do</dd>
    <dt><kbd>Esc</kbd></dt><dd>gives a stroke up</dd></dl></details>`;

function slides() {
  const control = (id, read, write, text) => {
    const input = find(id), output = find(`${id}-line`).querySelector("output");
    input.addEventListener("input", () => write(Number(input.value)));
    return () => {
      input.value = String(read());
      output.textContent = text();
      input.setAttribute("aria-valuetext", text());
    };
  };
  const across = () => Math.round(2 * tip.radius * Math.hypot(...(viewer.size ?? [0, 0])));
  return [
    control("brush-size", () => tip.width, (share) => { tip.width = share; }, () => `${across()} px`),
    control("brush-feather", () => tip.feather, (feather) => tip.set({ feather }), () => percent(tip.feather)),
    control("brush-amount", () => tip.amount, (amount) => tip.set({ amount }), () => percent(tip.amount)),
  ];
}

function show(all) {
  for (const each of all) each();
  for (const input of document.querySelectorAll("[name=brush-kind]")) input.checked = input.value === tip.kind;
  for (const input of document.querySelectorAll("[name=brush-over]")) input.checked = input.value === tip.over;
  find("brush-note").textContent = NOTES[tip.kind];
  find("brush-amount-line").hidden = !["nearer", "farther"].includes(tip.kind);
  find("brush-edges").checked = tip.edges;
  find("brush-point").hidden = tip.kind !== "as-point";
  find("brush-point").firstElementChild.textContent = tip.picking
    ? "Click where the depth is right."
    : tip.point ? "Point picked." : "No point picked yet.";
  find("brush-pick").setAttribute("aria-pressed", String(tip.picking));
  find("brush-pick").textContent = tip.point ? "Pick another" : "Pick point";
}

function count() {
  const strokes = studio.look.strokes?.length ?? 0;
  find("strokes-count").textContent = strokes ? `${strokes} ${strokes === 1 ? "stroke" : "strokes"}` : "No strokes yet";
  find("strokes-remove").disabled = strokes === 0;
}

function build() {
  find("mend").innerHTML = PANEL;
  const all = slides();
  for (const input of document.querySelectorAll("[name=brush-kind]")) {
    input.addEventListener("change", () => tip.take(input.value));
  }
  for (const input of document.querySelectorAll("[name=brush-over]")) {
    input.addEventListener("change", () => tip.set({ over: input.value }));
  }
  find("brush-edges").addEventListener("change", (event) => tip.set({ edges: event.target.checked }));
  find("brush-pick").addEventListener("click", () => tip.set({ picking: !tip.picking }));
  find("strokes-remove").addEventListener("click", () => {
    studio.setLook({ strokes: undefined, fingerprint: undefined }, { label: "remove all strokes" });
  });
  tip.addEventListener("change", () => show(all));
  studio.addEventListener("look", count);
  studio.addEventListener("photo", (event) => {
    if (!event.detail.keep) tip.set({ point: null, picking: tip.kind === "as-point" });
    show(all);
    count();
  });
  show(all);
  count();
}

build();
