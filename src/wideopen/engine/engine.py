"""The one noun that batches and scoring know of processes and clusters."""

from collections.abc import Callable, Generator, Sequence
from dataclasses import dataclass
from typing import Generic, Protocol, TypeVar

Item = TypeVar("Item")
Result = TypeVar("Result")


@dataclass(frozen=True)
class Done(Generic[Result]):
    """What the function gave for an item."""

    value: Result


@dataclass(frozen=True)
class Lost:
    """The item was tried again where a process had died, and ended one that it had to itself."""


class Engine(Protocol):
    """Applies a function to items, here or on other machines."""

    @property
    def remote(self) -> bool:
        """Whether others may do the work, who see files in shared folders alone."""
        ...

    def map(
        self, function: Callable[[Item], Result], items: Sequence[Item]
    ) -> Generator[tuple[int, Done[Result] | Lost]]:
        """Give each item's number and result, in the order in which they are done.

        Whoever closes it or is interrupted ends the work.

        Args:
            function: Picklable, as its results are. What it raises ends the work and is raised here, so what may go
                wrong with one item alone belongs into its result.
            items: Picklable too.

        Raises:
            RequestError: At once, if the engine cannot work here.
        """
        ...
