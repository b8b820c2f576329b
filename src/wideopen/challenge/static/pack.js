// A worker of its own: puts pictures into a zip and finds checksums, while the page stays awake.
import { Sha256, crc32 } from "./sha256.js";

const PIECE = 4 << 20;
const MOST = 2 ** 32 - 1;
// 1 January 1980, so that the same pictures are the same zip, and an upload of it goes on.
const DATE = 0x21;

async function* pieces(blob) {
  for (let at = 0; at < blob.size; at += PIECE) {
    yield new Uint8Array(await blob.slice(at, at + PIECE).arrayBuffer());
  }
}

function header(central, name, crc, size, offset) {
  const view = new DataView(new ArrayBuffer(central ? 46 : 30));
  let at = 0;
  const two = (value) => { view.setUint16(at, value, true); at += 2; };
  const four = (value) => { view.setUint32(at, value, true); at += 4; };
  four(central ? 0x02014b50 : 0x04034b50);
  if (central) two(20);
  // Version, names in UTF-8, stored as they are.
  [20, 0x800, 0, 0, DATE].forEach(two);
  [crc, size, size].forEach(four);
  [name.length, 0].forEach(two);
  if (central) {
    [0, 0, 0].forEach(two);
    [0, offset].forEach(four);
  }
  return [view, name];
}

async function zip(files, done) {
  const parts = [], list = [], total = files.reduce((sum, file) => sum + file.size, 0);
  let offset = 0, read = 0;
  for (const file of files) {
    const name = new TextEncoder().encode(file.name);
    let crc = 0;
    for await (const piece of pieces(file)) {
      crc = crc32(piece, crc);
      read += piece.length;
      done(read, total);
    }
    list.push(...header(true, name, crc, file.size, offset));
    parts.push(...header(false, name, crc, file.size), file);
    offset += 30 + name.length + file.size;
    if (offset > MOST) throw new Error("these pictures are more than 4 GB; pack them yourself, and give the zip");
  }
  const central = list.reduce((sum, part) => sum + part.byteLength, 0);
  const end = new DataView(new ArrayBuffer(22));
  end.setUint32(0, 0x06054b50, true);
  end.setUint16(8, files.length, true);
  end.setUint16(10, files.length, true);
  end.setUint32(12, central, true);
  end.setUint32(16, offset, true);
  return new Blob([...parts, ...list, end], { type: "application/zip" });
}

async function checksum(blob, done) {
  const sum = new Sha256();
  let read = 0;
  for await (const piece of pieces(blob)) {
    sum.update(piece);
    read += piece.length;
    done(read, blob.size);
  }
  return sum.hex();
}

self.onmessage = async ({ data: { files, blob } }) => {
  const tell = (stage) => (done, total) => self.postMessage({ stage, done, total });
  try {
    const whole = blob ?? (await zip(files, tell("packing")));
    self.postMessage({ whole, sha256: await checksum(whole, tell("reading")) });
  } catch (error) {
    self.postMessage({ error: error.name === "NotReadableError" ? "a file changed or went away; choose again" : error.message });
  }
};
