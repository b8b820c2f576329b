// The organiser's page: counts that refresh themselves, and links for raters.
import { copy } from "./copy.js";

const EVERY_MS = 10000;
const find = (id) => document.getElementById(id);
const token = location.pathname.split("/").filter(Boolean).pop();
// Relative, so that the study may lie below any prefix of a reverse proxy.
const root = new URL(`../api/o/${token}/`, location.href);

function trouble(text) {
  find("trouble").textContent = text;
  find("trouble").hidden = !text;
}

async function ask(path, body) {
  const options = { credentials: "omit", signal: AbortSignal.timeout(20000) };
  if (body) {
    const headers = { "Content-Type": "application/json" };
    Object.assign(options, { method: "POST", body: JSON.stringify(body), headers });
  }
  let answer, told;
  try {
    answer = await fetch(new URL(path, root), options);
    told = await answer.json();
  } catch {
    throw new Error("The study's server does not answer; this page tries again by itself.");
  }
  if (answer.status === 404) throw new Error("This link does not work; perhaps it was not copied whole.");
  if (!answer.ok) throw new Error(`The study's server refused: ${told.error}`);
  return told;
}

function bar(name, value, wanted) {
  const label = document.createElement("span"), line = document.createElement("progress");
  const count = document.createElement("span");
  label.id = `bar-${name}`;
  label.textContent = name;
  line.setAttribute("aria-labelledby", label.id);
  line.max = wanted || Math.max(value, 1);
  line.value = value;
  count.textContent = wanted ? `${value} of ${wanted}` : value;
  return [label, line, count];
}

function show(progress) {
  document.title = find("title").textContent = progress.title ?? "Organiser";
  find("simulated").hidden = !progress.simulated;
  find("begun").textContent = progress.begun;
  find("finished").textContent = progress.finished;
  find("votes").textContent = progress.votes;
  const each = progress.votes_per_picture_and_method;
  const bars = [["fewest", each.min], ["median", each.median], ["most", each.max]];
  find("bars").replaceChildren(...bars.flatMap(([name, value]) => bar(name, value, progress.votes_wanted)));
  find("when").textContent = `As of ${new Date().toLocaleTimeString()}; refreshes itself.`;
}

async function refresh() {
  try {
    show(await ask("progress"));
    trouble("");
  } catch (error) {
    trouble(error.message);
  }
}

function row(link) {
  const made = document.createElement("li"), box = document.createElement("div");
  const code = document.createElement("code"), button = document.createElement("button");
  box.className = "copied";
  code.textContent = link;
  button.type = "button";
  button.textContent = "Copy";
  button.addEventListener("click", () => copy(button, link));
  box.append(code, button);
  made.append(box);
  return made;
}

find("form").addEventListener("submit", async (event) => {
  event.preventDefault();
  const button = event.target.querySelector("button");
  button.disabled = true; // a double click makes links once
  try {
    const { links } = await ask("links", { count: Number(find("count").value) });
    const whole = links.map((each) => new URL(each, location.href).href);
    find("links").append(...whole.map(row));
    find("made").hidden = false;
    find("new").textContent = `${whole.length} ${whole.length === 1 ? "link" : "links"} made`;
    trouble("");
  } catch (error) {
    trouble(error.message);
  } finally {
    button.disabled = false;
  }
  refresh();
});
find("all").addEventListener("click", () => {
  copy(find("all"), [...document.querySelectorAll("#links code")].map((each) => each.textContent).join("\n"));
});
refresh();
setInterval(() => document.hidden || refresh(), EVERY_MS);
document.addEventListener("visibilitychange", () => document.hidden || refresh());
