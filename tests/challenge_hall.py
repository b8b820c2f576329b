"""A challenge with truth in it, and submissions of every kind, for the tests of workers."""

import hashlib
import zipfile

import numpy as np

from challenge_folder import Clock, plan_of
from wideopen import Photo
from wideopen.challenge.files import Files
from wideopen.challenge.plan import Limits, write_plan
from wideopen.challenge.sheet import FactSheet
from wideopen.challenge.store import Upload, open_store

SIZE = (64, 48)
NAMES = ("1", "2", "10")
LIMITS = Limits(seconds=120, memory_mb=4000)
SHEET = FactSheet("ours", authors="A. Author", framework="PyTorch 2.9", hardware="1 GPU")


def photo_of(seed, size=SIZE):
    """Something smooth, so that pictures compress."""
    waves = np.random.default_rng(seed).uniform(0.5, 4, (3, 3))
    width, height = size
    rows, columns = np.linspace(0, 1, height)[:, None], np.linspace(0, 1, width)[None, :]
    channels = [0.5 + 0.4 * np.sin(a * rows + b * columns + c) * np.cos(b * rows) for a, b, c in 3 * waves]
    return Photo(pixels=np.stack(channels, -1).astype(np.float32))


class Hall:
    """A challenge, its store by a clock that stands, and its files."""

    def __init__(self, folder, database=None, **others):
        self.folder, self.clock, self.teams = folder, Clock(), 0
        folder.mkdir(exist_ok=True)
        write_plan(plan_of(**others), folder)
        for part in ("val", "test"):
            for kind, shift in (("original", 0), ("bokeh", 100)):
                place = folder / "hidden" / part / kind
                place.mkdir(parents=True)
                for number, name in enumerate(NAMES):
                    photo_of(number + shift).save(place / f"{name}.png")
        self.store = open_store(folder, database, clock=self.clock)
        self.files = Files(folder / "files")

    def submit(self, path, kind="pictures", *, track="cpu", sheet=SHEET):
        """Submit as the server does, but for its look at the file, by a new team; gives the submission's number."""
        content = path.read_bytes()
        digest = hashlib.sha256(content).hexdigest()
        key = f"uploads/{digest[:32]}{path.suffix}"
        if not self.files.has(key):
            self.files.put(key, path)
        phase = self.store.plan.phase("test" if kind == "model" else "validation")
        if not phase.is_open(self.clock()):
            self.clock.go_on(days=10)
        self.teams += 1
        team = self.store.add_team(f"Team {self.teams}")[0].id
        upload = Upload(key, path.name, len(content), digest)
        return self.store.submit(team, phase.name, track, kind, upload, sheet, request="1").id

    def state(self, number):
        """Find a submission as it is now."""
        return self.store.submission(number)

    def truth(self, part="val"):
        """Where the pairs of a part are."""
        return self.folder / "hidden" / part


def zip_of(path, folder, **changed):
    """Zip the pictures of a folder; ``p2`` stands in for that of the pair 2."""
    with zipfile.ZipFile(path, "w") as archive:
        for file in sorted(folder.iterdir()):
            archive.write(changed.get(f"p{file.stem}", file), file.name)
    return path


def onnx_of(path, nodes, tensors):
    """Write an ONNX file of another's making: a picture in, a picture out."""
    from onnx import TensorProto, helper, save

    shape = [1, SIZE[1], SIZE[0], 3]
    ports = [helper.make_tensor_value_info(name, TensorProto.FLOAT, shape) for name in ("picture", "bokeh")]
    graph = helper.make_graph(nodes, "ours", ports[:1], ports[1:], initializer=tensors)
    save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8), path)
    return path


def darkening(path):
    """A model that halves all."""
    from onnx import TensorProto, helper

    half = helper.make_tensor("half", TensorProto.FLOAT, [1], [0.5])
    return onnx_of(path, [helper.make_node("Mul", ["picture", "half"], ["bokeh"])], [half])


def endless(path):
    """A model that loops for as long as anybody lets it."""
    from onnx import TensorProto, helper

    given = (("count", TensorProto.INT64, []), ("go", TensorProto.BOOL, []), ("before", TensorProto.FLOAT, None))
    made = (("go_on", TensorProto.BOOL, []), ("after", TensorProto.FLOAT, None))
    body = helper.make_graph(
        [helper.make_node("Identity", ["go"], ["go_on"]), helper.make_node("Sin", ["before"], ["after"])],
        "body",
        *([helper.make_tensor_value_info(*each) for each in ports] for ports in (given, made)),
    )
    tensors = [
        helper.make_tensor("trips", TensorProto.INT64, [], [2**62]),
        helper.make_tensor("yes", TensorProto.BOOL, [], [True]),
    ]
    return onnx_of(path, [helper.make_node("Loop", ["trips", "yes", "picture"], ["bokeh"], body=body)], tensors)


def hungry(path):
    """A model that asks for 50 GB."""
    from onnx import TensorProto, helper

    shape = helper.make_tensor("shape", TensorProto.INT64, [1], [12_500_000_000])
    nodes = [
        helper.make_node("ConstantOfShape", ["shape"], ["many"]),
        helper.make_node("ReduceMax", ["many"], ["most"], keepdims=0),
        helper.make_node("Add", ["picture", "most"], ["bokeh"]),
    ]
    return onnx_of(path, nodes, [shape])
