"""Pack what render.py traced: the bundled photo with its depth inside, and the README's three pictures.

python bench/picture/pack.py OUTDIR

Writes src/wideopen/data/sample.jpg (EXIF of the camera; depth and focus as Google's GDepth and GFocus, 8-bit
RangeInverse in metres) and docs/images/{before,ours,truth}.jpg.
"""

import argparse
import base64
import hashlib
import io
import json
from pathlib import Path

import numpy as np
from PIL import Image

import wideopen

ROOT = Path(__file__).parent.parent.parent
QUALITY = 92
INFINITY_M = 1000.0
STANDARD, EXTENSION = b"http://ns.adobe.com/xap/1.0/\0", b"http://ns.adobe.com/xmp/extension/\0"
RDF = '<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">{}</rdf:RDF></x:xmpmeta>'


def encode_depth(depth_m):
    """Write depth as an 8-bit PNG that is linear in dioptres, 0 at the nearest point."""
    near_m, far_m = float(depth_m.min()), INFINITY_M
    depth_m = depth_m.clip(near_m, far_m)
    share = far_m * (depth_m - near_m) / (depth_m * (far_m - near_m))
    stream = io.BytesIO()
    Image.fromarray(np.rint(share * 255).astype(np.uint8)).save(stream, "PNG", optimize=True)
    return near_m, stream.getvalue()


def xmp_segments(depth_png, near_m, scene):
    """Write GDepth, GFocus and the depth itself as standard and extended XMP."""
    data = base64.b64encode(depth_png).decode()
    extended = RDF.format(
        f'<rdf:Description rdf:about="" xmlns:GDepth="http://ns.google.com/photos/1.0/depthmap/" GDepth:Data="{data}"/>'
    ).encode()
    guid = hashlib.md5(extended).hexdigest().upper()
    x, y = (at / size for at, size in zip(scene["focus_px"], (scene["width_px"], scene["height_px"]), strict=True))
    standard = RDF.format(
        '<rdf:Description rdf:about="" xmlns:GDepth="http://ns.google.com/photos/1.0/depthmap/" '
        'xmlns:GFocus="http://ns.google.com/photos/1.0/focus/" xmlns:xmpNote="http://ns.adobe.com/xmp/note/" '
        f'GFocus:FocalPointX="{x}" GFocus:FocalPointY="{y}" GDepth:Format="RangeInverse" GDepth:Units="m" '
        f'GDepth:Near="{near_m:.6f}" GDepth:Far="{INFINITY_M:.1f}" GDepth:Mime="image/png" '
        f'GDepth:MeasureType="OpticalAxis" xmpNote:HasExtendedXMP="{guid}"/>'
    ).encode()
    yield STANDARD + standard
    step = 65000
    for at in range(0, len(extended), step):
        numbers = len(extended).to_bytes(4, "big") + at.to_bytes(4, "big")
        yield EXTENSION + guid.encode() + numbers + extended[at : at + step]


def camera_exif(scene):
    """Name the camera that was traced: 50 mm at f/16 on 22.5 mm."""
    exif = Image.Exif()
    exif[0x010E] = "Path-traced for wideopen"
    details = exif.get_ifd(0x8769)
    width, height = scene["width_px"], scene["height_px"]
    details.update(
        {
            0x829D: 16.0,
            0x920A: 50.0,
            0xA002: width,
            0xA003: height,
            0xA210: 3,
            0xA20E: width / 2.25,
            0xA20F: width / 2.25,
        }
    )
    return exif.tobytes()


def pack_sample(folder, scene, target):
    stream = io.BytesIO()
    wide = Image.open(folder / "wide.png").convert("RGB")
    wide.save(stream, "JPEG", quality=QUALITY, subsampling=0, optimize=True, exif=camera_exif(scene))
    jpeg = stream.getvalue()
    near_m, png = encode_depth(np.load(folder / "depth.npy"))
    segments = b"".join(
        b"\xff\xe1" + (len(body) + 2).to_bytes(2, "big") + body for body in xmp_segments(png, near_m, scene)
    )
    # Behind the EXIF segment, which readers expect first.
    first = jpeg.index(b"\xff\xe1")
    end = first + 2 + int.from_bytes(jpeg[first + 2 : first + 4], "big")
    target.write_bytes(jpeg[:end] + segments + jpeg[end:])


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path)
    folder = parser.parse_args().folder
    scene = json.loads((folder / "scene.json").read_text(encoding="utf-8"))
    sample, images = ROOT / "src/wideopen/data/sample.jpg", ROOT / "docs/images"
    sample.parent.mkdir(exist_ok=True)
    images.mkdir(exist_ok=True)
    pack_sample(folder, scene, sample)
    photo = wideopen.read(sample)
    pictures = {
        "before": photo.pixels,
        "ours": wideopen.render(photo).pixels,
        "truth": np.asarray(Image.open(folder / "shallow.png").convert("RGB"), np.float32) / 255,
    }
    for name, pixels in pictures.items():
        picture = Image.fromarray(np.rint(pixels * 255).astype(np.uint8))
        picture.save(images / f"{name}.jpg", quality=90, optimize=True)
        print(f"{name}: {images / name}.jpg")
    error = np.mean((pictures["ours"] - pictures["truth"]) ** 2)
    print(f"sample.jpg: {sample.stat().st_size} bytes; ours against the truth: {-10 * np.log10(error):.2f} dB")


if __name__ == "__main__":
    main()
