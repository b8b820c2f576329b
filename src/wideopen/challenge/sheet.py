"""FactSheet: what a team says of its method, as the report's tables and footnotes show it."""

import json
from dataclasses import asdict, dataclass, fields
from typing import Any

from wideopen.errors import RequestError
from wideopen.typed import made

MOST_LETTERS = 20_000
"""Of the whole sheet as JSON."""
MOST_LINE = 200


@dataclass(frozen=True)
class FactSheet:
    """Facts about a method. Texts are plain: whatever is in them is shown as it stands."""

    method: str
    """Its name."""
    authors: str = ""
    affiliation: str = ""
    framework: str = ""
    """As ``PyTorch 2.9``."""
    hardware: str = ""
    """That it was trained on."""
    parameters: int | None = None
    extra_data: str = ""
    """Beyond that of the challenge; empty for none."""
    precomputed_depth: bool = False
    """Whether it needs depth maps, or other guides, that were computed before and are not part of what is run."""
    runtime_s: float | None = None
    """By the team's own measurement."""
    runtime_device: str = ""
    code: str = ""
    """Where it is published."""
    description: str = ""

    def __post_init__(self) -> None:
        if not self.method.strip():
            raise RequestError("a fact sheet names the method; fill in 'method'")
        for each in fields(self):
            value = getattr(self, each.name)
            if isinstance(value, str) and each.name != "description" and len(value) > MOST_LINE:
                raise RequestError(
                    f"'{each.name}' has {len(value)} letters; {MOST_LINE} are taken, the rest goes into 'description'"
                )
            if isinstance(value, str) and any(ord(letter) < 32 and letter not in "\n\t" for letter in value):
                raise RequestError(f"'{each.name}' holds control characters; write plain text")
        if self.parameters is not None and not 0 <= self.parameters <= 10**13:
            raise RequestError(f"{self.parameters} parameters cannot be; give their number, or leave it out")
        if self.runtime_s is not None and not 0 < self.runtime_s <= 10**6:
            raise RequestError(
                f"a runtime of {self.runtime_s:g} s cannot be; give seconds for one picture, or leave it out"
            )
        if len(self.to_json()) > MOST_LETTERS:
            raise RequestError(f"the fact sheet has more than {MOST_LETTERS} letters; shorten the description")

    def to_json(self) -> str:
        """As text that `from_json` reads."""
        return json.dumps(asdict(self), ensure_ascii=False, indent=1)

    @classmethod
    def from_json(cls, text: str) -> "FactSheet":
        """Read a sheet.

        Raises:
            RequestError: If it is too long, no JSON, or says what cannot be; it says which.
        """
        if len(text) > MOST_LETTERS:
            raise RequestError(f"the fact sheet has {len(text)} letters, and {MOST_LETTERS} are taken; shorten it")
        try:
            record: Any = json.loads(text)
        except (ValueError, RecursionError) as error:
            raise RequestError(f"the fact sheet is no JSON ({' '.join(str(error).split())[:100]})") from error
        sheet: FactSheet = made(cls, record, "fact sheet")
        return sheet
