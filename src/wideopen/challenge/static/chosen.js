// What a team chose or dropped: one file, or the pictures of a folder.
const MODELS = [".safetensors", ".onnx", ".tflite"];
const PICTURES = [".png", ".jpg", ".jpeg", ".webp", ".tif", ".tiff"];
const ends = (name, suffixes) => suffixes.some((suffix) => name.toLowerCase().endsWith(suffix));

export function ofFile(file) {
  if (ends(file.name, [".zip"])) return { kind: "pictures", name: file.name, blob: file, bytes: file.size };
  if (ends(file.name, MODELS)) return { kind: "model", name: file.name, blob: file, bytes: file.size };
  const is_picture = ends(file.name, PICTURES);
  throw new Error(is_picture
    ? `${file.name} is one picture; choose the folder that all are in, or a zip of them`
    : `${file.name} is nothing that can be submitted; choose a zip, a folder of pictures, or a model (${MODELS.join(", ")})`);
}

/** `files` are all that lie directly in the folder. */
export function ofFolder(name, files) {
  const pictures = files.filter((file) => ends(file.name, PICTURES) && !file.name.startsWith("."));
  if (!pictures.length) throw new Error(`${name} holds no pictures (${PICTURES.join(", ")}); choose the folder that they are in`);
  // By code points, as everywhere: the same pictures are the same zip.
  pictures.sort((one, other) => (one.name < other.name ? -1 : 1));
  const bytes = pictures.reduce((sum, file) => sum + file.size, 0);
  return { kind: "pictures", name: `${name}.zip`, files: pictures, bytes };
}

/** Of an input that takes a folder. */
export function ofInput(list) {
  const parts = (file) => file.webkitRelativePath.split("/");
  const files = [...list];
  if (!files.length) throw new Error("that folder is empty; choose the one that the pictures are in");
  return ofFolder(parts(files[0])[0], files.filter((file) => parts(file).length === 2));
}

async function inFolder(entry) {
  const reader = entry.createReader(), files = [];
  for (;;) {
    const some = await new Promise((done, failed) => reader.readEntries(done, failed));
    if (!some.length) return files;
    for (const each of some) if (each.isFile) files.push(await new Promise((done, failed) => each.file(done, failed)));
  }
}

/** Of what was dropped: its entries must be asked for before anything is waited for. */
export async function ofDrop(transfer) {
  const entries = [...transfer.items].filter((item) => item.kind === "file").map((item) => item.webkitGetAsEntry?.());
  const files = [...transfer.files];
  if (!files.length) throw new Error("that was no file; drop a zip, a folder of pictures, or a model");
  if (entries.length === 1 && entries[0]?.isDirectory) return ofFolder(entries[0].name, await inFolder(entries[0]));
  if (files.length === 1) return ofFile(files[0]);
  if (entries.some((entry) => entry?.isDirectory)) throw new Error("drop one folder, or one file");
  return ofFolder("answer", files);
}
