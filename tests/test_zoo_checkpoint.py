"""Checkpoints: what is saved comes back, with its record; what does not fit or is no mere tensors is refused."""

import json

import numpy as np
import pytest
from PIL import Image

from wideopen.errors import RequestError

torch = pytest.importorskip("torch")
from safetensors.torch import save_file  # noqa: E402

from wideopen.zoo import checkpoint  # noqa: E402
from wideopen.zoo.catalog import solution  # noqa: E402
from wideopen.zoo.checkpoint import Record, load, read_record, read_tensors, save  # noqa: E402


@pytest.fixture
def network():
    torch.manual_seed(3)
    return solution("cet-ece").build()


RECORD = Record(
    solution="cet-ece", step=12, recipe="mine", data="EBB!", seed=4, commit="abc", command="train", licence="MIT"
)


def test_weights_and_record_come_back(network, tmp_path):
    path = save(network, tmp_path / "new" / "a.safetensors", RECORD)
    found, again, record = load(path)
    assert (found.name, record) == ("cet-ece", RECORD)
    for name, tensor in network.state_dict().items():
        assert torch.equal(again.state_dict()[name], tensor)
    assert [each.name for each in path.parent.iterdir()] == ["a.safetensors"]


def test_the_same_weights_give_the_same_bytes(network, tmp_path):
    one, two = (save(network, tmp_path / f"{name}.safetensors", RECORD) for name in "ab")
    assert one.read_bytes() == two.read_bytes()


def test_a_checkpoint_is_not_written_over_unless_asked(network, tmp_path):
    path = save(network, tmp_path / "a.safetensors", RECORD)
    before = path.read_bytes()
    with pytest.raises(RequestError, match="is there already"):
        save(network, path, RECORD)
    assert path.read_bytes() == before
    save(network, path, Record(solution="cet-ece"), overwrite=True)
    assert read_record(path).step == 0


def test_a_full_disk_leaves_what_was_there(network, tmp_path, monkeypatch):
    path = save(network, tmp_path / "a.safetensors", RECORD)
    before = path.read_bytes()

    def full(self, data):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("pathlib.Path.write_bytes", full)
    with pytest.raises(RequestError, match="No space left on device"):
        save(network, path, RECORD, overwrite=True)
    assert path.read_bytes() == before
    assert [each.name for each in tmp_path.iterdir()] == ["a.safetensors"]


def test_a_record_of_a_later_version_is_read():
    assert Record.from_json(json.dumps({"solution": "pynet", "invented": 1})) == Record(solution="pynet")


@pytest.mark.parametrize("name", ["a.pth", "a"])
def test_checkpoints_end_in_safetensors(network, tmp_path, name):
    with pytest.raises(RequestError, match=r"does not end in \.safetensors"):
        save(network, tmp_path / name, RECORD)


def test_what_is_no_checkpoint_is_refused_in_one_line(network, tmp_path):
    save_file(network.state_dict(), tmp_path / "bare.safetensors")
    save_file(network.state_dict(), tmp_path / "odd.safetensors", {checkpoint.HEADER: "[1"})
    save_file(network.state_dict(), tmp_path / "who.safetensors", {checkpoint.HEADER: '{"solution": "cet-ecee"}'})
    (tmp_path / "text.safetensors").write_text("hello")
    said = {
        "bare": "does not say which solution", "odd": "header that cannot be read", "who": "did you mean cet-ece",
        "text": "no safetensors file", "none": "there is no file",
    }  # fmt: skip
    for name, words in said.items():
        with pytest.raises(RequestError, match=words) as error:
            load(tmp_path / f"{name}.safetensors")
        assert "\n" not in str(error.value)


def test_weights_of_another_solution_are_refused_and_the_first_misfit_is_named(network, tmp_path):
    path = save(network, tmp_path / "a.safetensors", Record(solution="cet21-cv"))
    with pytest.raises(RequestError, match=r"a\.safetensors for cet21-cv: \d+ weights are missing, .* left over"):
        load(path)
    state = network.state_dict()
    name = next(iter(state))
    state[name] = torch.zeros(1)
    save_file(state, tmp_path / "b.safetensors", {checkpoint.HEADER: RECORD.to_json()})
    with pytest.raises(RequestError, match=f"1 have another shape, the first is {name}"):
        load(tmp_path / "b.safetensors")


class Mischief:
    def __reduce__(self):
        return (print, ("ran",))


@pytest.mark.parametrize("wrapped", [False, True], ids=["bare", "wrapped"])
def test_a_pickle_that_is_more_than_tensors_is_not_opened(tmp_path, capsys, wrapped):
    torch.save({"net": {"a": torch.zeros(1)}, "more": Mischief()} if wrapped else Mischief(), tmp_path / "a.pth")
    with pytest.raises(RequestError, match="no file of tensors alone") as error:
        read_tensors(tmp_path / "a.pth")
    assert "\n" not in str(error.value)
    assert capsys.readouterr().out == ""


def test_tensors_are_read_from_every_kind_of_file(tmp_path):
    h5py = pytest.importorskip("h5py")
    values = np.arange(6, dtype=np.float32).reshape(2, 3)
    torch.save({"net": {"module.layer.kernel": torch.from_numpy(values)}}, tmp_path / "a.pth")
    np.savez(tmp_path / "a.npz", **{"layer.kernel": values})
    save_file({"layer.kernel": torch.from_numpy(values)}, tmp_path / "a.safetensors")
    with h5py.File(tmp_path / "a.h5", "w") as file:
        file["layer.kernel:0"] = values
    for suffix in ("pth", "npz", "safetensors", "h5"):
        found = read_tensors(tmp_path / f"a.{suffix}")
        assert list(found) == ["layer.kernel"], suffix
        assert np.array_equal(found["layer.kernel"].numpy(), values)


@pytest.mark.parametrize("suffix", ["pth", "npz", "safetensors", "h5"])
def test_broken_files_are_refused_in_one_line(tmp_path, suffix):
    if suffix == "h5":
        pytest.importorskip("h5py")
    path = tmp_path / f"a.{suffix}"
    path.write_bytes(b"nothing of the kind")
    with pytest.raises(RequestError, match=f"a.{suffix}") as error:
        read_tensors(path)
    assert "\n" not in str(error.value)


def test_a_photo_is_rendered_by_a_checkpoint(wideopen, network, tmp_path):
    save(network, tmp_path / "mine.safetensors", RECORD)
    Image.fromarray(np.random.default_rng(0).integers(0, 256, (61, 47, 3), np.uint8)).save(tmp_path / "a.png")
    words = ("render", "a.png", "--with", "mine.safetensors", "--json")
    code, out, err = wideopen(*words, "-o", "b.png")
    assert (code, err) == (0, "")
    told = json.loads(out)
    assert (told["renderer"], told["width"], told["height"]) == ("mine.safetensors", 47, 61)
    with Image.open(tmp_path / "b.png") as saved:
        assert saved.size == (47, 61)
    assert wideopen(*words, "-o", "c.png", "--precision", "float32")[0] == 0
    assert (tmp_path / "b.png").read_bytes() != b""


def test_what_a_network_cannot_do_is_bad_usage(wideopen, network, tmp_path):
    save(network, tmp_path / "mine.safetensors", RECORD)
    Image.new("RGB", (9, 9)).save(tmp_path / "a.png")
    for words, said in (
        (("mine.safetensors", "--blades", "6"), "--blades is for the lens"),
        (("airia-bokeh",), "no weights of it"),
        (("nothing",), "there is no renderer 'nothing'"),
        (("none.safetensors",), "there is no file none.safetensors"),
        (("mine.safetensors", "--device", "tpu"), "there is no device 'tpu'"),
    ):
        code, _, err = wideopen("render", "a.png", "--with", *words)
        assert code == 2, words
        assert said in err
        assert len(err.strip().splitlines()) == 1
