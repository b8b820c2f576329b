"""Training samples: the same for the same seed however they are made, every part turned alike, clean ends."""

import pickle
import threading
import time
from itertools import islice

import numpy as np
import pytest
from PIL import Image

from wideopen import DepthMap, Photo, read
from wideopen.errors import PhotoError, RequestError
from wideopen.pairs.pair import Pair
from wideopen.pairs.pairset import GROUP, PairSet, decode
from wideopen.scene.mapfile import write_depth, write_matte

HEIGHT, WIDTH = 40, 56
ALL = {"flips": True, "vertical_flips": True, "rot90": True}


def places(number):
    """A picture whose pixels say where they are, and whose they are."""
    y, x = np.mgrid[:HEIGHT, :WIDTH].astype(np.float32)
    return np.stack([y, x, np.full_like(x, number)], axis=2) / 255


def make(folder, name, original, bokeh, *, suffix=".png"):
    pair = Pair(name, folder / f"{name}-original{suffix}", folder / f"{name}-bokeh{suffix}",
                folder / f"{name}-depth.png", folder / f"{name}-matte.png")  # fmt: skip
    Photo(pixels=original).save(pair.original, overwrite=True)
    Photo(pixels=bokeh).save(pair.bokeh, overwrite=True)
    return pair


@pytest.fixture
def pairs(tmp_path):
    """Lossless pairs: the bokeh is 100 brighter in blue; depth grows along, the matte down."""
    made = []
    for number in range(6):
        pixels = places(number)
        pair = make(tmp_path, str(number), pixels, pixels + np.float32([0, 0, 100 / 255]))
        write_depth(DepthMap(pixels[..., 1], metric=False, origin="test"), pair.depth)
        write_matte(pixels[..., 0], pair.matte)
        made.append(pair)
    return made


def stacked(batches):
    batches = list(batches)
    return {name: np.concatenate([batch[name] for batch in batches]) for name in batches[0]}


def same(one, other):
    return one.keys() == other.keys() and all(np.array_equal(one[name], other[name]) for name in one)


@pytest.mark.parametrize("crops_per_decode", [1, 3])
def test_workers_batches_and_indexing_give_the_same_samples(pairs, crops_per_decode):
    def whole(workers, batch_size):
        pairset = PairSet(pairs, (16, 16), seed=4, **ALL, with_depth=True, crops_per_decode=crops_per_decode)
        return stacked(pairset.batches(batch_size, workers=workers, epoch=2))

    alone = whole(0, 4)
    assert len(alone["original"]) == 6 * crops_per_decode
    for workers, batch_size in ((1, 4), (2, 5), (7, 1), (3, 100)):
        assert same(whole(workers, batch_size), alone)
    pairset = PairSet(pairs, (16, 16), seed=4, **ALL, with_depth=True, crops_per_decode=crops_per_decode)
    pairset.epoch = 2
    for k in reversed(range(len(pairset))):
        assert same(pairset[k], {name: stack[k] for name, stack in alone.items()})


def test_epochs_and_seeds_differ_and_each_shows_every_pair(pairs):
    def blues(seed, epoch):
        batches = PairSet(pairs, (8, 8), seed=seed, as_float=False).batches(6, epoch=epoch)
        return stacked(batches)["original"]

    one, two, other = blues(0, 0), blues(0, 1), blues(1, 0)
    assert not np.array_equal(one, two)
    assert not np.array_equal(one, other)
    for crops in (one, two, other):
        assert sorted(crops[:, 0, 0, 2]) == [0, 1, 2, 3, 4, 5]
    assert len({tuple(crops[:, 0, 0, 2]) for crops in (one, two, other)}) == 3


def test_all_parts_are_cropped_mirrored_and_turned_alike(pairs):
    pairset = PairSet(pairs, (16, 16), **ALL, with_depth=True, with_matte=True)
    seen = set()
    for batch in (pairset.batches(6, epoch=epoch) for epoch in range(20)):
        for sample in ({name: stack[k] for name, stack in b.items()} for b in batch for k in range(6)):
            y, x = np.rint(sample["original"][..., :2] * 255).astype(int).transpose(2, 0, 1)
            assert np.allclose(sample["bokeh"][..., 2] - sample["original"][..., 2], 100 / 255, atol=1e-6)
            assert np.array_equal(sample["bokeh"][..., :2], sample["original"][..., :2])
            assert np.abs(sample["depth"] - x / (WIDTH - 1)).max() < 1e-4
            assert np.abs(sample["matte"] - y / 255).max() < 1e-4
            assert (np.ptp(y), np.ptp(x)) == (15, 15)
            seen.add((y[0, 0] < y[-1, -1], x[0, 0] < x[-1, -1], y[0, 0] == y[0, 1]))
    assert len(seen) == 8  # all ways to turn and mirror a square


def test_settings_change_nothing_but_what_they_say(pairs):
    plain = stacked(PairSet(pairs, (16, 16), flips=False).batches(6))["original"]
    mirrored = stacked(PairSet(pairs, (16, 16), flips=True).batches(6))["original"]
    turned = [np.array_equal(a, b[:, ::-1]) for a, b in zip(plain, mirrored, strict=True)]
    kept = [np.array_equal(a, b) for a, b in zip(plain, mirrored, strict=True)]
    assert all(a != b for a, b in zip(turned, kept, strict=True))
    assert any(turned)
    assert any(kept)
    coded = stacked(PairSet(pairs, (16, 16), flips=False, as_float=False).batches(6))["original"]
    assert coded.dtype == np.uint8
    assert plain.dtype == np.float32
    assert np.array_equal(np.divide(coded, np.float32(255)), plain)


def test_crops_reach_every_border_and_may_be_the_whole_picture(pairs):
    crops = [
        batch["original"]
        for epoch in range(30)
        for batch in PairSet(pairs, (34, 50)).batches(6, workers=0, epoch=epoch)
    ]
    rows, columns = (np.rint(np.concatenate(crops)[..., c] * 255) for c in (0, 1))
    assert (rows.min(), rows.max(), columns.min(), columns.max()) == (0, HEIGHT - 1, 0, WIDTH - 1)
    whole = PairSet(pairs, (HEIGHT, WIDTH), flips=False)[0]["original"]
    assert np.array_equal(whole[..., :2], places(0)[..., :2])


def test_pairs_take_turns_when_a_decoded_one_serves_often(tmp_path):
    pairs = [make(tmp_path, str(n), places(n), places(n)) for n in range(GROUP + 3)]
    pairset = PairSet(pairs, (8, 8), crops_per_decode=4, as_float=False)
    assert len(pairset) == 4 * (GROUP + 3)
    order = stacked(pairset.batches(8))["original"][:, 0, 0, 2]
    assert all(np.bincount(order) == 4)
    assert all(len(set(order[start : start + GROUP])) == GROUP for start in range(0, 4 * GROUP, GROUP))


def test_each_picture_is_decoded_once_for_its_crops(pairs, monkeypatch):
    decoded = []
    monkeypatch.setattr("wideopen.pairs.pairset.decode", lambda path: decoded.append(path) or decode(path))
    list(PairSet(pairs, (8, 8), crops_per_decode=5).batches(4, workers=3))
    assert sorted(decoded) == sorted(path for pair in pairs for path in (pair.original, pair.bokeh))


def test_a_run_goes_on_in_the_middle_of_an_epoch(pairs):
    pairset = PairSet(pairs, (8, 8))
    whole = list(pairset.batches(4))
    assert [len(batch["original"]) for batch in whole] == [4, 2]
    assert same(next(pairset.batches(4, first=1)), whole[1])
    assert len(list(pairset.batches(4, drop_last=True))) == 1
    assert len(list(pairset.batches(3, drop_last=True))) == 2
    assert list(pairset.batches(4, first=2)) == []


def test_pictures_are_decoded_as_read_gives_them(tmp_path):
    rng = np.random.default_rng(0)
    pixels = rng.random((HEIGHT, WIDTH, 3), np.float32)
    turned = Image.Exif()
    turned[0x0112] = 6
    coded = Image.fromarray(np.rint(pixels * 255).astype(np.uint8))
    coded.save(tmp_path / "turned.jpg", exif=turned, quality=90)
    coded.save(tmp_path / "half.jpg", subsampling="4:2:0")
    coded.convert("L").save(tmp_path / "grey.jpg")
    coded.convert("CMYK").save(tmp_path / "inks.jpg")
    coded.save(tmp_path / "picture.png")
    for name in ("turned.jpg", "half.jpg", "grey.jpg", "inks.jpg", "picture.png"):
        found = decode(tmp_path / name)
        assert np.array_equal(np.divide(found, np.float32(255)), read(tmp_path / name).pixels), name


def test_pictures_may_be_shrunk_before_they_are_cropped(pairs):
    half = PairSet(pairs, (20, 28), flips=False, scale=0.5, as_float=False, with_depth=True)[0]
    number = int(half["original"][0, 0, 2])
    whole = np.rint(places(number) * 255).astype(np.uint8)
    wanted = Image.fromarray(whole).resize((28, 20), Image.Resampling.BICUBIC)
    assert np.array_equal(half["original"], np.asarray(wanted))
    assert half["depth"].shape == (20, 28)
    assert (np.diff(half["depth"], axis=1) > 0).all()


def test_maps_of_another_size_are_brought_to_the_pictures(pairs):
    small = np.linspace(0, 1, WIDTH // 2, dtype=np.float32)
    for pair in pairs:
        depth = DepthMap(np.broadcast_to(small, (HEIGHT // 2, WIDTH // 2)).copy(), metric=False, origin="test")
        write_depth(depth, pair.depth, overwrite=True)
    whole = PairSet(pairs, (HEIGHT, WIDTH), flips=False, with_depth=True)[0]
    assert whole["depth"].shape == (HEIGHT, WIDTH)
    assert np.abs(whole["depth"] - (np.arange(WIDTH) / 2 - 0.25).clip(0, 27) / 27).max() < 1e-3


def test_it_is_a_data_set_for_workers_in_processes(pairs):
    pairset = PairSet(pairs, (8, 8), crops_per_decode=2)
    first = pairset[0]
    again = pickle.loads(pickle.dumps(pairset))
    assert same(again[0], first)
    assert len(list(pairset)) == 12
    with pytest.raises(IndexError):
        pairset[12]


def workers_alive():
    return [thread for thread in threading.enumerate() if thread.name.startswith("wideopen-pairs")]


def test_leaving_early_ends_the_workers_and_makes_little_ahead(pairs, monkeypatch):
    decoded = []
    monkeypatch.setattr("wideopen.pairs.pairset.decode", lambda path: decoded.append(path) or decode(path))
    many = pairs * 20
    for _ in islice(PairSet(many, (8, 8)).batches(2, workers=3), 2):
        time.sleep(0.2)
    assert not workers_alive()
    assert len(decoded) <= 2 * 2 * (2 + 3)
    batches = PairSet(many, (8, 8)).batches(2, workers=3)
    with pytest.raises(RuntimeError, match="the network"):
        for _ in batches:
            raise RuntimeError("the network")
    batches.close()
    assert not workers_alive()


@pytest.mark.parametrize("workers", [0, 1, 3])
@pytest.mark.parametrize("crops_per_decode", [1, 2])
@pytest.mark.parametrize("how", ["truncated", "noise"])
def test_a_broken_file_is_named_and_ends_the_workers(tmp_path, workers, crops_per_decode, how):
    pairs = [make(tmp_path, str(n), places(n), places(n), suffix=".jpg") for n in range(5)]
    pairset = PairSet(pairs, (8, 8), crops_per_decode=crops_per_decode)
    data = pairs[3].bokeh.read_bytes()
    pairs[3].bokeh.write_bytes(data[:-40] if how == "truncated" else data[:200] + b"\xff\x69" * 40)
    with pytest.raises(PhotoError) as error:
        list(pairset.batches(2, workers=workers))
    assert "3-bokeh.jpg is broken" in str(error.value)
    assert "\n" not in str(error.value)
    assert not workers_alive()


def test_what_no_sample_can_be_made_of_is_refused_at_once(pairs, tmp_path):
    with pytest.raises(RequestError, match=r"the crop is 57x40 and pair 0 56x40"):
        PairSet(pairs, (40, 57))
    with pytest.raises(RequestError, match="pair 0 28x20"):
        PairSet(pairs, (21, 28), scale=0.5)
    odd = make(tmp_path, "odd", places(0), places(0)[:, :-1])
    with pytest.raises(RequestError, match="pair odd: the original is 56x40 and the bokeh 55x40"):
        PairSet([*pairs, odd], (8, 8))
    with pytest.raises(PhotoError, match=r"odd-depth\.png"):
        PairSet([make(tmp_path, "odd", places(0), places(0))], (8, 8), with_depth=True)
    with pytest.raises(RequestError, match="pair 9 has no matte"):
        PairSet([Pair("9", pairs[0].original, pairs[0].bokeh)], (8, 8), with_matte=True)
    write_depth(DepthMap(np.eye(20, dtype=np.float32), metric=False, origin="test"), pairs[2].depth, overwrite=True)
    with pytest.raises(RequestError, match="pair 2: the depth is 20x20"):
        PairSet(pairs, (8, 8), with_depth=True)
    pairs[1].original.unlink()
    with pytest.raises(PhotoError, match=r"1-original\.png"):
        PairSet(pairs, (8, 8))


@pytest.mark.parametrize(
    ("crop_px", "settings", "said"),
    [
        ((0, 8), {}, "crop 8x0"),
        ((8, 8), {"seed": -1}, "seed -1"),
        ((8, 8), {"crops_per_decode": 0}, "0 crops per decode"),
        ((8, 8), {"scale": 1.5}, "scale is 1.5"),
        ((8, 16), {"rot90": True}, "square crop"),
    ],
)
def test_impossible_settings_are_refused(pairs, crop_px, settings, said):
    with pytest.raises(RequestError, match=said):
        PairSet(pairs, crop_px, **settings)
    with pytest.raises(RequestError, match="no pairs"):
        PairSet([], (8, 8))


def test_impossible_batches_are_refused(pairs):
    for settings in ({"batch_size": 0}, {"batch_size": 1, "workers": -1}, {"batch_size": 1, "epoch": -1}):
        with pytest.raises(RequestError, match="a batch has 1 sample or more"):
            PairSet(pairs, (8, 8)).batches(**settings)
