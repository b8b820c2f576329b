"""Pictures that a team hands in: they answer the inputs, or are refused with the file named."""

import zipfile
from dataclasses import replace

import pytest

pytest.importorskip("onnx")

from PIL import Image

from challenge_folder import plan_of
from challenge_models import onnx_model, written
from wideopen.challenge.intake import HIDDEN, check, inputs_in, inspect
from wideopen.challenge.plan import Limits
from wideopen.errors import RequestError

SIZES = {"1": (64, 48), "2": (48, 64), "10": (64, 48)}
LIMITS = Limits()
VALIDATION = plan_of().phases[0]


def picture(path, size=(64, 48), **others):
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new("RGB", size, (90, 120, 30)).save(path, **others)


@pytest.fixture
def challenge(tmp_path):
    folder = tmp_path / "challenge"
    for name, size in SIZES.items():
        picture(folder / HIDDEN / "val" / "original" / f"{name}.jpg", size)
        picture(folder / HIDDEN / "val" / "bokeh" / f"{name}.jpg", size)
    return folder


@pytest.fixture
def answers(tmp_path):
    for name, size in SIZES.items():
        picture(tmp_path / "answers" / f"{name}.png", size)
    return tmp_path / "answers"


def zip_of(folder, above=""):
    path = folder.with_suffix(".zip")
    with zipfile.ZipFile(path, "w") as archive:
        for each in sorted(folder.rglob("*")):
            archive.write(each, above + each.relative_to(folder).as_posix())
    return path


def looked_at(place, challenge):
    return inspect(place, "pictures", VALIDATION, challenge, LIMITS)


@pytest.mark.parametrize("above", ["", "results/", "results/ours/"])
@pytest.mark.parametrize("packed", [True, False])
def test_pictures_that_answer_are_good(challenge, answers, tmp_path, above, packed):
    (answers / "README.txt").write_text("ours")
    place = zip_of(answers, above) if packed else answers
    if not packed and above:
        (tmp_path / "outer" / above).parent.mkdir(parents=True)
        place = tmp_path / "outer"
        answers.rename(place / above)
    assert looked_at(place, challenge).startswith("3 pictures, .png, ")


@pytest.mark.parametrize("suffix", [".jpg", ".JPEG", ".tif", ".TIFF", ".webp", ".PNG"])
def test_all_formats_are_known_by_their_heads(challenge, tmp_path, suffix):
    for name, size in SIZES.items():
        picture(tmp_path / "answers" / f"{name}{suffix}", size)
    assert looked_at(zip_of(tmp_path / "answers"), challenge).startswith("3 pictures")


def test_pictures_may_lie_on_their_side_as_their_file_says(challenge, answers):
    turned = Image.Exif()
    turned[274] = 6
    picture(answers / "2.png", (64, 48), exif=turned)
    assert looked_at(zip_of(answers), challenge)
    picture(answers / "2.png", (48, 64), exif=turned)
    with pytest.raises(RequestError, match=r"2\.png is 64x48 and not 48x64"):
        looked_at(zip_of(answers), challenge)


def spoilt_missing(folder):
    (folder / "10.png").unlink()


def spoilt_size(folder):
    picture(folder / "10.png", (100, 80))


def spoilt_format(folder):
    picture(folder / "1.jpg")
    (folder / "1.png").unlink()


def spoilt_twice(folder):
    picture(folder / "1.jpg")


def spoilt_head(folder):
    (folder / "2.png").write_bytes(b"\x89PNG\r\n\x1a\n and no more")


def spoilt_stranger(folder):
    picture(folder / "11.png")


def spoilt_program(folder):
    (folder / "run.sh").write_text("echo")


def spoilt_folder(folder):
    picture(folder / "more" / "1.png")


def spoilt_script(folder):
    (folder / "1.png").write_bytes(b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 64 48\n")


@pytest.mark.parametrize("packed", [True, False])
@pytest.mark.parametrize(
    ("spoil", "words"),
    [
        (spoilt_missing, "1 missing (10.png)"),
        (spoilt_size, "1 of another size (10.png is 100x80 and not 64x48)"),
        (spoilt_format, "mixed formats (1 .jpg, 2 .png)"),
        (spoilt_twice, "1 there twice (1.jpg and 1.png)"),
        (spoilt_head, "1 broken (2.png)"),
        (spoilt_stranger, "1 of no input (11.png)"),
        (spoilt_program, "1 no pictures (run.sh)"),
        (spoilt_folder, "1 no pictures (more/1.png)"),
        (spoilt_script, "1 broken (1.png)"),
    ],
)
def test_faults_are_told_with_the_file(challenge, answers, spoil, words, packed):
    spoil(answers)
    with pytest.raises(RequestError) as told:
        looked_at(zip_of(answers) if packed else answers, challenge)
    assert words in str(told.value)
    assert "\n" not in str(told.value)
    assert str(challenge.parent) not in str(told.value)


def test_many_faults_are_told_by_the_first_of_them(challenge, tmp_path):
    for name in map(str, range(1, 30)):
        picture(challenge / HIDDEN / "val" / "original" / f"{name}.jpg")
        if name != "3":
            picture(tmp_path / "answers" / f"{name}.png", (64, 48) if int(name) < 20 else (32, 24))
    with pytest.raises(RequestError, match=r"1 missing \(3\.png\); 10 of another size \(20\.png .* and 5 more\)"):
        looked_at(tmp_path / "answers", challenge)


def test_pictures_of_another_phase_are_recognised(challenge, tmp_path):
    for name in range(100, 110):
        picture(tmp_path / "answers" / f"{name}.png")
    with pytest.raises(
        RequestError, match=r"another phase or data set: 100\.png, .* and the inputs are called 1, 2, 10"
    ):
        looked_at(tmp_path / "answers", challenge)


def test_what_holds_no_pictures_is_told(challenge, tmp_path):
    (tmp_path / "answers").mkdir()
    (tmp_path / "answers" / "notes.md").write_text("none")
    with pytest.raises(RequestError, match=r"no pictures .* it holds notes\.md"):
        looked_at(zip_of(tmp_path / "answers"), challenge)
    (tmp_path / "1.png").write_bytes(b"\x89PNG")
    with pytest.raises(RequestError, match=r"ours\.png is no zip; put the pictures into one zip"):
        inspect(tmp_path / "1.png", "pictures", VALIDATION, challenge, LIMITS, name="ours.png")


def test_nothing_is_said_of_the_truth(challenge, answers):
    for each in (challenge / HIDDEN / "val" / "bokeh").iterdir():
        each.unlink()
    assert looked_at(zip_of(answers), challenge)
    spoilt_size(answers)
    with pytest.raises(RequestError) as told:
        looked_at(zip_of(answers), challenge)
    assert "bokeh" not in str(told.value)
    assert HIDDEN not in str(told.value)


def test_limits_hold_for_folders_too(challenge, answers):
    with pytest.raises(RequestError, match=r"3 files of .* 2 files of"):
        inspect(answers, "pictures", VALIDATION, challenge, replace(LIMITS, files=2))
    with pytest.raises(RequestError, match="3 files, and 2 are taken"):
        inspect(zip_of(answers), "pictures", VALIDATION, challenge, replace(LIMITS, files=2))


def test_inputs_are_found_in_folders_and_zips(challenge, answers):
    assert inputs_in(challenge / HIDDEN / "val") == SIZES
    assert inputs_in(challenge / HIDDEN / "val" / "original") == SIZES
    assert inputs_in(zip_of(challenge / HIDDEN / "val")) == SIZES
    assert list(inputs_in(answers)) == ["1", "2", "10"]
    (answers / "2.png").write_bytes(b"")
    with pytest.raises(RequestError, match="2 is broken"):
        inputs_in(answers)


def test_a_look_at_home_says_what_the_challenge_would(challenge, answers, tmp_path):
    inputs = challenge / HIDDEN / "val"
    assert check(answers, inputs) == ("pictures", looked_at(zip_of(answers), challenge))
    model = written(onnx_model(), tmp_path / "net.onnx")
    assert check(model, inputs)[0] == "model"
    with pytest.raises(RequestError, match="there is no"):
        check(tmp_path / "none", inputs)
