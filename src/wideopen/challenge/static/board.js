// Boards: a table that sorts, folds out and refreshes itself without losing what was opened.
import { ROOT, ask } from "./ask.js";
import { showGallery } from "./gallery.js";
import { fact, figure, find, made, plural, theirs, trouble } from "./words.js";

/** What a column is called, what of a row it shows, and which end of it is the best. */
const COLUMNS = [
  { name: "rank", title: "#", first: "ascending", number: true },
  { name: "team", title: "Team", first: "ascending" },
  { name: "author", title: "Author", first: "ascending" },
  { name: "framework", title: "Framework", first: "ascending" },
  { name: "hardware", title: "Training hardware", first: "ascending" },
  { name: "psnr_db", title: "PSNR", unit: "dB", first: "descending", number: true, digits: 2 },
  { name: "ssim", title: "SSIM", first: "descending", number: true, digits: 4 },
  { name: "runtime_s", title: "Runtime", unit: "s", first: "ascending", number: true, digits: 2 },
  { name: "mos", title: "MOS", first: "descending", number: true, digits: 2 },
];
const FACTS = [
  ["method", "method"], ["authors", "authors"], ["affiliation", "affiliation"], ["framework", "framework"],
  ["hardware", "trained on"], ["parameters", "parameters"], ["extra_data", "extra data"],
  ["precomputed_depth", "depth computed before"], ["runtime_s", "own runtime, s"], ["runtime_device", "own device"],
  ["code", "code"],
];

let challenge, board, sort = null;
const opened = new Map(); // inner parts of rows that were folded out, by submission

const chosen = (id) => find(id).querySelector("input:checked")?.value;

function choices(id, items, wanted) {
  const labels = items.map(({ name, title }) => {
    const input = made("input", { type: "radio", name: id, value: name, checked: name === wanted });
    return made("label", {}, input, made("span", {}, title ?? name));
  });
  find(id).append(...labels);
  find(id).addEventListener("change", () => { sort = null; load(); });
}

function compare(one, other) {
  return typeof one === "string" ? one.localeCompare(other, "en", { numeric: true }) : one - other;
}

function sorted(rows) {
  if (!sort) return rows;
  const sign = sort.way === "ascending" ? 1 : -1;
  const value = (row) => (row[sort.name] === "" ? null : row[sort.name]);
  return [...rows].sort((one, other) => {
    const [a, b] = [value(one), value(other)];
    return a === null || b === null ? (a === null) - (b === null) : sign * compare(a, b);
  });
}

function heading(column) {
  const button = made("button", { type: "button" },
    made("span", {}, column.title, column.unit ? made("small", {}, ` ${column.unit}`) : ""), made("i", { "aria-hidden": "true" }));
  const kind = column.number ? "number" : column.name === "team" ? "" : "text";
  const header = made("th", { scope: "col", className: kind }, button);
  if (column.name === board.by) header.classList.add("chosen");
  if (sort?.name === column.name) header.setAttribute("aria-sort", sort.way);
  button.addEventListener("click", () => {
    const other = sort?.way === "ascending" ? "descending" : "ascending";
    sort = { name: column.name, way: sort?.name === column.name ? other : column.first };
    show();
    find("board").tHead.querySelectorAll("button")[columns().indexOf(column)].focus();
  });
  return header;
}

/** Columns that say something; the report's are always there. */
function columns() {
  const always = ["rank", "team", "psnr_db", "ssim", board.by];
  return COLUMNS.filter(({ name }) => always.includes(name) || board.rows.some((row) => row[name] !== null && row[name] !== ""));
}

function scale(row) {
  if (row.mos === null) return null;
  const place = (value) => Math.min(1, Math.max(0, (value - 1) / 4)) * 100;
  const line = made("span", { className: "scale", "aria-hidden": "true" }), mark = made("b");
  if (row.mos_interval) {
    const bar = made("i"), [low, high] = row.mos_interval.map(place);
    bar.style.left = `${low}%`;
    bar.style.width = `${high - low}%`;
    line.append(bar);
  }
  mark.style.left = `${place(row.mos)}%`;
  line.append(mark);
  return line;
}

function cell(row, column) {
  if (column.name === "rank") {
    return made("td", { className: "rank" }, row.rank === null ? "–" : `${row.rank}${row.tied ? "=" : ""}`);
  }
  if (!column.number) return made("td", { className: "text" }, row[column.name] ? theirs(row[column.name]) : "–");
  const value = row[column.name];
  const digits = column.name === "runtime_s" && value !== null && value < 0.1 ? 4 : column.digits;
  return made("td", { className: "number" }, figure(value, digits), ...(column.name === "mos" ? [scale(row)] : []));
}

function nameCell(row) {
  const is_open = opened.has(row.submission);
  const button = made("button", { type: "button", className: "fold", "aria-expanded": String(is_open),
    "aria-controls": `details-${row.submission}` }, theirs(row.team));
  button.addEventListener("click", () => turn(row));
  const marks = row.marks.map((mark) => made("a",
    { href: `#note-${board.notes.findIndex((note) => note.mark === mark)}`, "aria-label": `Footnote ${mark}` }, mark));
  return made("th", { scope: "row" },
    made("div", { className: "contestant" }, button, ...(marks.length ? [made("sup", {}, marks)] : [])),
    made("div", { className: "under" }, theirs(row.method)));
}

function group(row) {
  const shown = columns();
  const cells = shown.map((column) => (column.name === "team" ? nameCell(row) : cell(row, column)));
  const body = made("tbody", { id: `submission-${row.submission}`, className: row.rank === 1 ? "first" : "" },
    made("tr", {}, cells));
  const inside = opened.get(row.submission);
  body.append(made("tr", { className: "details", id: `details-${row.submission}`, hidden: !inside },
    made("td", { colSpan: shown.length }, ...(inside ? [inside] : []))));
  return body;
}

async function turn(row) {
  if (opened.delete(row.submission)) return show(row);
  const inside = made("div", { className: "inside" }, made("p", { className: "soft" }, "Opening…"));
  opened.set(row.submission, inside);
  show(row);
  try {
    const { sheet } = await ask("GET", `api/sheets/${row.submission}`);
    inside.replaceChildren(...details(row, sheet));
  } catch (error) {
    inside.replaceChildren(made("p", { className: "soft" }, error.message));
  }
}

function details(row, sheet) {
  const value = (name) => {
    const found = sheet[name];
    if (name === "precomputed_depth") return found ? "yes" : "no";
    return typeof found === "number" ? found.toLocaleString("en", { maximumFractionDigits: 4 }) : found;
  };
  const facts = FACTS.filter(([name]) => value(name) !== null && value(name) !== "");
  const parts = [made("h3", {}, "Fact sheet"),
    made("dl", { className: "facts" }, fact("team", theirs(row.team)), facts.map(([name, title]) => fact(title, theirs(value(name)))))];
  if (row.device) parts[1].append(fact("runtime is of", theirs(row.device)));
  if (sheet.description) parts.push(made("p", { className: "long", dir: "auto" }, sheet.description));
  const score = made("a", { className: "button", href: new URL(`api/scores/${row.submission}`, ROOT).href,
    target: "_blank", rel: "noreferrer" }, "Score (JSON)");
  const links = [score];
  if (row.timed) {
    links.push(made("a", { className: "button", href: new URL(`api/runtimes/${row.submission}`, ROOT).href,
      target: "_blank", rel: "noreferrer" }, "Score of its runtime (JSON)"));
  }
  const button = made("button", { type: "button" }, "Its pictures");
  button.addEventListener("click", () => showGallery(board.rows, row.submission));
  const link = made("a", { href: `#submission-${row.submission}`, className: "soft" }, `submission ${row.submission}`);
  parts.push(made("div", { className: "row" }, button, links, link));
  return parts;
}

function show(focused) {
  const table = made("table", { id: "board" },
    made("caption", { className: "unseen" }, `Board of the phase ${board.phase}, track ${board.track}`),
    made("thead", {}, made("tr", {}, columns().map(heading))), sorted(board.rows).map(group));
  const place = find("board-place"), left = place.scrollLeft;
  place.replaceChildren(table);
  place.scrollLeft = left;
  place.hidden = !board.rows.length;
  find("board-notes").replaceChildren(...board.notes.map(({ mark, text }, at) =>
    made("li", { id: `note-${at}` }, made("sup", {}, mark), ` ${text}`)));
  find("board-notes").hidden = !board.notes.length;
  find("board-warnings").replaceChildren(...board.warnings.map((line) => made("li", {}, line)));
  find("board-warnings").hidden = !board.warnings.length;
  if (focused) table.querySelector(`#submission-${focused.submission} .fold`)?.focus();
}

function told() {
  if (!board.rows.length) return "No submission stands on this board yet.";
  return `${plural(board.rows.length, "team")}. ${board.says}`;
}

async function load() {
  const phase = chosen("choose-phase"), track = chosen("choose-track");
  const facts = challenge.phases.find((each) => each.name === phase);
  if (!facts.shown) {
    find("board-told").textContent = `The board of the phase ${phase} is hidden until the organiser opens it.`;
    for (const id of ["board-place", "board-notes", "board-warnings", "gallery"]) find(id).hidden = true;
    return;
  }
  try {
    const found = await ask("GET", `api/boards/${phase}?track=${encodeURIComponent(track)}`);
    if (chosen("choose-phase") !== phase || chosen("choose-track") !== track) return;
    if (board?.phase !== phase || board?.track !== track) find("gallery").hidden = true;
    const before = JSON.stringify(board);
    board = found;
    find("board-told").textContent = told();
    if (JSON.stringify(board) !== before || !find("board") || find("board-place").hidden) show();
  } catch (error) {
    trouble(error.message);
  }
}

/** Open the row that an address names. */
async function follow() {
  const number = Number(location.hash.match(/^#submission-(\d+)$/)?.[1]);
  const row = board?.rows.find((each) => each.submission === number);
  if (!row) return;
  if (!opened.has(number)) await turn(row);
  find(`submission-${number}`)?.scrollIntoView({ block: "center" });
}

/** Show the boards of a challenge; what comes back refreshes them. */
export function showBoards(told) {
  challenge = told;
  const { phases, tracks } = told;
  const wanted = phases.findLast((phase) => phase.shown && phase.state !== "soon") ?? phases[0];
  choices("choose-phase", phases.map(({ name }) => ({ name })), wanted.name);
  choices("choose-track", tracks, tracks[0].name);
  find("choose-track").hidden = tracks.length < 2;
  find("choose-phase").hidden = phases.length < 2;
  load().then(follow);
  addEventListener("hashchange", follow);
  return { refresh: (now) => { challenge = now; load(); } };
}
