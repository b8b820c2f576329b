// The organiser's page: who takes part, what waits, who works; it refreshes itself.
import { Refused, ask } from "./ask.js";
import { copy } from "./copy.js";
import { badge, fact, figure, find, lasting, made, moment, plural, shortly, size, theirs, trouble } from "./words.js";

const EVERY_MS = 4000;
const ENDS = ["scored", "refused", "failed", "cancelled"];
const who = `Organiser ${location.pathname.split("/").filter(Boolean).pop()}`;
let told = null, rows = 200, shown = {}, clock = null;

async function decide(button, method, path, body) {
  button.disabled = true; // a double click decides once
  try {
    await ask(method, path, { who, body });
    trouble("");
  } catch (error) {
    trouble(error.message);
  } finally {
    button.disabled = false;
  }
  refresh();
}

function button(text, label, decided) {
  const made_one = made("button", { type: "button", "aria-label": label }, text);
  made_one.addEventListener("click", () => decided(made_one));
  return made_one;
}

/** Ask back before what cannot be taken back. */
function sure(title, text, yes) {
  find("sure-title").textContent = title;
  find("sure-text").textContent = text;
  find("sure-yes").textContent = title.replace(/\?$/, "");
  find("sure").showModal();
  return new Promise((done) => {
    find("sure-yes").onclick = () => { find("sure").close("yes"); };
    find("sure-no").onclick = () => find("sure").close("no");
    find("sure").onclose = () => done(find("sure").returnValue === "yes");
  });
}

function phaseCard(phase) {
  const words = { soon: "begins soon", open: "open", closed: "closed" };
  const card = made("div", { className: "card" },
    made("h3", {}, phase.name, badge(phase.state, words[phase.state])),
    made("dl", { className: "facts" }, fact("from", moment(phase.begins)), fact("until", moment(phase.ends)),
      fact("came", plural(phase.submissions, "submission")),
      fact("board", phase.shown ? (phase.board === "live" ? "live" : "open to everybody") : "hidden from everybody")));
  if (!phase.shown) {
    card.append(button("Open the board", `Open the board of the phase ${phase.name}`, async (pressed) => {
      const early = phase.state === "closed" ? "" : " The phase has not ended yet.";
      if (await sure("Open the board?", `Everybody then sees the figures of the phase ${phase.name}, for good.${early}`)) {
        await decide(pressed, "POST", `api/organiser/boards/${phase.name}`, { open: true });
      }
    }));
  }
  return card;
}

function worker(each) {
  const heard = each.silent_s < 2 ? "just now" : `${lasting(each.silent_s)} ago`;
  const job = each.job ? `${each.job[0] === "time" ? "times" : "scores"} submission ${each.job[1]}` : "waits for work";
  const awake = each.silent_s < 30;
  return made("li", { className: `card ${awake ? "awake" : ""}` }, made("i", { className: "dot" }),
    made("strong", {}, awake ? job : "silent"), made("span", {}, `${each.name} on ${each.host}`), made("span", {}, `last heard ${heard}`));
}

function teamRow(team) {
  const state = team.blocked ? ["blocked", "blocked"] : team.approved ? ["welcome", "takes part"] : ["new", "waits for you"];
  const judge = (text, welcome) => button(text, `${text} ${team.name}`, (pressed) =>
    decide(pressed, "POST", `api/organiser/teams/${team.id}`, { welcome }));
  const buttons = [];
  if (team.blocked || !team.approved) buttons.push(judge(team.blocked ? "Let in again" : "Approve", true));
  if (!team.blocked) buttons.push(judge("Block", false));
  if (state[0] === "new") buttons[0].classList.add("strong");
  return made("tr", { id: `team-${team.id}` }, made("td", {}, theirs(team.name)), made("td", {}, shortly(team.created)),
    made("td", { className: "number" }, team.submissions), made("td", {}, badge(...state)),
    made("td", {}, made("div", { className: "row" }, buttons)));
}

function submissionRow(submission, names) {
  const { id, state, figures } = submission;
  const ended = ENDS.includes(state);
  const stateCell = made("td", {}, badge(state));
  if (submission.why && state !== "cancelled") {
    const [first] = submission.why.split("\n");
    stateCell.append(made("details", { className: "why" }, made("summary", {}, first), made("pre", {}, submission.why)));
  }
  if (!ended) {
    stateCell.append(" ", button("Cancel", `Cancel submission ${id}`, (pressed) =>
      decide(pressed, "DELETE", `api/organiser/submissions/${id}`)));
  }
  const number = (value, digits) => made("td", { className: "number" }, value === null || value === undefined ? "" : figure(value, digits));
  return made("tr", { id: `submission-${id}` }, made("td", { className: "number" }, id),
    made("td", { className: "short" }, theirs(names.get(submission.team)), made("div", { className: "soft" }, theirs(submission.method))),
    made("td", {}, submission.phase, made("div", { className: "soft" }, submission.track)),
    made("td", { className: "short" }, theirs(submission.file_name), made("div", { className: "soft" }, size(submission.bytes))),
    made("td", {}, shortly(submission.at)), stateCell,
    number(figures?.psnr_db, 2), number(figures?.ssim, 4), number(figures?.runtime_s, 2));
}

/** Replace what changed alone, so that what is folded out or focused stays. */
function put(id, value, elements) {
  const text = JSON.stringify(value);
  if (shown[id] === text) return;
  shown[id] = text;
  const focused = document.activeElement?.closest?.(`#${id} [id]`)?.id;
  const open = [...find(id).querySelectorAll("details[open]")].map((each) => each.closest("[id]").id);
  find(id).replaceChildren(...elements());
  for (const each of open) find(each)?.querySelector("details")?.setAttribute("open", "");
  if (focused) find(focused)?.querySelector("button")?.focus();
}

function counts() {
  const of = (state) => told.queue.filter((each) => each.state === state).reduce((sum, each) => sum + each.count, 0);
  const waits = told.teams.filter((team) => !team.approved && !team.blocked).length;
  const one = (title, value, bad) => made("div", { className: bad ? "bad" : "" }, made("dt", {}, title), made("dd", {}, value));
  return [one("teams", told.teams.length), one("teams to approve", waits), one("submissions", told.total),
    one("jobs waiting", of("waiting")), one("jobs running", of("running")), one("jobs failed", of("failed")),
    one("workers awake", told.awake, !told.awake)];
}

function showSubmissions() {
  const names = new Map(told.teams.map((team) => [team.id, team.name]));
  const state = find("state").value, team = find("of-team").value;
  const wanted = told.submissions.filter((each) => (!state || each.state === state) && (!team || String(each.team) === team));
  put("submissions", [wanted, [...names]], () => wanted.map((each) => submissionRow(each, names)));
  find("submissions-place").hidden = !wanted.length;
  const seen = told.submissions.length < told.total ? `, the last ${told.submissions.length} of ${told.total} are looked at` : "";
  find("how-many").textContent = `${plural(wanted.length, "submission")}${seen}`;
  find("all").hidden = told.submissions.length >= told.total;
}

function show() {
  document.title = find("title").textContent = find("brand").textContent = told.title;
  find("nobody").hidden = told.awake > 0;
  const waiting = told.queue.filter((each) => each.state === "waiting").reduce((sum, each) => sum + each.count, 0);
  find("nobody-told").textContent = `No worker is running${waiting ? `, and ${plural(waiting, "job")} ${waiting === 1 ? "waits" : "wait"}` : ""}.`;
  find("command").textContent = told.command;
  put("counts", [told.queue, told.teams, told.total, told.awake], counts);
  put("phases", told.phases, () => told.phases.map(phaseCard));
  find("workers").replaceChildren(...told.workers.map(worker));
  find("no-workers").hidden = told.workers.length > 0;
  put("teams", told.teams, () => told.teams.map(teamRow));
  find("no-teams").hidden = told.teams.length > 0;
  find("teams-place").hidden = !told.teams.length;
  put("of-team", told.teams.map((team) => [team.id, team.name]), () => {
    const before = find("of-team").value;
    const options = told.teams.map((team) => new Option(team.name, team.id, false, String(team.id) === before));
    return [new Option("all", ""), ...options];
  });
  showSubmissions();
  find("when").textContent = `As of ${new Date(told.now).toLocaleTimeString("en-GB")}; it refreshes itself.`;
}

async function refresh() {
  clearTimeout(clock);
  try {
    told = await ask("GET", `api/organiser?rows=${rows}`, { who });
    show();
    trouble("");
  } catch (error) {
    trouble(error instanceof Refused && error.status === 401
      ? "This link does not work; perhaps it was not copied whole." : error.message);
  }
  clearTimeout(clock);
  clock = setTimeout(() => document.hidden || refresh(), EVERY_MS);
}
for (const id of ["state", "of-team"]) find(id).addEventListener("change", showSubmissions);
find("all").addEventListener("click", () => { rows = 1_000_000; refresh(); });
find("copy-command").addEventListener("click", () => copy(find("copy-command"), find("command").textContent));
document.addEventListener("visibilitychange", () => document.hidden || refresh());
refresh();
