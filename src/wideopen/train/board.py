"""Board: a run's log in TensorBoard's format, on this machine alone."""

from pathlib import Path
from typing import Any

from wideopen.errors import RequestError


class Board:
    """Writes numbers of a log as curves; `tensorboard --logdir RUN` shows them."""

    def __init__(self, folder: Path) -> None:
        """Open a board.

        Raises:
            RequestError: If TensorBoard is not installed.
        """
        try:
            from torch.utils.tensorboard import SummaryWriter
        except ModuleNotFoundError as error:
            raise RequestError(
                "TensorBoard is not here; install wideopen[tensorboard], or leave --tensorboard out"
            ) from error
        self._writer: Any = SummaryWriter(str(folder))

    def add(self, record: dict[str, Any]) -> None:
        """Add a line of the log: its numbers, under its stage, at its step."""
        for key, value in record.items():
            if isinstance(value, float):
                self._writer.add_scalar(f"{record['stage']}/{key}", value, record["step"])
        self._writer.flush()
