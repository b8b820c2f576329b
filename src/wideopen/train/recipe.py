"""Recipe: how a solution is learned, stage by stage, as data that says where each number comes from."""

import json
from dataclasses import asdict, dataclass, field, is_dataclass, replace
from typing import Any, Literal, get_args, get_type_hints

from wideopen.errors import RequestError
from wideopen.typed import made, unknown

Grade = Literal["report", "code", "guess", "user"]
"""Of a number: the report says it, the authors' published code has it, it was chosen here, or by whoever trains."""


@dataclass(frozen=True)
class Term:
    """A loss and what it weighs."""

    loss: str
    """Of `wideopen.train.losses.LOSSES`."""
    weight: float = 1.0


@dataclass(frozen=True)
class Adversary:
    """Critics that a network learns against by WGAN-GP."""

    weight: float = 1.0
    """Of what the critics say, in the network's loss."""
    rate: float = 1e-5
    betas: tuple[float, float] = (0.0, 0.9)
    penalty: float = 10.0
    """Of the gradient's norm that is not 1."""
    constrained: bool = False
    """Bound the critics' weights after each step, as the published code of BG-Net does beside the penalty."""
    penalty_of_sum: bool = False
    """Take the gradient of the sum over a critic's map, as that code does; else of its mean, which is the score."""


@dataclass(frozen=True)
class Stage:
    """One part of learning: what learns, from what, by what loss, how long."""

    name: str
    losses: tuple[Term, ...]
    learns: tuple[str, ...] = ("",)
    """Beginnings of the names of the parameters that learn; the empty one is all."""
    view: str = "picture"
    """Which of the network's pictures is judged, of `wideopen.train.views.VIEWS`."""
    crop_px: tuple[int, int] = (256, 256)
    """Height and width of the samples."""
    scale: float = 1.0
    """Pictures are shrunk to this share before they are cropped."""
    flips: bool = True
    vertical_flips: bool = False
    rot90: bool = False
    batch: int = 8
    """Of all processes together."""
    rate: float = 1e-4
    betas: tuple[float, float] = (0.9, 0.999)
    decay: tuple[tuple[float, float], ...] = ()
    """From which share of the stage on the rate is its first one times what: ``((0.8, 0.1),)``."""
    epochs: float | None = None
    steps: int | None = None
    """Length of the stage, one of both."""
    adversary: Adversary | None = None
    average: float | None = None
    """Decay of an exponential mean of the weights, which is what is validated and kept."""
    most_gradient: float | None = None
    """Norm that gradients are clipped to."""
    evidence: dict[str, Grade] = field(default_factory=dict)
    """Of each number that is not told here, it was chosen here."""

    def grade(self, name: str) -> Grade:
        """Where a field comes from."""
        return self.evidence.get(name, "guess")


@dataclass(frozen=True)
class Recipe:
    """How a solution is learned."""

    solution: str
    stages: tuple[Stage, ...]
    section: str = ""
    """Of the challenge's report."""
    note: str = ""

    def to_json(self) -> str:
        """As text that `from_json` reads."""
        return json.dumps(asdict(self), indent=1)

    @classmethod
    def from_json(cls, text: str) -> "Recipe":
        """Read a recipe.

        Raises:
            RequestError: If a key is unknown or a value of the wrong type; it says which.
        """
        try:
            found = json.loads(text)
        except ValueError as error:
            raise RequestError(f"the recipe is no JSON ({error})") from error
        return made(cls, found.get("recipe", found) if isinstance(found, dict) else found, "recipe")

    def with_setting(self, setting: str) -> "Recipe":
        """Override one value: ``stages.0.rate=5e-5``, ``stages.2.losses.0.weight=1``.

        Raises:
            RequestError: If the key is unknown or the value of the wrong type.
        """
        path, equals, text = setting.partition("=")
        if not equals:
            raise RequestError(f"--set {setting} has no value; write for example --set stages.0.rate=5e-5")
        try:
            value = json.loads(text)
        except ValueError:
            value = text
        return _with(self, Recipe, path.split("."), value, f"--set {setting}")

    def shortened(self, steps: int) -> "Recipe":
        """Cap every stage."""
        return replace(
            self,
            stages=tuple(replace(stage, steps=min(steps, stage.steps or steps), epochs=None) for stage in self.stages),
        )


def _with(thing: Any, kind: Any, path: list[str], value: Any, where: str) -> Any:  # noqa: ANN401
    """Change one value inside a thing of a kind."""
    if not path:
        return made(kind, value, where)
    key, *rest = path
    if isinstance(thing, tuple):
        if not (key.isascii() and key.isdigit()) or int(key) >= len(thing):
            raise RequestError(f"{where}: there is no number {key} of {len(thing)}, counted from 0")
        k, kinds = int(key), get_args(kind)
        inner = kinds[0] if kinds[-1] is ... else kinds[k]
        return (*thing[:k], _with(thing[k], inner, rest, value, where), *thing[k + 1 :])
    if not is_dataclass(thing):
        raise RequestError(f"{where}: {key} belongs to nothing that is there")
    hints = get_type_hints(type(thing))
    if key not in hints:
        raise RequestError(f"{where}: {unknown(key, hints)}")
    changes = {key: _with(getattr(thing, key), hints[key], rest, value, where)}
    if isinstance(thing, Stage):
        # A stage has one length, and the number is no longer of whom it was.
        changes |= {"steps": {"epochs": None}, "epochs": {"steps": None}}.get(key, {}) if value is not None else {}
        changes["evidence"] = {**thing.evidence, key: "user"}
    return replace(thing, **changes)  # type: ignore[type-var]
