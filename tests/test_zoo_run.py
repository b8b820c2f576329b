"""The runner: any size and range, guides, tiles without seams, what the file carries, and clear errors."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from wideopen import DepthMap, Photo
from wideopen.errors import RequestError

torch = pytest.importorskip("torch")
from torch import nn  # noqa: E402

from wideopen.zoo.layers import InstanceNorm, PictureBatchNorm, Statistics  # noqa: E402
from wideopen.zoo.run import SolutionRenderer, prepared  # noqa: E402
from wideopen.zoo.solution import Solution  # noqa: E402
from wideopen.zoo.tiles import Joined, tiles_of  # noqa: E402


class Same(nn.Module):
    """Gives back what comes in, and notes it."""

    def __init__(self):
        super().__init__()
        self.seen = []

    def forward(self, picture, *guides):
        self.seen.append((picture, guides))
        return picture


class Blur(nn.Module):
    """Three wide means, each behind a norm if one is given: looks 12 px around."""

    def __init__(self, *norms):
        super().__init__()
        self.norms = nn.ModuleList(norms or [nn.Identity()] * 3)
        self.mean = nn.AvgPool2d(9, 1, 4, count_include_pad=False)

    def forward(self, picture):
        for norm in self.norms:
            picture = norm(self.mean(picture))
        return picture.sigmoid()


def photo(height=61, width=47, seed=0, **more):
    return Photo(pixels=np.random.default_rng(seed).random((height, width, 3), np.float32), **more)


def runs(network, **more):
    shape = {key: more.pop(key) for key in list(more) if key in Solution.__dataclass_fields__}
    return prepared(SolutionRenderer(Solution(name="mine", build=Same, **shape), network, **more))


@settings(max_examples=40, deadline=None)
@given(
    st.integers(1, 70), st.integers(1, 70), st.sampled_from([1, 4, 8, 32]), st.sampled_from(["reflect", "edge"]),
    st.sampled_from(["end", "start"]), st.sampled_from([(0.0, 1.0), (-1.0, 1.0), (0.0, 255.0)]),
)  # fmt: skip
def test_every_size_comes_back_as_it_went_in(height, width, multiple_of, padding, padded_at, value_range):
    network = Same()
    shape = {"multiple_of": multiple_of, "padding": padding, "padded_at": padded_at, "value_range": value_range}
    given_photo = photo(height, width)
    found = runs(network, **shape)(given_photo)
    np.testing.assert_allclose(found.pixels, given_photo.pixels, atol=1e-6)
    (seen, _), = network.seen  # fmt: skip
    assert seen.shape[2] % multiple_of == seen.shape[3] % multiple_of == 0
    assert value_range[0] <= seen.min() <= seen.max() <= value_range[1]


def test_padding_at_the_start_repeats_the_first_row_and_column():
    network = Same()
    given_photo = photo(30, 31)
    runs(network, multiple_of=32, padding="edge", padded_at="start")(given_photo)
    seen = network.seen[0][0][0].permute(1, 2, 0).numpy()
    np.testing.assert_allclose(seen[2:, 1:], given_photo.pixels, atol=1e-6)
    np.testing.assert_allclose(seen[:2, 1:], np.repeat(given_photo.pixels[:1], 2, axis=0), atol=1e-6)


def test_guides_are_near_one_and_in_the_networks_range():
    ramp = np.tile(np.linspace(0.5, 3, 47, dtype=np.float32), (61, 1))
    network = Same()
    renderer = runs(network, needs=("saliency", "depth"), value_range=(0.0, 255.0), multiple_of=8)
    renderer(photo(depth=DepthMap(ramp, metric=True, origin="test"), matte=np.eye(61, 47, dtype=np.float32)))
    saliency, depth = network.seen[0][1]
    assert depth.shape == (1, 1, 64, 48)
    assert depth[0, 0, :61, :47].min() < 1
    assert depth[0, 0, 30, 46] > 250
    assert saliency.max() == pytest.approx(255, abs=1)
    assert saliency[0, 0, 20, 20] > saliency[0, 0, 20, 40]


def test_what_the_file_carried_stays_and_grey_stays_grey():
    grey = np.repeat(np.random.default_rng(1).random((8, 8, 1), np.float32), 3, axis=2)
    before = Photo(pixels=grey, grey=True, bits=16, exif=b"Exif\0\0more", alpha=np.ones((8, 8), np.float32))
    after = runs(nn.Conv2d(3, 3, 1))(before)
    assert (after.bits, after.exif, after.grey) == (16, before.exif, True)
    assert np.ptp(after.pixels, axis=2).max() == 0
    assert after.alpha is before.alpha


def test_values_above_white_are_cut_off():
    found = runs(Same())(Photo(pixels=np.full((4, 4, 3), 3, np.float32), bits=32))
    assert found.pixels.max() == 1


@settings(max_examples=60, deadline=None)
@given(
    st.integers(1, 40), st.integers(1, 40), st.integers(10, 200), st.integers(0, 60), st.sampled_from([1, 4, 8])
)  # fmt: skip
def test_tiles_cover_all_in_multiples_and_join_to_the_same(rows, columns, side_px, overlap_px, multiple_of):
    height, width = rows * multiple_of, columns * multiple_of
    tiles = tiles_of(height, width, side_px=side_px, overlap_px=overlap_px, multiple_of=multiple_of)
    picture = torch.rand(1, 3, height, width)
    joined = Joined(height, width, overlap_px=overlap_px)
    for tile in tiles:
        for span, length in ((tile.rows, height), (tile.columns, width)):
            assert 0 <= span.start < span.stop <= length
            assert span.start % multiple_of == span.stop % multiple_of == 0
        joined.add(tile, picture[:, :, tile.rows, tile.columns])
    torch.testing.assert_close(joined.picture(), picture)


NORMS = {
    "none": list,
    "instance": lambda: [InstanceNorm() for _ in range(3)],
    "affine": lambda: [InstanceNorm(3, eps=1e-3) for _ in range(3)],
    "sum": lambda: [InstanceNorm(by_sum=True) for _ in range(3)],
    "batch": lambda: [PictureBatchNorm(3, own_statistics=True) for _ in range(3)],
}


@pytest.mark.parametrize("kind", NORMS)
def test_tiles_leave_no_seams_also_where_a_norm_sees_the_whole(kind):
    network = Blur(*NORMS[kind]())
    # A picture whose halves differ, so that a tile's own mean is not that of the whole.
    pixels = photo(256, 320).pixels * np.linspace(0.1, 1, 320, dtype=np.float32)[:, None]
    whole = runs(network)(Photo(pixels=pixels)).pixels
    tiled = runs(network, whole_px=320 * 256 - 1, tile_px=128, overlap_px=48)(Photo(pixels=pixels)).pixels
    assert np.abs(tiled - whole).max() < 1 / 255
    if kind != "none":
        # The statistics themselves came from a picture a little smaller, and no tile's own would do.
        alone = runs(network)(Photo(pixels=pixels[:, :128])).pixels
        assert np.abs(alone - whole[:, :128])[:, :80].max() > (1e-4 if kind == "sum" else 2 / 255)


def test_a_module_called_twice_recalls_each_call():
    class Twice(nn.Module):
        def __init__(self):
            super().__init__()
            self.statistics = Statistics()

        def forward(self, picture):
            first, _ = self.statistics(picture)
            second, _ = self.statistics(picture * 0.5)
            return picture * 0 + first - second

    pixels = photo(64, 64).pixels
    pixels[:, 32:] = 1
    tiled = runs(Twice(), whole_px=64 * 64 - 1, tile_px=32, overlap_px=8)(Photo(pixels=pixels)).pixels
    np.testing.assert_allclose(tiled, np.broadcast_to(pixels.mean((0, 1)) / 2, tiled.shape), atol=5e-3)


def test_lack_of_memory_is_one_line_that_says_what_to_change():
    class Full(nn.Module):
        def forward(self, picture):
            raise RuntimeError(
                "[enforce fail at alloc_cpu.cpp:118] DefaultCPUAllocator: can't allocate memory: 9 bytes"
            )

    with pytest.raises(RequestError, match="mine needs more memory for 47x61; make the photo smaller") as error:
        runs(Full())(photo())
    assert "\n" not in str(error.value)


def test_other_faults_are_not_taken_for_lack_of_memory():
    class Wrong(nn.Module):
        def forward(self, picture):
            raise RuntimeError("shapes differ")

    with pytest.raises(RuntimeError, match="shapes differ"):
        runs(Wrong())(photo())


def test_a_device_that_is_not_there_is_refused():
    with pytest.raises(RequestError, match=r"there is no device .tpu. here"):
        runs(Same(), device="tpu")


def test_bfloat16_changes_a_few_levels_at_most():
    torch.manual_seed(0)
    network = nn.Sequential(nn.Conv2d(3, 16, 3, 1, 1), nn.ReLU(), nn.Conv2d(16, 3, 3, 1, 1), nn.Sigmoid())
    found = {kind: runs(network, precision=kind)(photo()).pixels for kind in ("float32", "bfloat16")}
    difference = np.abs(found["bfloat16"] - found["float32"]).max()
    assert 0 < difference < 2 / 255


def test_the_same_photo_gives_the_same_bytes():
    network = Blur(*NORMS["affine"]())
    renderer = runs(network, whole_px=1000, tile_px=32, overlap_px=8)
    assert renderer(photo()).pixels.tobytes() == renderer(photo()).pixels.tobytes()
