// The formats that a photo can be saved in.
const FORMATS = [
  { suffix: ".jpg", name: "JPEG", lossy: true, bits: 8 },
  { suffix: ".png", name: "PNG", lossy: false, bits: 16 },
  { suffix: ".tif", name: "TIFF", lossy: false, bits: 16 },
  { suffix: ".webp", name: "WebP", lossy: true, bits: 8 },
  { suffix: ".avif", name: "AVIF", lossy: true, bits: 8 },
  { suffix: ".heic", name: "HEIC", lossy: true, bits: 10 },
];
const SAME = { ".jpeg": ".jpg", ".jpe": ".jpg", ".mpo": ".jpg", ".tiff": ".tif", ".heif": ".heic", ".hif": ".heic" };

const suffix = (name) => (/\.[a-z0-9]+$/i.exec(name)?.[0] ?? "").toLowerCase();

/** The format that a file of this name is saved in when it stays as it is. */
export function own(name) {
  const found = SAME[suffix(name)] ?? suffix(name);
  return FORMATS.find((each) => each.suffix === found) ?? FORMATS[1];
}

/** The format that is chosen: of a suffix, or as the file's own. */
export const chosen = (value, name) => (value ? FORMATS.find((each) => each.suffix === value) : own(name));

/** Fill a <select> with what the studio can write. */
export function fill(select, suffixes, first) {
  const kept = select.value;
  const options = [[first, ""], ...FORMATS.filter((each) => suffixes.includes(each.suffix)).map((each) => [
    each.bits === 16 ? `${each.name} (keeps 16 bit)` : each.name, each.suffix])];
  select.replaceChildren(...options.map(([text, value]) => new Option(text, value)));
  select.value = kept;
  if (select.selectedIndex < 0) select.value = "";
}
