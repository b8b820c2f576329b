"""The organiser's link: one key, one token, and nobody else's."""

import stat
import sys

import pytest

from wideopen.challenge.links import Links
from wideopen.errors import RequestError


def test_only_the_organisers_token_is_the_organisers(tmp_path):
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
    one, two = Links(tmp_path / "one"), Links(tmp_path / "two")
    token = one.organiser_token()
    assert token == Links(tmp_path / "one").organiser_token()
    assert len(token) == 43
    for wrong in ("", token[:-1], f"{token}=", token.swapcase(), two.organiser_token(), "\udcff", "x" * 100_000):
        assert not one.is_organiser(wrong)


@pytest.mark.skipif(sys.platform == "win32", reason="permissions of POSIX")
def test_the_key_is_for_its_owner_alone(tmp_path):
    Links(tmp_path)
    assert stat.S_IMODE((tmp_path / "key").stat().st_mode) == 0o600
    assert [each.name for each in tmp_path.iterdir()] == ["key"]


@pytest.mark.parametrize("text", ["", "no key", "00" * 31, "00" * 33])
def test_a_spoilt_key_is_told(tmp_path, text):
    (tmp_path / "key").write_text(text)
    with pytest.raises(RequestError, match="is no key of 32 bytes"):
        Links(tmp_path)


def test_a_key_that_cannot_be_made_is_told(tmp_path):
    with pytest.raises(RequestError, match="cannot be read or made"):
        Links(tmp_path / "none")
