"""Desk: what the page asks for, and what it gets."""

import asyncio
import shutil
import time
from collections.abc import AsyncIterator
from dataclasses import fields
from importlib.metadata import version
from importlib.resources import files
from pathlib import Path
from typing import Any

from fastapi import HTTPException, Request, Response
from fastapi.responses import FileResponse, JSONResponse

from wideopen.errors import PhotoError
from wideopen.photo import lens_of, read
from wideopen.photo.write import SUFFIXES
from wideopen.renderer.iris import Iris
from wideopen.renderer.look import Look
from wideopen.renderer.presets import PRESETS
from wideopen.sample import NAME as SAMPLE
from wideopen.studio.asked import Box, Depth, File, Part, Picture, asked, asked_look, checked
from wideopen.studio.discs import disc_png, preset_png
from wideopen.studio.loupe import part_of
from wideopen.studio.preview import SIDES, side_of
from wideopen.studio.saving import Saves
from wideopen.studio.session import Rendered, facts_of, rehearse
from wideopen.studio.shelf import Entry, Shelf
from wideopen.studio.turns import Turns

WARM_AFTER_S = 3.0
"""After the first photo, when its first previews have been drawn."""
MOST_WAIT_S = 20.0
_WRITTEN_AT_ONCE = 1 << 20
_LISTEN_S = 0.1


class Desk:
    """Answers for one studio."""

    def __init__(self, shelf: Shelf, saves: Saves, *, upload_bytes: int, save_to: Path | None) -> None:
        self._shelf, self._saves, self._turns = shelf, saves, Turns()
        self._upload_bytes, self._save_to = upload_bytes, save_to
        self.photos: list[str] = []
        """Opened at start, from the command line."""
        self._warmed = False

    def about(self) -> dict[str, Any]:
        """Tell the page what there is."""
        return {
            "version": version("wideopen"),
            "upload_bytes": self._upload_bytes,
            "save_to": None if self._save_to is None else self._save_to.name or str(self._save_to),
            "formats": list(SUFFIXES),
            "sides": list(SIDES),
            "photos": self.photos,
            "presets": [
                {
                    "name": preset.name,
                    "title": preset.title,
                    "note": preset.note,
                    **{each.name: getattr(preset.iris, each.name) for each in fields(Iris) if each.name != "picture"},
                    "picture": preset.iris.picture is not None,
                }
                for preset in PRESETS
            ],
        }

    async def preset(self, name: str, side: int = 72, corner: bool = False) -> Response:
        """Draw the disc of a preset."""
        return _png(await asyncio.to_thread(preset_png, name, side=side, corner=corner))

    async def disc(self, request: Request, side: int = 72, corner: bool = False) -> Response:
        """Draw the disc of a look."""
        look = await asked_look(request)
        return _png(await asyncio.to_thread(disc_png, look.iris, side=side, corner=corner))

    async def upload(self, request: Request, name: str = "photo.jpg", only: str = "") -> Response:
        """Take a photo's file as it comes, and open it."""
        entry = self._shelf.place(name)
        stream = request.stream()
        try:
            try:
                await _written(entry.path, stream)
            except OSError:
                # A browser hears no answer before it has sent everything.
                async for _ in stream:
                    pass
                raise
            return JSONResponse(await self.opened(entry, only_to_save=only == "save"), 201)
        except BaseException:
            self._shelf.discard(entry)
            raise

    async def sample(self) -> Response:
        """Open the bundled photo."""
        entry = self._shelf.place(SAMPLE)
        try:
            entry.path.write_bytes(files("wideopen").joinpath("data", SAMPLE).read_bytes())
            return JSONResponse(await self.opened(entry), 201)
        except BaseException:
            self._shelf.discard(entry)
            raise

    async def warm_up(self) -> None:
        """Load what the first photo would wait for."""
        await self._turns.take(rehearse)

    def add(self, photo: Path) -> None:
        """Put a photo of this machine on the shelf; it is opened when it is looked at.

        Raises:
            OSError: If it cannot be copied.
        """
        entry = self._shelf.place(photo.name)
        shutil.copyfile(photo, entry.path)
        self._shelf.keep(entry)
        self.photos.append(entry.id)

    async def opened(self, entry: Entry, *, only_to_save: bool = False) -> dict[str, Any]:
        """Open a photo whose file is in its place; its information.

        Raises:
            WideopenError: If it is no photo, or there is no room for it.
        """
        try:
            if only_to_save:
                info = await asyncio.to_thread(_read_only, entry)
            else:
                info = await self._turns.take(lambda: self._shelf.session(entry).info)
        except PhotoError as error:
            raise HTTPException(415, said_of_photo(error, entry)) from error
        entry.info = {"id": entry.id, **info}
        self._shelf.keep(entry)
        self._warm_worker_soon()
        return entry.info

    async def info(self, key: str) -> dict[str, Any]:
        """Tell what is known of a photo."""
        entry = self._shelf.get(key)
        if not entry.info.get("depth"):
            info = await self._turns.take(lambda: self._shelf.session(entry).info)
            entry.info = {"id": entry.id, **info}
            self._warm_worker_soon()
        return entry.info

    def close_photo(self, key: str) -> Response:
        """Close a photo."""
        self._shelf.drop(key)
        return Response(status_code=204)

    async def before(self, key: str, side: int = 1024) -> Response:
        """Show a photo as it is."""
        entry, side = self._shelf.get(key), side_of(side)
        return _jpeg(await self._turns.take(lambda: self._shelf.session(entry).before(side)))

    async def render(self, request: Request, key: str) -> Response:
        """Render a preview."""
        begun = time.perf_counter()
        entry = self._shelf.get(key)
        wanted, look = await asked(request, Picture)
        side = side_of(wanted.side)
        rendered = await self._turns.take_live(
            ("picture", key, wanted.window),
            wanted.number,
            lambda going: self._shelf.session(entry).render(look, side=side, progress=going),
        )
        return _rendered(rendered, wanted.number, begun)

    async def loupe(self, request: Request, key: str) -> Response:
        """Render a part of a photo in full."""
        begun = time.perf_counter()
        entry = self._shelf.get(key)
        wanted, look = await asked(request, Part)
        place = {"x": wanted.x, "y": wanted.y, "width": wanted.width, "height": wanted.height}
        rendered = await self._turns.take_live(
            ("part", key, wanted.window),
            wanted.number,
            lambda going: part_of(self._shelf.whole(entry), look, before=wanted.before, progress=going, **place),
        )
        return _rendered(rendered, wanted.number, begun)

    async def depth(self, request: Request, key: str) -> Response:
        """Give the depth of a photo, mended."""
        entry = self._shelf.get(key)
        wanted, look = await asked(request, Depth)
        side = side_of(wanted.side)
        found = await self._turns.take(lambda: self._shelf.session(entry).depth(look, side=side))
        width, height = found.size
        far, near = found.ends
        headers = {"x-width": width, "x-height": height, "x-far": far, "x-near": near, "x-level": round(found.level, 5)}
        return Response(
            found.data,
            media_type="application/octet-stream",
            headers={key: str(value) for key, value in headers.items()},
        )

    async def box(self, request: Request, key: str) -> dict[str, Any]:
        """Find the depth within a rectangle."""
        entry = self._shelf.get(key)
        wanted, look = await asked(request, Box)
        return {"in_focus": await self._turns.take(lambda: self._shelf.session(entry).box(look, wanted.box))}

    async def save(self, request: Request, key: str) -> Response:
        """Begin to save a photo."""
        entry = self._shelf.get(key)
        wanted, look = await asked(request, File)
        return JSONResponse({"job": self._saves.start(entry, look, suffix=wanted.suffix, quality=wanted.quality)}, 202)

    async def saved(self, job: str, wait: float = 0.0) -> dict[str, Any]:
        """Tell how far a save is; with `wait`, as soon as that changes, at most so many seconds later."""
        first = state = self._saves.state(job)
        until = time.monotonic() + min(wait, MOST_WAIT_S)
        while state == first and state["state"] in ("waiting", "running") and time.monotonic() < until:
            await asyncio.sleep(_LISTEN_S)
            state = self._saves.state(job)
        return state

    def cancel(self, job: str) -> Response:
        """Cancel a save."""
        self._saves.cancel(job)
        return Response(status_code=204)

    def file(self, job: str) -> Response:
        """Give the file of a save."""
        path = self._saves.file(job)
        return FileResponse(path, filename=path.name)

    async def look(self, request: Request) -> Response:
        """Read a look, and give it back without what is as it is by default."""
        look = checked(Look.from_json((await request.body()).decode("utf-8", errors="replace")))
        return Response(look.to_json(), media_type="application/json")

    def sweep(self) -> None:
        """Let go what was not used for long."""
        self._shelf.sweep()
        self._saves.sweep()

    def _warm_worker_soon(self) -> None:
        """Let the process that saves be there before it is needed, but not while the first photo is looked at."""
        if not self._warmed:
            self._warmed = True
            asyncio.get_running_loop().call_later(WARM_AFTER_S, self._saves.warm_up)

    def close(self) -> None:
        """End all that is under way."""
        self._turns.close()


def said_of_photo(error: PhotoError, entry: Entry) -> str:
    """Say what is wrong with a photo, by the name that people know."""
    if isinstance(error.__cause__, ImportError):
        return (
            f"{entry.name} needs a codec that is not installed here ({error.__cause__.name}); install it by pip, or "
            "export the photo as JPEG"
        )
    return str(error).replace(str(entry.path), entry.name)


def _read_only(entry: Entry) -> dict[str, Any]:
    """Read a photo that is only to be saved."""
    photo = read(entry.path)
    lens = lens_of(photo)
    camera = {"focal_mm": lens.focal_mm, "sensor_mm": lens.sensor_mm, "f_number_real": False, "text": lens.origin}
    return {"name": entry.name, **facts_of(photo), "depth": None, "camera": camera, "subject": None}


async def _written(path: Path, stream: AsyncIterator[bytes]) -> None:
    """Write what comes, without keeping the loop waiting for the disk."""
    with path.open("xb") as file:
        held = bytearray()
        async for chunk in stream:
            held += chunk
            if len(held) >= _WRITTEN_AT_ONCE:
                await asyncio.to_thread(file.write, bytes(held))
                held.clear()
        await asyncio.to_thread(file.write, bytes(held))


def _rendered(rendered: Rendered, number: int, begun: float) -> Response:
    headers = {
        "x-number": str(number),
        "x-radius-px": f"{rendered.radius_px:.2f}",
        "x-level": f"{rendered.level:.5f}",
        "x-ms": f"{(time.perf_counter() - begun) * 1000:.1f}",
    }
    return _jpeg(rendered.jpeg, headers)


def _jpeg(data: bytes, headers: dict[str, str] | None = None) -> Response:
    return Response(data, media_type="image/jpeg", headers=headers)


def _png(data: bytes) -> Response:
    return Response(data, media_type="image/png")
