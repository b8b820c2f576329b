// The gallery: two small pictures over each other, with names or blind.
import { ROOT, ask } from "./ask.js";
import { find } from "./words.js";

const TRUTH = "truth", INPUT = "input", FOUND = "found";
let pictures = [], pair = [0, 0], hidden = false, at = 50, known = null;

const address = (submission, name, kind) =>
  new URL(`gallery/${submission}/${encodeURIComponent(`${name}.${kind}.jpg`)}`, ROOT).href;

/** Gather what can be compared of each photo: results of all rows that have some, the input, the truth where shown. */
function gathered(rows, galleries) {
  const found = new Map();
  rows.forEach((row, number) => {
    for (const { name, kinds } of galleries[number]?.pictures ?? []) {
      if (!found.has(name)) found.set(name, { name, choices: [] });
      const { choices } = found.get(name);
      const add = (kind, label, blind) => kinds.includes(kind) && !choices.some((each) => each.label === label)
        && choices.push({ label, blind, submission: row.submission, source: address(row.submission, name, kind), kind });
      const twice = rows.some((other) => other !== row && other.team === row.team);
      add(FOUND, twice ? `${row.team} (${row.submission})` : row.team, true);
      add(INPUT, INPUT, false);
      add(TRUTH, TRUTH, true);
    }
  });
  const order = (choice) => [FOUND, TRUTH, INPUT].indexOf(choice.kind);
  for (const picture of found.values()) picture.choices.sort((one, other) => order(one) - order(other));
  return [...found.values()].sort((one, other) => one.name.localeCompare(other.name, "en", { numeric: true }));
}

const shown = () => pictures[Number(find("picture").value)];
const drawn = () => shown().choices.flatMap((choice, number) => (choice.blind ? [number] : []));
const options = (select, texts) => select.replaceChildren(...texts.map((text, number) => new Option(text, number)));
const sides = () => [find("left"), find("right")];

function place() {
  find("divider").style.left = `${at}%`;
  find("over").style.clipPath = `inset(0 0 0 ${at}%)`;
  find("divider").setAttribute("aria-valuenow", String(Math.round(at)));
  find("divider").setAttribute("aria-valuetext", `${Math.round(at)} % from the left`);
}

function move(to) {
  at = Math.min(100, Math.max(0, to));
  place();
}

function draw() {
  const { choices } = shown();
  const images = [find("under"), find("over")], names = [find("left-name"), find("right-name")];
  pair.forEach((choice, side) => {
    const label = hidden ? "AB"[side] : choices[choice].label;
    if (images[side].src !== choices[choice].source) images[side].src = choices[choice].source;
    images[side].alt = names[side].textContent = label;
    const select = sides()[side];
    if (hidden) select.replaceChildren(new Option("AB"[side]));
    else {
      options(select, choices.map((each) => each.label));
      select.value = String(choice);
    }
    select.disabled = hidden;
  });
  find("reveal").hidden = !hidden;
  find("blind").disabled = drawn().length < 2;
  place();
}

function blind() {
  const pot = drawn();
  pair = [0, 1].map(() => pot.splice(Math.floor(Math.random() * pot.length), 1)[0]);
  hidden = true;
  find("gallery-told").textContent = "Which of the two is better? Reveal names them.";
  draw();
}

function reveal() {
  hidden = false;
  const [one, other] = pair.map((choice) => shown().choices[choice].label);
  find("gallery-told").textContent = `A, left, is ${one}. B, right, is ${other}.`;
  draw();
}

/** Before and after of one row. */
function usual(submission) {
  const { choices } = shown();
  const result = choices.findIndex((each) => each.kind === FOUND && each.submission === submission);
  const input = choices.findIndex((each) => each.kind === INPUT);
  const after = Math.max(0, result);
  return [input >= 0 ? input : choices.length - 1, after];
}

function change(before) {
  const { choices } = shown();
  const wanted = pair.map((choice) => before.choices[choice].label);
  const found = wanted.map((label) => choices.findIndex((choice) => choice.label === label));
  find("gallery-told").textContent = "";
  if (found.every((choice) => choice >= 0)) pair = found;
  else pair = usual(null);
  if (hidden && drawn().length > 1) blind();
  else draw();
}

let last = null;
function turn(step) {
  const select = find("picture");
  select.value = String((Number(select.value) + step + pictures.length) % pictures.length);
  change(last);
  last = shown();
}

function listen() {
  find("picture").addEventListener("change", () => { change(last); last = shown(); });
  find("previous").addEventListener("click", () => turn(-1));
  find("next").addEventListener("click", () => turn(1));
  sides().forEach((select, side) => select.addEventListener("change", () => {
    pair[side] = Number(select.value);
    find("gallery-told").textContent = "";
    draw();
  }));
  find("blind").addEventListener("click", blind);
  find("reveal").addEventListener("click", reveal);
  find("under").addEventListener("load", ({ target }) =>
    find("stage").style.setProperty("--shape", target.naturalWidth / target.naturalHeight));
  const stage = find("stage"), divider = find("divider");
  let drag = false;
  const follow = (event) => {
    const box = stage.getBoundingClientRect();
    move((100 * (event.clientX - box.left)) / box.width);
  };
  stage.addEventListener("pointerdown", (event) => {
    if (event.button !== 0) return;
    drag = true;
    stage.setPointerCapture(event.pointerId);
    divider.focus({ preventScroll: true });
    follow(event);
    event.preventDefault();
  });
  stage.addEventListener("pointermove", (event) => drag && follow(event));
  for (const end of ["pointerup", "pointercancel"]) stage.addEventListener(end, () => { drag = false; });
  divider.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.altKey || event.metaKey) return;
    const step = event.shiftKey ? 10 : 2;
    const to = { ArrowLeft: at - step, ArrowDown: at - step, ArrowRight: at + step, ArrowUp: at + step,
      PageDown: at - 10, PageUp: at + 10, Home: 0, End: 100 }[event.key];
    if (to === undefined) return;
    move(to);
    event.preventDefault();
  });
}

/** Show the pictures of a board, before and after of one of its rows first. */
export async function showGallery(rows, submission) {
  if (!known) listen();
  const key = JSON.stringify(rows.map((row) => row.submission));
  if (known !== key) {
    const answers = await Promise.allSettled(rows.map((row) => ask("GET", `api/galleries/${row.submission}`)));
    pictures = gathered(rows, answers.map((answer) => answer.value));
    known = key;
    options(find("picture"), pictures.map((each) => each.name));
  }
  find("gallery").hidden = false;
  hidden = false;
  find("gallery-told").textContent = pictures.length ? "" : "There are no pictures to show.";
  find("gallery").querySelector(".controls").hidden = find("stage").hidden = !pictures.length;
  if (!pictures.length) return;
  last = shown();
  pair = usual(submission);
  draw();
  find("gallery").scrollIntoView({ block: "start" });
  find("divider").focus({ preventScroll: true });
}
