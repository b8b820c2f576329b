"""Zips of strangers: what is harmless comes out to the byte, and the rest is refused, with nothing left of it."""

import io
import stat
import struct
import unicodedata
import warnings
import zipfile

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from wideopen.challenge.plan import Limits
from wideopen.challenge.unpack import MOST_RATIO, SMALL_BYTES, name_fault, opened, path_fault, unpack
from wideopen.errors import RequestError

LIMITS = Limits(files=20, unpacked_mb=40)


def zipped(folder, files, *, compression=zipfile.ZIP_STORED):
    """Write a zip of names (or entries) and bytes."""
    path = folder / "x.zip"
    with zipfile.ZipFile(path, "w", compression) as archive:
        for name, data in files:
            archive.writestr(name, data)
    return path


def entry(name, mode=0, system=3):
    made = zipfile.ZipInfo(name)
    made.create_system, made.external_attr = system, mode << 16
    return made


def directory_of(data):
    """Where the directory of a zip begins, by its last record."""
    return struct.unpack_from("<I", data, data.rfind(b"PK\x05\x06") + 16)[0]


def patched(path, place, form, value, *, local=False):
    """Change a field of the first entry, in the directory or in front of the file itself."""
    data = bytearray(path.read_bytes())
    struct.pack_into(form, data, (0 if local else directory_of(data)) + place, value)
    path.write_bytes(data)
    return path


def unpacked(path, into, limits=LIMITS):
    folder = unpack(path, into, limits)
    return {each.relative_to(folder).as_posix(): each.read_bytes() for each in folder.rglob("*") if each.is_file()}


def refused(path, tmp_path, *words, limits=LIMITS):
    """See that a zip is refused in one line, both at a look and when unpacked, and leaves nothing."""
    into = tmp_path / "out"
    with pytest.raises(RequestError) as told:
        unpack(path, into, limits)
    said = str(told.value)
    for word in words:
        assert word in said
    assert "\n" not in said
    assert said.isprintable()
    assert str(tmp_path) not in said
    assert sorted(each.name for each in tmp_path.iterdir()) == [path.name]


@pytest.mark.parametrize("compression", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED])
def test_files_come_out_to_the_byte(tmp_path, compression):
    files = {"1.png": bytes(range(256)) * 3000, "2.png": b"", "notes/readme.txt": b"x" * 10}
    assert unpacked(zipped(tmp_path, files.items(), compression=compression), tmp_path / "out") == files


@pytest.mark.parametrize("above", ["results/", "results/of/ours/", "./results/", "Ergebnisse (neu)/"])
def test_folders_around_everything_are_stepped_into(tmp_path, above):
    path = zipped(tmp_path, [(above, b""), (f"{above}1.png", b"1"), (f"{above}2.png", b"2")])
    assert unpacked(path, tmp_path / "out") == {"1.png": b"1", "2.png": b"2"}


def test_what_systems_add_of_their_own_does_not_count(tmp_path):
    own = ["__MACOSX/results/._1.png", "results/.DS_Store", "results/Thumbs.db", "results/.git/config", "desktop.ini"]
    path = zipped(tmp_path, [*((name, b"?") for name in own), ("results/1.png", b"1")])
    assert unpacked(path, tmp_path / "out") == {"1.png": b"1"}


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("/etc/passwd", "a place on your machine"),
        ("//server/share/1.png", "a place on your machine"),
        ("C:/1.png", "a place on your machine"),
        ("c:1.png", "a place on your machine"),
        ("../1.png", "points out of the zip"),
        ("a/../../1.png", "points out of the zip"),
        ("__MACOSX/../../1.png", "points out of the zip"),
        (".hidden/../../1.png", "points out of the zip"),
        ("..", "points out of the zip"),
        ("a\\..\\1.png", "backslash"),
        ("\\\\server\\1.png", "backslash"),
        ("1.png:stream", "letters in its name"),
        ("a?.png", "letters in its name"),
        ("a\n.png", "letters in its name"),
        ("a\u202egnp.exe", "letters in its name"),
        ("a\x7f.png", "letters in its name"),
        ("1.png ", "ends in a space or a dot"),
        ("folder./1.png", "ends in a space or a dot"),
        (".", "has no name"),
        ("a/.", "has no name"),
        ("...", "ends in a space or a dot"),
        ("con.png", "name of a device"),
        ("results/LPT9", "name of a device"),
        ("aux .tar.png", "name of a device"),
        ("COM\u00b9.png", "name of a device"),
        ("CONIN$", "name of a device"),
        ("/".join("abcdefgh") + "/1.png", "8 folders deep"),
        ("x" * 151, "more than 150 bytes"),
        ("\u00e4" * 76, "more than 150 bytes"),
    ],
)
def test_tricks_with_names_are_refused(tmp_path, name, said):
    refused(zipped(tmp_path, [("0.png", b"0"), (name, b"1")]), tmp_path, said)


def test_a_name_that_ends_early_is_refused(tmp_path):
    path = zipped(tmp_path, [("1.pngXexe", b"1")])
    path.write_bytes(path.read_bytes().replace(b"1.pngXexe", b"1.png\0exe"))
    refused(path, tmp_path, "letters in its name")


@pytest.mark.parametrize(
    "name", ["1.png", "a/b/2.png", "Bild \u00e4\u00f6.png", "CONFIG.png", "./", "comma,.png", "12 (3).png"]
)
def test_plain_names_are_taken(name):
    assert path_fault(name) == ""


NAMES = st.text(st.characters(codec="utf-8", exclude_characters="\0"), min_size=1, max_size=12)


@settings(max_examples=150, deadline=None)
@given(names=st.lists(NAMES | st.sampled_from(["..", "a/..", "/a", "C:a", ".", "a/b", "nul"]), min_size=1, max_size=4))
def test_whatever_names_are_nothing_leaves_the_folder(tmp_path_factory, names):
    folder = tmp_path_factory.mktemp("names")
    into = folder / "within" / "out"
    buffer = io.BytesIO()
    with warnings.catch_warnings(), zipfile.ZipFile(buffer, "w") as archive:
        warnings.simplefilter("ignore")
        for name in names:
            archive.writestr(name, name.encode())
    (folder / "x.zip").write_bytes(buffer.getvalue())
    try:
        unpack(folder / "x.zip", into, LIMITS)
    except RequestError:
        assert not into.exists()
    else:
        assert all(name_fault(part) == "" for each in into.rglob("*") for part in each.relative_to(into).parts)
    everything = {each for each in folder.rglob("*") if each.is_file()}
    assert everything - set(into.rglob("*")) == {folder / "x.zip"}


@pytest.mark.parametrize(
    ("names", "said"),
    [
        (("1.png", "1.PNG"), "one file on some systems"),
        (("a/1.png", "A/1.png"), "one file on some systems"),
        (("stra\u00dfe.png", "STRASSE.png"), "one file on some systems"),
        ((unicodedata.normalize("NFC", "\u00e4.png"), unicodedata.normalize("NFD", "\u00e4.png")), "one file on"),
        (("a", "a/1.png"), "a is a file and a folder"),
        (("A", "a/b/1.png"), "A is a file and a folder"),
        (("1.png", "./1.png"), "1.png is in the zip twice"),
        (("a/1.png", "a//1.png"), "a/1.png is in the zip twice"),
    ],
)
def test_names_that_clash_are_refused(tmp_path, names, said):
    refused(zipped(tmp_path, [("0.png", b""), *((name, b"1") for name in names)]), tmp_path, said)


def test_the_same_name_twice_is_refused(tmp_path):
    with pytest.warns(UserWarning, match="Duplicate"):
        path = zipped(tmp_path, [("1.png", b"1"), ("1.png", b"2")])
    refused(path, tmp_path, "1.png is in the zip twice")


@pytest.mark.parametrize(
    ("mode", "said"),
    [
        (stat.S_IFLNK | 0o777, "1.png is a link"),
        (stat.S_IFIFO | 0o644, "1.png is no plain file"),
        (stat.S_IFCHR | 0o644, "1.png is no plain file"),
        (stat.S_IFSOCK | 0o644, "1.png is no plain file"),
    ],
)
@pytest.mark.parametrize("system", [0, 3])
def test_links_and_devices_are_refused(tmp_path, mode, said, system):
    refused(zipped(tmp_path, [(entry("1.png", mode, system), b"/etc/passwd")]), tmp_path, said)


def test_encrypted_files_are_refused(tmp_path):
    path = zipped(tmp_path, [("1.png", b"1")])
    refused(patched(path, 8, "<H", 1), tmp_path, "1.png is encrypted")


@pytest.mark.parametrize("compression", [zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_other_compressions_are_refused(tmp_path, compression):
    refused(zipped(tmp_path, [("1.png", b"1" * 100)], compression=compression), tmp_path, "use deflate")


def test_too_many_files_are_refused(tmp_path):
    path = zipped(tmp_path, [(f"{k}.png", b"") for k in range(LIMITS.files + 1)])
    refused(path, tmp_path, "21 files, and 20 are taken")


def test_a_directory_that_would_fill_the_memory_is_not_read(tmp_path):
    path = zipped(tmp_path, [(f"{k:0>120}.png", b"") for k in range(5000)])
    refused(path, tmp_path, "its directory is too long")


def test_a_bomb_is_told_by_its_size(tmp_path):
    path = zipped(tmp_path, [("1.png", bytes(41_000_000))], compression=zipfile.ZIP_DEFLATED)
    refused(path, tmp_path, "41 MB, and 40 MB are taken")


def test_a_bomb_is_told_by_how_it_grows(tmp_path):
    path = zipped(tmp_path, [("1.png", bytes(SMALL_BYTES + 1))], compression=zipfile.ZIP_DEFLATED)
    assert path.stat().st_size * MOST_RATIO < SMALL_BYTES
    refused(path, tmp_path, "1.png would grow", "as no picture does")


def test_flat_pictures_are_no_bombs(tmp_path):
    flat = bytes(4_700_000)
    path = zipped(tmp_path, [("1.tif", flat)], compression=zipfile.ZIP_DEFLATED)
    assert unpacked(path, tmp_path / "out") == {"1.tif": flat}


@pytest.mark.parametrize("declared", [0, 10, 4_999_999])
def test_a_file_that_is_longer_than_it_says_is_refused_without_being_written(tmp_path, declared, monkeypatch):
    path = zipped(tmp_path, [("1.png", bytes(5_000_000))], compression=zipfile.ZIP_DEFLATED)
    patched(patched(path, 24, "<I", declared), 22, "<I", declared, local=True)
    refused(path, tmp_path, "broken")


def test_a_file_that_is_shorter_than_it_says_is_refused(tmp_path):
    path = zipped(tmp_path, [("1.png", b"x" * 1000)], compression=zipfile.ZIP_DEFLATED)
    refused(patched(path, 24, "<I", 2000), tmp_path, "1.png ends after 1000 of 2000 bytes")


def test_files_that_share_bytes_are_refused(tmp_path):
    path = zipped(tmp_path, [("1.png", b"x" * 1000), ("2.png", b"y" * 1000)])
    data = bytearray(path.read_bytes())
    second = data.index(b"PK\x01\x02", directory_of(data) + 4)
    struct.pack_into("<I", data, second + 42, 0)
    path.write_bytes(data)
    refused(path, tmp_path, "shares its bytes with another file")


def test_other_bytes_than_those_that_were_summed_are_refused(tmp_path):
    path = zipped(tmp_path, [("1.png", b"x" * 1000)])
    path.write_bytes(path.read_bytes().replace(b"xxxx", b"xyxx", 1))
    refused(path, tmp_path, "the zip is broken", "1.png")


@settings(max_examples=120, deadline=None)
@given(data=st.data())
def test_a_damaged_zip_is_told_in_one_line(tmp_path_factory, data):
    folder = tmp_path_factory.mktemp("damaged")
    path = zipped(folder, [("1.png", bytes(range(200))), ("a/2.png", b"y" * 90)], compression=zipfile.ZIP_DEFLATED)
    whole = bytearray(path.read_bytes())
    for _ in range(data.draw(st.integers(1, 4))):
        whole[data.draw(st.integers(0, len(whole) - 1))] = data.draw(st.integers(0, 255))
    path.write_bytes(whole[: data.draw(st.integers(0, len(whole)))] if data.draw(st.booleans()) else whole)
    try:
        unpack(path, folder / "out", LIMITS)
    except RequestError as error:
        assert "\n" not in str(error)
        assert str(error).isprintable()
        assert not (folder / "out").exists()


@pytest.mark.parametrize(
    "data", [b"", b"PK", b"no zip at all", b"PK\x03\x04" + bytes(100), b"PK\x05\x06" + b"\xff" * 18]
)
def test_what_is_no_zip_is_told(tmp_path, data):
    (tmp_path / "x.zip").write_bytes(data)
    refused(tmp_path / "x.zip", tmp_path, "the zip is broken")


def test_zips_inside_stay_closed(tmp_path):
    inner = zipped(tmp_path, [("../1.png", b"1")]).read_bytes()
    assert unpacked(zipped(tmp_path, [("inner.zip", inner)]), tmp_path / "out") == {"inner.zip": inner}


def test_a_folder_that_is_not_empty_is_left_alone(tmp_path):
    path, into = zipped(tmp_path, [("1.png", b"1")]), tmp_path / "out"
    into.mkdir()
    (into / "mine").write_text("mine")
    with pytest.raises(FileExistsError):
        unpack(path, into, LIMITS)
    assert (into / "mine").read_text() == "mine"


def test_a_look_reads_no_more_than_is_declared(tmp_path):
    path = zipped(tmp_path, [("a/1.png", b"x" * 1000)])
    with opened(path, LIMITS) as archive:
        assert archive.sizes == {"1.png": 1000}
        with archive.open("1.png") as file:
            assert file.read(4) == b"xxxx"
