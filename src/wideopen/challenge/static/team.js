// The team's page: coming in, what is left, and what became of submissions.
import { Refused, ask } from "./ask.js";
import { copy } from "./copy.js";
import { forget, memory, remember } from "./memory.js";
import { showSubmit } from "./submit.js";
import { badge, figure, find, made, plural, shortly, size, theirs, trouble } from "./words.js";

const OFTEN_MS = 2500, SELDOM_MS = 20000;
const ENDS = ["scored", "refused", "failed", "cancelled"];
const WORDS = { waiting: "waits for a worker", running: "is being scored", scored: "scored", refused: "refused",
  failed: "failed", cancelled: "cancelled" };

let submit = null, clock = null, states = new Map(), shown = "";
const who = () => `Bearer ${memory("token")}`;

function open(name) {
  for (const id of ["enter", "keep", "team"]) find(id).hidden = id !== name;
}

function leave(text = "") {
  clearTimeout(clock);
  submit?.stop();
  forget();
  states = new Map();
  shown = "";
  open("enter");
  trouble(text);
}

find("sign-up").addEventListener("submit", async (event) => {
  event.preventDefault();
  const button = event.target.querySelector("button");
  button.disabled = true; // a double click signs up once
  try {
    const { token } = await ask("POST", "api/teams", { body: { name: find("name").value } });
    remember("token", token);
    find("new-token").textContent = token;
    trouble("");
    open("keep");
    find("keep").focus();
  } catch (error) {
    trouble(error.message);
  } finally {
    button.disabled = false;
  }
});
find("come-in").addEventListener("submit", (event) => {
  event.preventDefault();
  remember("token", find("token").value.trim());
  find("token").value = "";
  refresh(true);
});
find("copy-token").addEventListener("click", () => copy(find("copy-token"), find("new-token").textContent));
find("kept").addEventListener("click", () => {
  find("new-token").textContent = "";
  refresh(true);
});
find("leave").addEventListener("click", () => leave());

function leftCard(phase, left) {
  const words = { soon: "begins soon", open: "open", closed: "closed" };
  const text = phase.state === "open" ? plural(left.today, "submission") : "–";
  return made("div", { className: "card" },
    made("h3", {}, phase.name, badge(phase.state, words[phase.state])),
    made("p", { className: "big" }, text),
    made("p", { className: "soft" }, phase.state === "open"
      ? `left today of ${phase.per_day}; ${left.in_all} in all of ${phase.in_all}`
      : `${left.in_all} of ${phase.in_all} unused`));
}

function figuresOf(submission) {
  const { psnr_db, ssim, runtime_s } = submission.figures;
  const one = (title, value, digits) => made("div", {}, made("dt", {}, title), made("dd", {}, figure(value, digits)));
  const shown = [one("PSNR, dB", psnr_db, 2), one("SSIM", ssim, 4)];
  if (runtime_s !== null) shown.push(one("runtime, s", runtime_s, 2));
  return made("dl", { className: "figures" }, shown);
}

function item(submission) {
  const { id, state, why } = submission;
  const line = made("li", { className: "card", id: `submission-${id}` },
    made("h3", {}, `${id}.`, theirs(submission.method), badge(state, WORDS[state]),
      ...(submission.stands ? [badge("stands", "on the board")] : [])),
    made("p", { className: "meta" }, `${submission.phase} · ${submission.track} · `, theirs(submission.file_name),
      ` (${size(submission.bytes)}) · `, shortly(submission.at), submission.spent ? "" : " · does not count"));
  if (submission.figures) line.append(figuresOf(submission));
  else if (state === "scored") line.append(made("p", { className: "meta" }, "Its figures are hidden until the organiser opens the board."));
  if (why && state !== "cancelled") line.append(made("pre", { className: `why ${state}` }, why));
  if (!ENDS.includes(state)) {
    const button = made("button", { type: "button", "aria-label": `Cancel submission ${id}` }, "Cancel");
    button.addEventListener("click", () => cancel(button, id));
    line.append(button);
  }
  return line;
}

async function cancel(button, id) {
  button.disabled = true;
  try {
    await ask("DELETE", `api/submissions/${id}`, { who: who() });
    trouble("");
  } catch (error) {
    trouble(error.message);
  }
  refresh();
}

function showList(submissions) {
  const text = JSON.stringify(submissions);
  if (text === shown) return;
  shown = text;
  const focused = document.activeElement?.closest?.(".submissions > li")?.id;
  find("list").replaceChildren(...submissions.toReversed().map(item));
  if (focused) find(focused)?.querySelector("button")?.focus();
  find("none").hidden = submissions.length > 0;
  const news = submissions.filter(({ id, state }) => states.has(id) && states.get(id) !== state);
  if (news.length) find("heard").textContent = news.map(({ id, state }) => `Submission ${id}: ${WORDS[state]}`).join(". ");
  states = new Map(submissions.map(({ id, state }) => [id, state]));
}

function show(challenge, told) {
  find("brand").textContent = challenge.title;
  find("team-name").replaceChildren(theirs(told.team.name));
  document.title = `${told.team.name} – ${challenge.title}`;
  find("waits").hidden = told.team.approved;
  find("left").replaceChildren(...challenge.phases.map((phase) => leftCard(phase, told.left[phase.name])));
  showList(told.submissions);
  submit ??= showSubmit({ who, done: () => refresh() });
  submit.refresh(challenge, told);
}

async function refresh(is_entering = false) {
  clearTimeout(clock);
  let every_ms = SELDOM_MS;
  try {
    const [challenge, told] = await Promise.all([ask("GET", "api/challenge"), ask("GET", "api/team", { who: who() })]);
    if (memory("token") === null) return;
    show(challenge, told);
    trouble("");
    if (!find("team").hidden) is_entering = false;
    open("team");
    if (is_entering) find("team-name").focus();
    if (!told.team.approved || told.submissions.some(({ state }) => !ENDS.includes(state))) every_ms = OFTEN_MS;
  } catch (error) {
    if (error instanceof Refused && error.status === 401) return leave(error.message);
    trouble(error.message);
    every_ms = OFTEN_MS * 2;
  }
  clearTimeout(clock);
  clock = setTimeout(() => (document.hidden ? (clock = null) : refresh()), every_ms);
}
document.addEventListener("visibilitychange", () => {
  if (!document.hidden && memory("token") !== null) refresh();
});

if (memory("token") === null) {
  open("enter");
  ask("GET", "api/challenge").then(({ title }) => { find("brand").textContent = title; }, (error) => trouble(error.message));
} else refresh(true);
