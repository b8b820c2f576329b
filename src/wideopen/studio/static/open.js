// Opening: by picker, drop, paste or the sample; and once more when the studio has forgotten the photo.
import * as api from "./api.js";
import { sentence, studio } from "./state.js";
import { compare } from "./compare.js";

const NAMED = /\.(jpe?g|png|webp|avif|hei[cf]|tiff?|bmp|gif|jp2|jxl|exr|hdr|mpo|dng|cr2|cr3|nef|arw|raf|orf|rw2)$/i;
const find = (id) => document.getElementById(id);
const MAKERS = [[/apple/i, "iPhone portrait"], [/google|gdepth|dynamic/i, "Android portrait"], [/heif/i, "HEIF"]];
const MB = 1e6;
let source = null; // how the open photo came: {file}, {sample: true} or {id}
let stop = null;
let dragging = 0;

const megabytes = (bytes) => `${bytes < 10 * MB ? (bytes / MB).toFixed(1) : Math.round(bytes / MB)} MB`;

function progress(name, share, step) {
  find("opening").hidden = name === null;
  if (name === null) return;
  find("opening-name").textContent = name;
  find("opening-step").textContent = step;
  // Without a value a progress bar moves by itself.
  if (share === null) find("opening-share").removeAttribute("value");
  else find("opening-share").value = share;
}

/** Send a photo or ask for the sample; gives its info. */
async function fetchInfo(from, signal) {
  if (from.sample) return api.openSample();
  if (from.id) return api.photo(from.id);
  return api.openPhoto(from.file, {
    signal,
    progress: (share) => share < 1
      ? progress(from.file.name, share, `Reading, ${Math.round(share * 100)} %`)
      : progress(from.file.name, null, "Looking at what stands where"),
  });
}

async function open(from, name) {
  stop?.abort();
  stop = new AbortController();
  const own = stop;
  progress(name, null, "Opening");
  try {
    const info = await fetchInfo(from, own.signal);
    if (own.signal.aborted) return;
    if (studio.photo && !source?.id) closeLater(studio.photo.id);
    source = from;
    compare(false);
    studio.setTool("focus");
    studio.setView("picture");
    studio.setPhoto(info, from.file ?? null);
    studio.whisper(`${info.name} is open, ${info.width} by ${info.height} pixels. ${origin(info.depth)}`);
    find("aim").focus({ preventScroll: true, focusVisible: false });
  } catch (error) {
    const still = studio.photo ? ` ${studio.photo.name} is still open.` : "";
    if (!error.stale && !error.lost) studio.say(sentence(error.message) + still, "error");
  } finally {
    if (own === stop) progress(null);
  }
}

/** Close a photo once the next one is drawn and nothing is asked of it any more; the server keeps what it saves. */
function closeLater(id) {
  studio.addEventListener("rendered", () => api.close(id).catch(() => {}), { once: true });
}

/** Open the first of some files; where there are more, offer to give all of them one look. */
export async function openFiles(files) {
  const all = [...files], photos = all.filter((each) => !/\.json$/i.test(each.name));
  const first = photos.find((each) => each.type.startsWith("image/") || NAMED.test(each.name)) ?? photos[0];
  if (!first) return;
  if (!studio.about) await new Promise((done) => studio.addEventListener("about", done, { once: true }));
  const most = studio.about.upload_bytes;
  if (first.size > most) {
    studio.say(`${first.name} has ${megabytes(first.size)}, and the studio takes up to ${megabytes(most)}. `
      + "Start it with a larger --upload-limit to open it.", "error");
    return;
  }
  await open({ file: first }, first.name);
  if (photos.length > 1 && studio.file === first) offer(photos);
}

function offer(photos) {
  studio.dispatchEvent(new CustomEvent("many", { detail: { files: photos } }));
  const label = `Apply to all ${photos.length}`;
  const act = () => {
    find("tab-save").click();
    find("many-open")?.click();
  };
  studio.say(`${studio.photo.name} is open. When its look is right, give it to the others.`, "info", { label, act });
}

export const openSample = () => open({ sample: true }, "The sample");
export const pick = () => find("file").click();

studio.opener = async () => {
  if (!source || source.id) {
    const name = studio.photo?.name ?? "the photo";
    throw new api.Failure(`The studio has closed ${name}; open it again.`, { status: 410 });
  }
  const info = await fetchInfo(source).finally(() => progress(null));
  studio.setPhoto(info, source.file ?? null, { keep: true });
};

/** Whether no network was at hand. */
const guessed = (from) => /prior/i.test(from);

/** A line about where the depth came from, and what that means. */
export function origin({ own, metric, origin: from }) {
  const meaning = metric ? "in metres, so the f-number is a real one."
    : "relative, so the ring sets blur strength, not a real f-number.";
  if (!own) return `Depth ${guessed(from) ? "guessed from the layout" : "found by wideopen’s network"}: ${meaning}`;
  const maker = source?.sample ? null : MAKERS.find(([pattern]) => pattern.test(from))?.[1];
  return `Depth from the photo’s own file${maker ? ` (${maker})` : ""}: ${meaning}`;
}

function shortOrigin({ own, metric, origin: from }) {
  const found = guessed(from) ? "guessed from the layout" : "found by the network";
  return `Depth: ${own ? "the photo’s own" : found}, ${metric ? "in metres" : "relative"}`;
}

studio.addEventListener("photo", () => {
  const photo = studio.photo;
  document.body.classList.toggle("empty", !photo);
  document.title = photo ? `${photo.name} – wideopen studio` : "wideopen studio";
  find("name").textContent = photo ? `${photo.name} · ${photo.width} × ${photo.height}` : "";
  find("origin").textContent = photo ? origin(photo.depth) : "";
  find("origin-short").textContent = photo ? shortOrigin(photo.depth) : "";
});
studio.addEventListener("about", () => {
  const first = studio.about.photos?.[0];
  if (first && !studio.photo) open({ id: first }, "The photo");
});

if (!["localhost", "127.0.0.1", "[::1]"].includes(location.hostname)) {
  find("private").textContent = "Photos go to the computer that this studio runs on, and nowhere else.";
}
for (const id of ["open", "open-first"]) find(id).addEventListener("click", pick);
find("sample").addEventListener("click", openSample);
find("opening-stop").addEventListener("click", () => {
  stop?.abort();
  progress(null);
});
find("file").addEventListener("change", () => {
  openFiles(find("file").files);
  find("file").value = ""; // so that the same file can be picked again
});

const brings = (event) => event.dataTransfer?.types.includes("Files") && !document.querySelector("dialog[open]");
window.addEventListener("dragenter", (event) => {
  if (!brings(event)) return;
  dragging += 1;
  find("dropping").hidden = false;
});
window.addEventListener("dragleave", () => {
  dragging = Math.max(0, dragging - 1);
  find("dropping").hidden = dragging === 0;
});
window.addEventListener("dragover", (event) => {
  event.preventDefault();
  if (event.dataTransfer) event.dataTransfer.dropEffect = brings(event) ? "copy" : "none";
});
window.addEventListener("drop", (event) => {
  event.preventDefault();
  dragging = 0;
  find("dropping").hidden = true;
  if (brings(event)) openFiles(event.dataTransfer.files);
});
window.addEventListener("paste", (event) => {
  const files = [...event.clipboardData.files];
  if (!files.length || document.querySelector("dialog[open]")) return;
  event.preventDefault();
  openFiles(files);
});
