// Pages of words, and the panel that says the connection is lost.
const main = document.getElementById("words");
const panel = document.getElementById("lost");
const find = (id) => document.getElementById(id);

/** Show one of the page's screens alone; gives the one that was there. */
export function screen(id) {
  const all = [...document.querySelectorAll("body > main")];
  const before = all.find((each) => !each.hidden)?.id;
  for (const each of all) each.hidden = each.id !== id;
  document.body.classList.toggle("judging", id === "judge");
  if (before !== id) {
    find(id).focus({ preventScroll: true });
    window.scrollTo(0, 0);
  }
  return before;
}

function page(title, text, { link = false, buttons = [] } = {}) {
  find("words-title").textContent = title;
  find("words-text").textContent = text;
  find("words-link").hidden = !link;
  find("words-link").querySelector("code").textContent = location.href;
  find("words-actions").replaceChildren(...buttons);
  return screen("words");
}

function button(label) {
  const made = document.createElement("button");
  made.type = "button";
  made.className = "strong";
  made.textContent = label;
  return made;
}

const never = () => new Promise(() => {});

async function again(title, text, wait_s) {
  const press = button("Try again");
  const before = page(title, text, { buttons: [press] });
  await new Promise((done) => {
    press.addEventListener("click", done);
    if (wait_s) setTimeout(done, wait_s * 1000);
  });
  if (before && before !== "words") screen(before);
}

async function refused({ status, message, wait_s }, answer) {
  const kept = answer ? "Your last answer is NOT stored yet, but this page still has it. " : "";
  if (status === 429) {
    const wait = wait_s || 10;
    await again("One moment, please",
      `${kept}Too much was asked of the study at once. It goes on by itself in about ${wait} s.`, wait);
  } else if (status >= 500) {
    const why = status === 503 ? "cannot store or read anything at the moment" : "failed at this";
    await again(answer ? "Not stored" : "Not possible just now",
      `The study ${why}. ${kept}Please leave this page open and try again; if it lasts, tell the organiser.`);
  } else if (status === 404) {
    page("This link does not work",
      "Perhaps it was not copied whole. Please open it again from the message it came in, "
      + "or ask the organiser for a new one.");
    await never();
  } else if (status === 410) {
    page("These answers are deleted",
      "All answers given with this link have been deleted, as was asked, and the link is closed. "
      + "Thank you for having taken part.");
    await never();
  } else {
    await again("The study did not understand this page",
      `${message}. Please load the page again; if this comes back, tell the organiser.`);
    location.reload();
    await never();
  }
}

export const words = { page, button, again, refused, never };

export const lost = {
  hide() { panel.hidden = true; },
  async wait(pause_s, answer) {
    const kept = answer ? "Your answer is kept on this page and will be sent" : "This page tries";
    panel.querySelector("p").textContent =
      `The connection is lost. ${kept} again by itself; please leave the page open.`;
    panel.hidden = false;
    await new Promise((done) => {
      const clock = setTimeout(done, pause_s * 1000);
      const now = () => { clearTimeout(clock); done(); };
      panel.querySelector("button").addEventListener("click", now, { once: true });
      window.addEventListener("online", now, { once: true });
    });
  },
};
