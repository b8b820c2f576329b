// The public page.
import { ROOT, ask } from "./ask.js";
import { showBoards } from "./board.js";
import { copy } from "./copy.js";
import { badge, fact, find, lasting, made, moment, plural, size, trouble } from "./words.js";

const EVERY_MS = 60000;
const STATES = { soon: "begins soon", open: "open now", closed: "closed" };
const TAKES = { pictures: "pictures", model: "models" };
const ADDRESS = ROOT.href.replace(/\/$/, "");
/** What the server's clock is ahead of this one. */
let ahead_ms = 0;
const now = () => Date.now() + ahead_ms;

function command(text) {
  const button = made("button", { type: "button" }, "Copy");
  button.addEventListener("click", () => copy(button, text));
  return made("div", { className: "copied" }, made("code", {}, text), button);
}

/** All times of a challenge, with that in which nothing is handed in yet. */
function timesOf({ development, phases }) {
  return development ? [{ ...development, name: "development" }, ...phases] : phases;
}

function showNow(told) {
  const phases = timesOf(told);
  const open = phases.find((phase) => phase.state === "open");
  const next = phases.find((phase) => phase.state === "soon");
  const lines = [];
  if (open) {
    const left = lasting((new Date(open.ends) - now()) / 1000);
    lines.push(made("h2", {}, `The phase ${open.name} is open`), made("p", { className: "left" }, `${left} left`));
    lines.push(made("p", { className: "soft" }, "until ", moment(open.ends)));
  } else if (next) {
    const left = lasting((new Date(next.begins) - now()) / 1000);
    lines.push(made("h2", {}, `The phase ${next.name} begins in`), made("p", { className: "left" }, left));
    lines.push(made("p", { className: "soft" }, "on ", moment(next.begins)));
  } else {
    lines.push(made("h2", {}, "The challenge is over"));
    const last = phases.at(-1);
    lines.push(made("p", {}, last.shown ? "The final board is below." : "The final board will be opened here."));
  }
  find("now").replaceChildren(...lines);
}

function showStrip(told) {
  const phases = timesOf(told);
  const begins = Math.min(...phases.map((phase) => new Date(phase.begins)));
  const ends = Math.max(...phases.map((phase) => new Date(phase.ends)));
  const place = (time) => Math.min(100, Math.max(0, (100 * (time - begins)) / (ends - begins)));
  const bars = phases.map((phase) => {
    const bar = made("i", { className: phase.state });
    const from = place(new Date(phase.begins));
    bar.style.left = `calc(${from}% + 1px)`;
    bar.style.width = `calc(${place(new Date(phase.ends)) - from}% - 2px)`;
    return bar;
  });
  const mark = made("b");
  mark.style.left = `${place(now())}%`;
  find("strip").replaceChildren(...bars, ...(now() > begins && now() < ends ? [mark] : []));
}

function phaseCard(phase) {
  const head = made("h3", {}, phase.name, badge(phase.state, STATES[phase.state]));
  const dates = [fact("from", moment(phase.begins)), fact("until", moment(phase.ends))];
  if (!phase.takes) {
    return made("li", { className: `card ${phase.state}` }, head, made("dl", { className: "facts" }, dates,
      fact("gives", "pairs to learn from, with their truth"), fact("takes", "nothing")));
  }
  const takes = phase.takes.map((kind) => TAKES[kind] ?? kind).join(" and ");
  const board = phase.board === "live" ? "live" : phase.shown ? "open" : "hidden until the organiser opens it";
  return made("li", { className: `card ${phase.state}` },
    head,
    made("dl", { className: "facts" }, dates,
      fact("takes", `${takes}${phase.sheet ? ", with a fact sheet" : ""}`),
      fact("limits", `${phase.per_day} a day, ${phase.in_all} in all, for each team`),
      fact("board", `${board}; the ${phase.keeps} of a team counts`)));
}

/** How to take part in the phase that is open, or in the next; nothing once all is over. */
function showSteps({ phases, tracks }) {
  const phase = phases.find((each) => each.state === "open") ?? phases.find((each) => each.state === "soon");
  for (const id of ["part", "take-part"]) find(id).hidden = !phase;
  if (!phase || find("steps").dataset.phase === phase.name) return;
  find("steps").dataset.phase = phase.name;
  const step = (title, text, ...commands) => made("li", { className: "card" },
    made("div", {}, made("h3", {}, title), made("p", {}, text)),
    made("div", { className: "commands" }, commands.map(command)));
  find("steps").replaceChildren(
    step("Sign up", "Your team gets a token, which opens nothing but your own submissions.",
      `wideopen challenge sign-up ${ADDRESS} "Our team"`),
    step("Answer the pictures", `Unpack ${phase.name}.zip, render every picture in it, and check your answer at home.`,
      `wideopen render ${phase.name}/original -o answer`,
      `wideopen challenge check answer --inputs ${phase.name}.zip`),
    step("Submit", "A folder or a zip; an upload that breaks off goes on where it stopped.",
      `wideopen challenge submit ${ADDRESS} answer --phase ${phase.name} --track ${tracks[0].name} --method "Our method"`,
      `wideopen challenge status ${ADDRESS} --watch`));
}

function download(file) {
  const name = made("a", { href: new URL(`public/${file.name}`, ROOT).href, download: file.name }, file.name);
  const button = made("button", { type: "button" }, "Copy");
  button.addEventListener("click", () => copy(button, file.sha256));
  const about = file.phase ? `The pictures of the phase ${file.phase}, without their truth.` : "Pairs to learn from.";
  return made("div", { className: "card" },
    made("h3", {}, file.from ? file.name : name, made("span", { className: "soft" }, size(file.bytes))),
    made("p", {}, about),
    file.from
      ? made("p", { className: "soft" }, "given out from ", moment(file.from), " on")
      : made("div", { className: "copied" },
        made("code", { title: "SHA-256" }, file.sha256 ?? "the SHA-256 is being found"), ...(file.sha256 ? [button] : [])));
}

function rules({ phases, tracks, limits, protocol, ranks_by, unranked, sign_up }) {
  const lines = [
    "Answer a picture by one of the same name and size, all in one format. Two of one name, or one too few, and nothing is scored: you are told which, and it does not count.",
    `Scores are those of wideopen score by the protocol ${protocol}: PSNR and SSIM against a truth that stays with the organiser.`,
  ];
  if (phases.some((phase) => phase.takes.includes("model"))) {
    lines.push("Models are taken as safetensors, ONNX and LiteRT, never as pickles. They run without a network, and the organiser's machine measures their runtime, one at a time.");
  }
  lines.push(`One submission may have ${size(limits.upload_mb * 1e6)}, ${plural(limits.files, "file")} in a zip, ${size(limits.unpacked_mb * 1e6)} unpacked, and take ${lasting(limits.seconds)} and ${size(limits.memory_mb * 1e6)} of memory.`);
  lines.push(`A team whose method ${unranked} is shown, and left out of the ranking; say so in the fact sheet.`);
  lines.push(`The final ranking is by ${{ mos: "the mean opinion score of people", psnr_db: "PSNR", ssim: "SSIM", runtime_s: "runtime" }[ranks_by] ?? ranks_by}.`);
  lines.push("What is refused at once, cancelled, or lost by a fault of ours does not count against your limits. Days begin at 00:00 UTC.");
  if (sign_up === "approved") lines.push("The organiser approves each team before it can submit.");
  const named = tracks.map((track) =>
    `Track ${track.name}: ${track.title}${track.device ? `; measured on ${track.device}` : ""}.`);
  return [...named, ...lines].map((line) => made("li", {}, line));
}

let boards = null;
async function refresh() {
  let told;
  try {
    told = await ask("GET", "api/challenge");
    trouble("");
  } catch (error) {
    trouble(error.message);
    return;
  }
  ahead_ms = new Date(told.now) - Date.now();
  document.title = find("title").textContent = find("brand").textContent = told.title;
  find("about").textContent = told.about;
  showNow(told);
  showStrip(told);
  find("phases").replaceChildren(...timesOf(told).map(phaseCard));
  find("downloads").replaceChildren(...told.downloads.map(download));
  showSteps(told);
  if (!boards) {
    find("rules").replaceChildren(...rules(told));
    boards = showBoards(told);
  } else boards.refresh(told);
}
refresh();
setInterval(() => document.hidden || refresh(), EVERY_MS);
document.addEventListener("visibilitychange", () => document.hidden || refresh());
