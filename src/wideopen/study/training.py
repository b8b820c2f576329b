"""Training: a few clear examples before the first answer that counts."""

from dataclasses import dataclass

from wideopen.study.plan import Study
from wideopen.study.vote import Kind

_EXPECTED: dict[Kind, tuple[tuple[int, ...], str]] = {
    "reference": ((5,), "This is the camera's own photo a second time: nothing sets the two apart."),
    "anchor": ((1, 2, 3), "Here everything is blurred, the subject too, which is sharp in the camera's photo."),
    "input": ((1, 2, 3), "Here everything is sharp: the blur of the camera's photo is missing."),
}


@dataclass(frozen=True)
class Example:
    """A picture whose answer is plain."""

    picture: str
    method: str
    expected: tuple[int, ...]
    """Levels that are right."""
    explanation: str


def training_of(study: Study) -> tuple[Example, ...]:
    """Choose the examples: of each kind of trap one; nothing that a contestant made is seen in training.

    A study without traps has none.
    """
    examples: list[Example] = []
    for kind, (expected, explanation) in _EXPECTED.items():
        method = next((name for name, its in study.methods.items() if its == kind), None)
        if method is not None and study.pictures:
            picture = study.pictures[(study.seed + len(examples)) % len(study.pictures)]
            examples.append(Example(picture, method, expected, explanation))
    return tuple(examples)
