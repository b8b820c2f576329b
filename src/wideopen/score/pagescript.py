"""What a leaderboard's page does; it writes names as text only."""

BOARD = """
(() => {
  const root = document.documentElement, tables = [...document.querySelectorAll("table.ranking")];
  root.classList.add("scripted");
  const groups = (table) => [...table.tBodies];
  const valueOf = (group, header) => {
    const raw = group.rows[0].cells[header.cellIndex].dataset.value;
    return raw === undefined ? null : header.dataset.kind === "number" ? Number(raw) : raw;
  };
  const compare = (one, other) =>
    typeof one === "string"
      ? one.localeCompare(other, "en", { numeric: true })
      : Number(one > other) - Number(one < other);
  const sort = (table, header) => {
    const now = header.getAttribute("aria-sort");
    const way = now === null ? header.dataset.first : now === "ascending" ? "descending" : "ascending";
    for (const each of table.tHead.rows[0].cells) each.removeAttribute("aria-sort");
    header.setAttribute("aria-sort", way);
    const sign = way === "ascending" ? 1 : -1;
    const keyed = groups(table).map((group) => [valueOf(group, header), group]);
    keyed.sort(([one], [other]) =>
      one === null || other === null ? (one === null) - (other === null) : sign * compare(one, other));
    table.append(...keyed.map(([, group]) => group));
  };
  const fold = (button, open) => {
    button.setAttribute("aria-expanded", String(open));
    const details = document.getElementById(button.getAttribute("aria-controls"));
    details.hidden = !open;
    details.parentElement.classList.toggle("open", open);
  };
  const copy = async (button) => {
    const source = document.getElementById(button.dataset.copies);
    let copied = true;
    try {
      await navigator.clipboard.writeText(source.textContent);
    } catch {
      getSelection().selectAllChildren(source);
      copied = document.execCommand("copy");
    }
    button.textContent = copied ? "Copied" : "Press Ctrl+C";
    setTimeout(() => { button.textContent = "Copy"; }, 2000);
  };
  for (const button of document.querySelectorAll(".fold")) fold(button, false);
  document.addEventListener("click", (event) => {
    const button = event.target.closest("button"), table = button?.closest("table.ranking");
    if (!button) return;
    if (table && button.closest("thead")) sort(table, button.closest("th"));
    else if (button.matches(".fold")) fold(button, button.getAttribute("aria-expanded") !== "true");
    else if (button.matches(".copy")) copy(button);
  });
  const filter = document.querySelector(".filter");
  const choose = () => {
    const track = filter.querySelector(":checked").value, all = tables.flatMap(groups);
    for (const group of all) group.hidden = track !== "0" && group.dataset.track !== track;
    const seen = all.filter((group) => !group.hidden).length;
    document.getElementById("shown").textContent = `${seen} of ${all.length} rows`;
  };
  filter?.addEventListener("change", choose);
  if (filter) choose();
})();
"""
"""Sorts tables of the class ``ranking``, folds rows out, filters by track, copies."""

GALLERY = """
(() => {
  const data = document.getElementById("pictures");
  if (!data) return;
  const pictures = JSON.parse(data.textContent), find = (id) => document.getElementById(id);
  const [stage, viewport, divider, told] = ["stage", "viewport", "divider", "told"].map(find);
  const [picture, left, right, zoom] = ["picture", "left", "right", "zoom"].map(find);
  const images = [find("under"), find("over")], names = [find("left-name"), find("right-name")];
  let at = 50, pair = [0, 0], hidden = false;

  const shown = () => pictures[Number(picture.value)];
  const options = (select, texts) => select.replaceChildren(...texts.map((text, number) => new Option(text, number)));
  const place = () => {
    const wide = viewport.clientWidth, x = (wide * at) / 100;
    divider.style.left = `${x}px`;
    images[1].style.clipPath = `inset(0 0 0 ${viewport.scrollLeft + x}px)`;
    divider.setAttribute("aria-valuenow", String(Math.round(at)));
    divider.setAttribute("aria-valuetext", `${Math.round(at)} % from the left`);
  };
  const move = (to) => { at = Math.min(100, Math.max(0, to)); place(); };
  const draw = () => {
    const { choices } = shown();
    pair.forEach((choice, side) => {
      const label = hidden ? "AB"[side] : choices[choice].label;
      images[side].src = choices[choice].source;
      images[side].alt = label;
      names[side].textContent = label;
    });
    for (const [side, select] of [left, right].entries()) {
      if (hidden) select.replaceChildren(new Option("AB"[side]));
      else { options(select, choices.map((choice) => choice.label)); select.value = String(pair[side]); }
      select.disabled = hidden;
    }
    find("reveal").hidden = !hidden;
    find("blind").disabled = drawn().length < 2;
    place();
  };
  const size = () => {
    const { width, height } = shown(), fits = zoom.value === "fit";
    stage.classList.toggle("zoomed", !fits);
    stage.classList.toggle("enlarged", Number(zoom.value) > 1);
    for (const [name, value] of [["--wide", width], ["--shape", width / height], ["--zoom", fits ? 1 : zoom.value]])
      stage.style.setProperty(name, value);
    place();
  };
  const drawn = () => shown().choices.flatMap((choice, number) => (choice.blind ? [number] : []));
  const blind = () => {
    const pot = drawn();
    pair = [0, 1].map(() => pot.splice(Math.floor(Math.random() * pot.length), 1)[0]);
    hidden = true;
    told.textContent = "Which of the two is better? Reveal names them.";
    draw();
  };
  const reveal = () => {
    hidden = false;
    const [one, other] = pair.map((choice) => shown().choices[choice].label);
    told.textContent = `A, left, is ${one}. B, right, is ${other}.`;
    draw();
  };
  const usual = () => {
    const results = drawn();
    return results.length > 1 ? [results[0], results[results.length - 1]] : [0, shown().choices.length - 1];
  };
  const change = (before) => {
    const wanted = pair.map((choice) => before.choices[choice].label);
    const found = wanted.map((label) => shown().choices.findIndex((choice) => choice.label === label));
    const whole = found.every((choice) => choice >= 0);
    pair = whole ? found : usual();
    told.textContent = "";
    viewport.scrollTo(0, 0);
    size();
    if (hidden && !whole && drawn().length > 1) blind();
    else { hidden &&= whole; draw(); }
  };
  const turn = (step) => {
    const before = shown();
    picture.value = String((Number(picture.value) + step + pictures.length) % pictures.length);
    change(before);
  };

  find("gallery").hidden = false;
  options(picture, pictures.map((each) => each.name));
  let last = shown();
  pair = usual();
  picture.addEventListener("change", () => { change(last); last = shown(); });
  for (const [id, step] of [["previous", -1], ["next", 1]])
    find(id).addEventListener("click", () => { turn(step); last = shown(); });
  [left, right].forEach((select, side) => select.addEventListener("change", () => {
    pair[side] = Number(select.value);
    told.textContent = "";
    draw();
  }));
  zoom.addEventListener("change", size);
  find("blind").addEventListener("click", blind);
  find("reveal").addEventListener("click", reveal);
  viewport.addEventListener("scroll", place);
  new ResizeObserver(place).observe(viewport);

  let drag = null;
  stage.addEventListener("pointerdown", (event) => {
    if (event.button !== 0) return;
    const line = event.target.closest("#divider") || zoom.value === "fit";
    if (!line && event.pointerType !== "mouse") return;
    drag = { line, x: event.clientX, y: event.clientY, left: viewport.scrollLeft, top: viewport.scrollTop };
    stage.setPointerCapture(event.pointerId);
    if (line) { divider.focus({ preventScroll: true }); follow(event); }
    event.preventDefault();
  });
  const follow = (event) => {
    if (drag.line) {
      const box = viewport.getBoundingClientRect();
      move((100 * (event.clientX - box.left)) / viewport.clientWidth);
    } else viewport.scrollTo(drag.left + drag.x - event.clientX, drag.top + drag.y - event.clientY);
  };
  stage.addEventListener("pointermove", (event) => { if (drag) follow(event); });
  for (const end of ["pointerup", "pointercancel"]) stage.addEventListener(end, () => { drag = null; });
  divider.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.altKey || event.metaKey) return;
    const step = event.shiftKey ? 10 : 2;
    const to = { ArrowLeft: at - step, ArrowDown: at - step, ArrowRight: at + step, ArrowUp: at + step,
      PageDown: at - 10, PageUp: at + 10, Home: 0, End: 100 }[event.key];
    if (to === undefined) return;
    move(to);
    event.preventDefault();
  });
  size();
  draw();
})();
"""
"""Shows pictures of the element ``pictures``, two over each other; does nothing where there is none."""

SCRIPT = BOARD + GALLERY
