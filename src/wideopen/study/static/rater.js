// A sitting: consent, screen check, training, trials, thanks.
import { address, ask, code } from "./ask.js";
import { copy } from "./copy.js";
import { LEAST_WIDTH_PX, facts, handheld, narrow, zoom } from "./device.js";
import { Viewer } from "./viewer.js";
import { screen, words } from "./words.js";

const GREYS = 12;
const MOST_SHOWN_S = 1e6;
const CALM_MS = 400; // a press so soon is the second of a double one, and was meant for the picture before
const find = (id) => document.getElementById(id);
const viewer = new Viewer();
let state;
let choose = null; // takes a level while one may be given; null otherwise
let sending = false;

/** A random UUID; browsers keep crypto.randomUUID for https. */
function uuid() {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  bytes[6] = (bytes[6] & 0x0f) | 0x40;
  bytes[8] = (bytes[8] & 0x3f) | 0x80;
  const hex = [...bytes].map((byte) => byte.toString(16).padStart(2, "0")).join("");
  return hex.replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, "$1-$2-$3-$4-$5");
}

function told(text) {
  find("told").textContent = text;
  find("told").hidden = !text;
}

const heard = (text) => { find("heard").textContent = text; };

/** Seconds for which the page is seen from now on; a hidden tab does not count. */
function stopwatch() {
  let since = performance.now(), sum_ms = 0;
  const turn = () => {
    if (document.hidden) sum_ms += performance.now() - since;
    else since = performance.now();
  };
  document.addEventListener("visibilitychange", turn);
  return () => {
    document.removeEventListener("visibilitychange", turn);
    return (sum_ms + (document.hidden ? 0 : performance.now() - since)) / 1000;
  };
}

/** Show two pictures; gives a watch that runs since both are seen, once they can be judged. */
async function pictures(path, { width, height }) {
  for (let attempt = 1; ; attempt += 1) {
    try {
      await viewer.load(address(`${path}/truth`), address(`${path}/result`), width, height);
      break;
    } catch {
      // An image does not say why it failed; asking for it as a file does, and waits until it can be had.
      await Promise.all([ask(`${path}/truth`), ask(`${path}/result`)]);
      if (attempt % 3) await new Promise((done) => setTimeout(done, 1000));
      else await words.again("A picture cannot be shown", "Please try again; if it lasts, tell the organiser.");
    }
  }
  await new Promise((done) => requestAnimationFrame(done));
  viewer.reveal();
  const watch = stopwatch();
  await new Promise((done) => setTimeout(done, CALM_MS));
  return watch;
}

function levels({ open, chosen = null, sent = null }) {
  for (const each of find("levels").children) {
    const level = Number(each.value);
    each.disabled = !open;
    each.setAttribute("aria-pressed", String(level === chosen));
    each.classList.toggle("sent", level === sent);
  }
}

function place(at, total, name) {
  find("count").textContent = `${name} ${at + 1} of ${total}`;
  find("bar").max = total;
  find("bar").value = at;
  heard(`${name} ${at + 1} of ${total}`);
}

function closed() {
  choose = null;
  levels({ open: false });
  find("levels").hidden = false;
  find("feedback").hidden = true;
  screen("judge");
  find("judge").focus({ preventScroll: true });
}

/** Wait until a level is chosen; it can be chosen only once. */
const chosen = () => new Promise((done) => {
  choose = (level) => { choose = null; done(level); };
});

async function training() {
  told(handheld()
    ? "Practice, not counted. Pinch or tap twice to zoom both. In One, swipe or hold the picture for the camera's."
    : "Practice, not counted. Keys 1 to 5 answer; wheel, + and − zoom both, dragging moves; "
      + "the space bar shows the camera's photo in place.");
  find("back").hidden = find("forward").hidden = true;
  for (const [at, example] of state.training.entries()) {
    closed();
    place(at, state.training.length, "Practice");
    const watch = await pictures(`training/${example.index}`, example);
    levels({ open: true });
    const level = await chosen();
    watch();
    levels({ open: false });
    const text = (wanted) => state.levels.find((each) => each.level === wanted).text;
    const fitting = example.expected.join(" or ");
    const right = example.expected.includes(level);
    const verdict = right ? "Yes." : `You chose ${level} (${text(level)}); ${fitting} would be more fitting.`;
    find("feedback").firstElementChild.textContent = `${verdict} ${example.explanation}`;
    find("feedback").hidden = false;
    find("levels").hidden = true;
    find("next").focus({ preventScroll: true });
    await new Promise((done) => find("next").addEventListener("click", done, { once: true }));
  }
  told("");
  state = await ask("trained", {});
}

async function send(at, answer) {
  sending = true;
  try {
    state = await ask(`trials/${at}/vote`, answer);
    return true;
  } catch (error) {
    state = error.body.state ?? await ask("state");
    return false;
  } finally {
    sending = false;
  }
}

/** One trial until it is answered or left; gives the number of the one to show next. */
async function trial(at) {
  closed();
  place(at, state.total, "Picture");
  const buttons = { back: find("back"), forward: find("forward") };
  for (const each of Object.values(buttons)) each.disabled = true;
  buttons.back.hidden = false;
  buttons.forward.hidden = at >= state.position;
  const known = await ask(`trials/${at}`);
  const watch = await pictures(`trials/${at}`, known);
  levels({ open: true, chosen: known.level });
  buttons.back.disabled = at === 0;
  buttons.forward.disabled = false;
  const leave = new AbortController();
  const left = new Promise((done) => {
    for (const [name, step] of [["back", -1], ["forward", 1]]) {
      buttons[name].addEventListener("click", () => done({ next: at + step }), { signal: leave.signal });
    }
  });
  const { next, level } = await Promise.race([left, chosen().then((found) => ({ level: found }))]);
  leave.abort();
  choose = null;
  told("");
  const shown_s = Math.min(Math.round(watch() * 1000) / 1000, MOST_SHOWN_S);
  if (level === undefined) return next;
  levels({ open: false, sent: level });
  for (const each of Object.values(buttons)) each.disabled = true;
  const stored = await send(at, { level, shown_s, request: uuid(), revision: known.revision });
  if (stored) return at + 1;
  told("This picture was answered in another window. Its answer is marked below; change it here, or go forward.");
  return at;
}

async function trials() {
  let at = state.position;
  for (;;) {
    if (at >= state.total) {
      if (state.done) at = await thanks();
      else at = state.position;
    }
    at = await trial(Math.min(at, state.total - 1));
  }
}

async function thanks() {
  viewer.switching(false);
  screen("thanks");
  heard("");
  await new Promise((done) => find("change").addEventListener("click", done, { once: true }));
  return state.total - 1;
}

async function welcome() {
  find("welcome").querySelector("h1").textContent = state.title;
  find("welcome-total").textContent = `${state.total} pictures`;
  find("consent").textContent = state.consent;
  find("consent").hidden = !state.consent;
  find("welcome-computer").hidden = handheld();
  screen("welcome");
  await new Promise((done) => find("agree").addEventListener("click", done, { once: true }));
}

function zoomed() {
  const found = zoom();
  if (found === 1) return "";
  return `The page seems to be zoomed to ${Math.round(found * 100)} %. ` + (handheld()
    ? "Please pinch it back to its usual size."
    : "Please press Ctrl+0 (on a Mac ⌘0) so that the pictures are shown as they are.");
}

async function check() {
  const line = find("screen-zoom"), box = find("screen-greys"), on = find("screen-on");
  const tell = () => {
    const wrong = zoomed();
    line.textContent = wrong || "The window is large enough and not zoomed.";
    line.classList.toggle("warning", Boolean(wrong));
  };
  const strip = find("screen").querySelector(".greys");
  strip.replaceChildren(...Array.from({ length: GREYS }, (_, step) => {
    const made = document.createElement("i"), level = Math.round((255 * step) / (GREYS - 1));
    made.style.backgroundColor = `rgb(${level}, ${level}, ${level})`;
    return made;
  }));
  tell();
  window.addEventListener("resize", tell);
  window.visualViewport?.addEventListener("resize", tell);
  box.addEventListener("change", () => { on.disabled = !box.checked; });
  on.disabled = !box.checked;
  screen("screen");
  await new Promise((done) => on.addEventListener("click", done, { once: true }));
  window.removeEventListener("resize", tell);
}

/** Wait until the screen is one that may take part. */
async function allowed() {
  while (!state.phones && (handheld() || narrow())) {
    if (handheld()) {
      words.page("Please open this on a computer",
        "Small differences between pictures decide this study, and they cannot be judged on a phone or a tablet. "
          + "Please open this link on a computer; anything you have answered so far is kept.",
        { link: true });
    } else {
      words.page("Please make the window wider",
        `The pictures need a window at least ${LEAST_WIDTH_PX} pixels wide; this one has ${window.innerWidth}. `
          + "Make it wider, or set the page's zoom back with Ctrl+0 (on a Mac ⌘0). The page then goes on by itself. "
          + "If the screen is too small, open this link on another computer:",
        { link: true });
    }
    await new Promise((done) => window.addEventListener("resize", done, { once: true }));
  }
}

/** A window that became too narrow is told so, and goes on where it was. */
async function watched() {
  for (;;) {
    await new Promise((done) => window.addEventListener("resize", done, { once: true }));
    const before = [...document.querySelectorAll("body > main")].find((each) => !each.hidden)?.id;
    if (before === "words" || state.phones || !(handheld() || narrow())) continue;
    await allowed();
    screen(before);
  }
}

function keys(event) {
  if (event.ctrlKey || event.metaKey || event.altKey || find("judge").hidden) return;
  const focused = document.activeElement;
  if (event.key === " " && focused?.matches("#judge button:not(#hold)")) return;
  const digit = /^[1-5]$/.test(event.key) ? event.key : !event.shiftKey && /^Digit([1-5])$/.exec(event.code)?.[1];
  if (digit) {
    if (!event.repeat) choose?.(Number(digit));
  } else if (event.key === "Backspace") {
    if (!event.repeat && !find("back").hidden) find("back").click();
  } else if (!viewer.key(event)) return;
  event.preventDefault();
}

function prepare() {
  document.title = state.title;
  find("simulated").hidden = !state.simulated;
  find("question").textContent = state.question;
  find("levels").replaceChildren(...state.levels.map(({ level, text }) => {
    const made = document.createElement("button"), number = document.createElement("b");
    made.type = "button";
    made.value = level;
    number.textContent = level;
    made.append(number, ` ${text}`);
    made.addEventListener("click", () => choose?.(level));
    return made;
  }));
  for (const each of document.querySelectorAll("code.code")) each.textContent = code;
  for (const each of document.querySelectorAll(".copied")) {
    each.querySelector("button").addEventListener("click", (event) =>
      copy(event.target, each.querySelector("code").textContent));
  }
  document.addEventListener("keydown", keys);
  // After a click of the mouse the space bar is for looking, not for that button again.
  document.addEventListener("click", (event) => {
    if (event.detail && event.target.closest("#judge button")) find("judge").focus({ preventScroll: true });
  });
  window.addEventListener("beforeunload", (event) => sending && event.preventDefault());
  window.addEventListener("pageshow", (event) => event.persisted && location.reload());
}

async function sitting() {
  state = await ask("state");
  prepare();
  await allowed();
  watched();
  if (!state.consented) {
    await welcome();
    await check();
    state = await ask("consent", facts());
  } else if (!state.done && zoomed()) await check();
  if (!state.trained) await training();
  await trials();
}

sitting();
