import io
import struct

import imagecodecs
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import ImageCms

from wideopen.photo.profile import curves_of, from_linear, to_linear

P3 = ((0.51512, 0.2412, -0.00105), (0.29198, 0.69225, 0.04189), (0.1571, 0.06657, 0.78407))
ADOBE_RGB = ((0.60974, 0.31111, 0.01947), (0.20528, 0.62567, 0.06087), (0.14919, 0.06322, 0.74457))


def fixed(number):
    return struct.pack(">l", round(number * 65536))


def xyz(*numbers):
    return b"XYZ \0\0\0\0" + b"".join(map(fixed, numbers))


def curv(*entries):
    return b"curv\0\0\0\0" + struct.pack(f">L{len(entries)}H", len(entries), *entries)


def para(kind, *numbers):
    return b"para\0\0\0\0" + struct.pack(">HH", kind, 0) + b"".join(map(fixed, numbers))


def text(words):
    return b"mluc\0\0\0\0" + struct.pack(">LL4sLL", 1, 12, b"enUS", 2 * len(words), 28) + words.encode("utf-16-be")


def profile(*curves, primaries=P3, space=b"RGB "):
    """Build an ICC profile by hand, from its curve tags."""
    tags = {b"desc": text("made here"), b"cprt": text("none"), b"wtpt": xyz(0.9642, 1, 0.8249)}
    if space == b"GRAY":
        tags[b"kTRC"] = curves[0]
    else:
        for letter, primary, curve in zip(b"rgb", primaries, curves, strict=True):
            tags[bytes([letter]) + b"XYZ"] = xyz(*primary)
            tags[bytes([letter]) + b"TRC"] = curve
    table, body = b"", b""
    for name, tag in tags.items():
        table += name + struct.pack(">LL", 132 + 12 * len(tags) + len(body), len(tag))
        body += tag + bytes(-len(tag) % 4)
    head = struct.pack(">L4sL4s4s4s6H4s", 132 + len(table) + len(body), b"none", 0x04200000, b"mntr", space,
                       b"XYZ ", 2024, 1, 1, 0, 0, 0, b"acsp")  # fmt: skip
    head = head.ljust(68, b"\0") + b"".join(map(fixed, (0.9642, 1, 0.8249)))
    return head.ljust(128, b"\0") + struct.pack(">L", len(tags)) + table + body


SRGB_PARAMETERS = (2.4, 1 / 1.055, 0.055 / 1.055, 1 / 12.92, 0.04045)
GAMMA_SAMPLES = tuple(round(65535 * (index / 1023) ** 2.2) for index in range(1024))
CURVES = {
    "identity": curv(),
    "gamma 1.8": curv(round(1.8 * 256)),
    "gamma 2.2 (Adobe RGB)": curv(563),
    "1024 samples": curv(*GAMMA_SAMPLES),
    "two samples": curv(0, 65535),
    "gamma 2.2, type 0": para(0, 2.2),
    "type 1": para(1, 2.2, 0.9, 0.1),
    "type 2": para(2, 2.2, 0.9, 0.05, 0.05),
    "sRGB, type 3": para(3, *SRGB_PARAMETERS),
    "type 4": para(4, 2.2, 0.9, 0.08, ((0.9 * 0.04 + 0.08) ** 2.2 + 1 / 128) / 0.04, 0.04, 1 / 128, 0.0),
}


def all_bytes():
    step = np.arange(256, dtype=np.float32) / np.float32(255)
    return np.stack([step, step, step], axis=-1)[None]


def all_shorts():
    step = np.arange(65536, dtype=np.float32) / np.float32(65535)
    return np.stack([step, step, step], axis=-1)[None]


def srgb_by_the_standard(encoded):
    encoded = encoded.astype(np.float64)
    return np.where(encoded <= 0.04045, encoded / 12.92, ((encoded + 0.055) / 1.055) ** 2.4)


def test_srgb_is_the_exact_curve_of_the_standard():
    assert np.abs(to_linear(all_shorts(), None) - srgb_by_the_standard(all_shorts())).max() < 2e-7


def test_srgb_encodes_within_a_quarter_step_of_16_bits():
    linear = np.random.default_rng(0).random((64, 1024, 3), dtype=np.float32) ** 3
    exact = np.where(
        linear <= 0.0031308, 12.92 * linear.astype(np.float64), 1.055 * linear.astype(np.float64) ** (1 / 2.4) - 0.055
    )
    assert np.abs(from_linear(linear, None) - exact).max() < 0.25 / 65535


def test_known_numbers_of_srgb():
    assert to_linear(np.float32([[188 / 255]]), None)[0, 0] == pytest.approx(0.50289, abs=1e-5)
    assert from_linear(np.float32([[0.18]]), None)[0, 0] == pytest.approx(0.46135, abs=1e-5)


@pytest.mark.parametrize("name", CURVES)
@pytest.mark.parametrize("primaries", [P3, ADOBE_RGB], ids=["Display P3", "Adobe RGB"])
def test_a_profile_is_linearised_as_littlecms_does(name, primaries):
    icc = profile(*[CURVES[name]] * 3, primaries=primaries)
    linear_icc = profile(*[curv()] * 3, primaries=primaries)
    ImageCms.ImageCmsProfile(io.BytesIO(icc))  # refuses what is no profile
    theirs = imagecodecs.cms_transform(
        all_bytes(), icc, linear_icc, colorspace="rgb", outcolorspace="rgb", outdtype="f4", intent=1
    )
    tolerance = 1.5 / 65535 if name == "1024 samples" else 1e-6
    assert np.abs(to_linear(all_bytes(), icc) - theirs).max() < tolerance


def test_each_channel_has_its_own_curve():
    pixels = np.full((1, 1, 3), 0.5, np.float32)
    icc = profile(para(0, 1.0), para(0, 2.0), para(0, 3.0))
    assert to_linear(pixels, icc)[0, 0] == pytest.approx([0.5, 0.25, 0.125], abs=1e-6)
    assert from_linear(to_linear(pixels, icc), icc) == pytest.approx(pixels, abs=1e-6)


def test_a_grey_profile_serves_all_channels():
    icc = profile(para(0, 2.0), space=b"GRAY")
    assert to_linear(np.full((1, 1, 3), 0.5, np.float32), icc)[0, 0] == pytest.approx([0.25] * 3, abs=1e-6)
    assert to_linear(np.full((1, 1, 1), 0.5, np.float32), icc)[0, 0, 0] == pytest.approx(0.25, abs=1e-6)


@pytest.mark.parametrize("name", CURVES)
def test_every_sample_of_16_bits_comes_back(name):
    icc = profile(*[CURVES[name]] * 3)
    back = from_linear(to_linear(all_shorts(), icc), icc)
    assert np.abs(back - all_shorts()).max() < 1e-5
    assert np.array_equal(np.rint(back * 65535), np.rint(all_shorts() * 65535))


@settings(max_examples=60, deadline=None)
@given(
    gamma=st.floats(1.0, 3.0),
    offset=st.floats(0.0, 0.1),
    values=st.lists(st.floats(0, 1, width=32), min_size=3, max_size=60),
)
def test_any_gamma_comes_back(gamma, offset, values):
    icc = profile(*[para(1, gamma, 1 - offset, offset)] * 3)
    pixels = np.float32(values[: len(values) // 3 * 3]).reshape(1, -1, 3)
    assert np.abs(from_linear(to_linear(pixels, icc), icc) - pixels).max() < 1e-5


@settings(max_examples=40, deadline=None)
@given(gamma=st.floats(1.0, 3.0), count=st.sampled_from([2, 3, 16, 256, 1024, 4096]))
def test_any_sampled_gamma_comes_back(gamma, count):
    samples = [round(65535 * (index / (count - 1)) ** gamma) for index in range(count)]
    icc = profile(*[curv(*samples)] * 3)
    assert np.abs(from_linear(to_linear(all_bytes(), icc), icc) - all_bytes()).max() < 1e-5


@pytest.mark.parametrize("name", CURVES)
def test_values_above_one_survive(name):
    icc = profile(*[CURVES[name]] * 3)
    bright = np.float32([[[1.0, 1.5, 40.0]]])
    linear = to_linear(bright, icc)
    assert (np.diff(linear[0, 0]) > 0).all()
    assert from_linear(linear, icc) == pytest.approx(bright, rel=1e-5)


@pytest.mark.parametrize("icc", [None, profile(*[curv(*GAMMA_SAMPLES)] * 3), profile(*[curv(563)] * 3)])
def test_black_and_white_stay_exactly_so(icc):
    ends = np.float32([[[0, 1, 0]]])
    assert np.array_equal(to_linear(ends, icc), ends)
    assert np.array_equal(from_linear(ends, icc), ends)


def test_nothing_comes_out_above_white_or_out_of_order():
    linear = np.linspace(0, 1, 3 * 2**18, dtype=np.float32).reshape(1, -1, 3)
    encoded = from_linear(linear, None).reshape(-1)
    assert encoded.max() == 1
    assert (np.diff(encoded) >= -1e-7).all()


def test_below_zero_counts_as_zero():
    assert np.array_equal(from_linear(np.float32([[[-1e-8, -1, 0]]]), None), np.zeros((1, 1, 3), np.float32))


LOOK_UP_TABLES_ONLY = profile(curv(), curv(), curv()).replace(b"rTRC", b"A2B0").replace(b"gTRC", b"A2B1")


@pytest.mark.parametrize(
    "icc",
    [
        b"",
        b"no profile",
        profile(*[curv(563)] * 3)[:150],
        LOOK_UP_TABLES_ONLY,
        profile(*[curv(5, 5, 5)] * 3),
        profile(*[curv(0)] * 3),
        profile(*[para(0, -1)] * 3),
        profile(*[para(9, 1)] * 3),
        profile(*[b"curv\0\0\0\0\0\0\xff\xff\0\0"] * 3),
        profile(*[b"para"] * 3),
    ],
)
def test_what_has_no_usable_curve_counts_as_srgb(icc):
    assert curves_of(icc) == curves_of(None)


def test_a_falling_sample_is_ironed_out():
    icc = profile(*[curv(0, 30000, 20000, 65535)] * 3)
    linear = to_linear(all_bytes(), icc)[0, :, 0]
    assert (np.diff(linear) > 0).all()


def test_pixels_that_are_not_contiguous_are_read_right():
    pixels = np.random.default_rng(0).random((6, 8, 3), dtype=np.float32)
    turned = pixels.swapaxes(0, 1)[::-1]
    assert np.array_equal(to_linear(turned, None), to_linear(np.ascontiguousarray(turned), None))
