"""Links: what was not signed here opens nothing."""

import os

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from wideopen.errors import RequestError
from wideopen.study.links import KEY, Links

ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_."


@pytest.fixture
def links(tmp_path):
    return Links(tmp_path)


def test_a_token_names_its_rater(links, tmp_path):
    token = links.rater_token("0123abcd")
    assert links.rater(token) == "0123abcd"
    assert Links(tmp_path).rater(token) == "0123abcd", "the key is kept"
    assert set(token) <= set(ALPHABET)
    assert links.is_organiser(links.organiser_token())


def test_tokens_of_others_open_nothing(links, tmp_path):
    (tmp_path / "other").mkdir()
    other = Links(tmp_path / "other")
    assert links.rater(other.rater_token("0123abcd")) is None
    assert not links.is_organiser(other.organiser_token())


def test_one_role_is_not_the_other(links):
    assert links.rater(links.organiser_token()) is None
    assert not links.is_organiser(links.rater_token("organiser"))


@settings(max_examples=300)
@given(st.data())
def test_every_change_is_noticed(tmp_path_factory, data):
    links = Links(tmp_path_factory.getbasetemp())
    token = links.rater_token("0123abcd")
    place = data.draw(st.integers(0, len(token) - 1))
    changed = token[:place] + data.draw(st.sampled_from(["", *ALPHABET])) + token[place + 1 :]
    assert links.rater(changed) == ("0123abcd" if changed == token else None)


@pytest.mark.parametrize("place", [-1, -2])
def test_another_spelling_of_the_same_bytes_is_refused(links, place):
    token = links.rater_token("0123abcd")
    spelt = [token[:place] + letter + token[len(token) + place + 1 :] for letter in ALPHABET]
    assert [each for each in spelt if links.rater(each)] == [token]


@settings(max_examples=200)
@given(st.text(max_size=300))
def test_noise_is_refused(tmp_path_factory, noise):
    links = Links(tmp_path_factory.getbasetemp())
    assert links.rater(noise) is None
    assert not links.is_organiser(noise)


@pytest.mark.skipif(os.name == "nt", reason="files have no such modes there")
def test_the_key_is_its_owners_alone(links, tmp_path):
    assert (tmp_path / KEY).stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize("content", ["", "ab", "no hexadecimal " * 5, "ab" * 31])
def test_a_broken_key_is_refused(tmp_path, content, monkeypatch):
    monkeypatch.setattr("time.sleep", lambda seconds: None)
    (tmp_path / KEY).write_text(content)
    with pytest.raises(RequestError, match="no key of 32 bytes") as error:
        Links(tmp_path)
    assert "\n" not in str(error.value)
    assert (tmp_path / KEY).read_text() == content


def test_a_folder_that_is_not_there_is_refused(tmp_path):
    with pytest.raises(RequestError, match="cannot be written"):
        Links(tmp_path / "nowhere")
