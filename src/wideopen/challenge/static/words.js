// How things are written; whatever came from a team becomes text, never markup.

/** Make an element: properties, then children, of which strings become text. */
export function made(tag, properties = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(properties)) {
    if (name in element && name !== "list") element[name] = value;
    else element.setAttribute(name, value);
  }
  element.append(...children.flat().filter((child) => child !== null && child !== undefined));
  return element;
}

export const find = (id) => document.getElementById(id);

/** What a team wrote, kept apart from the direction of what stands around it. */
export const theirs = (text) => made("bdi", { dir: "auto" }, text);

export const badge = (state, text = state) => made("span", { className: `badge ${state}` }, text);

export function fact(name, ...values) {
  return made("div", {}, made("dt", {}, name), made("dd", {}, ...values));
}

export function trouble(text) {
  const place = find("trouble");
  if (place.textContent !== text) place.textContent = text;
  place.hidden = !text;
}

export function size(bytes) {
  const units = ["bytes", "kB", "MB", "GB", "TB"];
  const step = Math.min(units.length - 1, bytes < 1000 ? 0 : Math.floor(Math.log10(bytes) / 3));
  const value = bytes / 1000 ** step;
  return `${step && value < 99.95 ? value.toFixed(1) : Math.round(value)} ${bytes === 1 ? "byte" : units[step]}`;
}

export const plural = (count, one, many = `${one}s`) => `${count.toLocaleString("en")} ${count === 1 ? one : many}`;

const DAY = { day: "numeric", month: "short", year: "numeric" };
const TIME = { hour: "2-digit", minute: "2-digit", hourCycle: "h23" };
const here = new Intl.DateTimeFormat("en-GB", { ...DAY, ...TIME, timeZoneName: "short" });
const utc = new Intl.DateTimeFormat("en-GB", { ...DAY, ...TIME, timeZone: "UTC" });
const utcTime = new Intl.DateTimeFormat("en-GB", { ...TIME, timeZone: "UTC" });
const isUtc = (date) => date.getTimezoneOffset() === 0;

/** A moment, in the reader's zone and in UTC. */
export function moment(text) {
  const date = new Date(text), inUtc = `${utc.format(date)} UTC`;
  if (isUtc(date)) return made("time", { dateTime: text }, inUtc);
  const same_day = date.getDate() === date.getUTCDate();
  const shown = same_day ? `${utcTime.format(date)} UTC` : inUtc;
  const other = made("small", { className: "soft" }, ` (${shown})`);
  return made("time", { dateTime: text }, here.format(date), other);
}

/** A moment in few words, the rest in its title. */
export function shortly(text) {
  const date = new Date(text);
  const format = new Intl.DateTimeFormat("en-GB", { day: "numeric", month: "short", ...TIME });
  return made("time", { dateTime: text, title: `${utc.format(date)} UTC` }, format.format(date));
}

/** How long something takes, in its two largest units. */
export function lasting(seconds) {
  const units = [["day", 86400], ["hour", 3600], ["minute", 60], ["second", 1]];
  let left = Math.max(0, Math.round(seconds));
  const parts = [];
  for (const [name, each] of units) {
    const count = Math.floor(left / each);
    if (count || (parts.length && parts.length < 2)) if (count) parts.push(plural(count, name));
    left -= count * each;
    if (parts.length === 2 || (parts.length && each === 3600)) break;
  }
  return parts.join(" ") || "0 seconds";
}

export function figure(value, digits) {
  if (value === null || value === undefined) return "–";
  return Number.isFinite(value) ? value.toFixed(digits) : "∞";
}
