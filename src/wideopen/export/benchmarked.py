"""What ``benchmark_model``, the official tool of LiteRT, prints; of both builds that go by this name.

That of the interpreter (once TensorFlow Lite's) prints ``Inference timings in us``, that of CompiledModel prints
``BENCHMARK RESULTS``. Formats and flags are those of the sources of LiteRT 2 (``tflite/tools/benchmark`` and
``litert/tools``).
"""

import re
from dataclasses import dataclass

from wideopen.errors import RequestError

_NUMBER = r"([\d.]+(?:e[+-]?\d+)?)"
_INTERPRETER = {
    "init_s": rf"Inference timings in us: Init: {_NUMBER}",
    "first_s": rf"First inference: {_NUMBER}",
    "warm_up_s": rf"Warmup \(avg\): {_NUMBER}",
    "mean_s": rf"Inference \(avg\): {_NUMBER}",
    "memory_mib": rf"Memory footprint delta.*\boverall={_NUMBER}",
}
_COMPILED = {
    "init_s": rf"Model initialization:\s+{_NUMBER} ms",
    "first_s": rf"Warmup \(first\):\s+{_NUMBER} ms",
    "warm_up_s": rf"Warmup \(avg\):\s+{_NUMBER} ms",
    "mean_s": rf"Inference \(avg\):\s+{_NUMBER} ms",
    "memory_mib": rf"Overall footprint:\s+{_NUMBER} MB",
}
_REPLACED = re.compile(
    r"Replacing (\d+) out of (\d+) node\(s\) with delegate \(([^)]*)\) node, yielding (\d+) partitions"
)
_SPLIT = re.compile(r"(\d+) operations will run on the GPU, and the remaining (\d+) operations will run on the CPU")
_REFUSED = re.compile(r"^(?:ERROR: )?((?:CUSTOM )?\w+): ?(.*)$")
_UNKNOWN = re.compile(r"Unconsumed cmdline flags:(.*)|Unknown command line flag '([^']*)'")


@dataclass(frozen=True)
class Delegation:
    """How much of a network a GPU took."""

    nodes: int | None
    """Nodes it runs; None where the tool does not count them."""
    of: int | None
    """Nodes of the network."""
    partitions: int | None
    """Parts it was cut into."""
    whole: bool
    refused: tuple[str, ...] = ()
    """Operations that it does not run, each with the reason where one is given."""

    def says(self) -> str:
        """Tell a person."""
        if self.nodes is None:
            return "all nodes on the GPU" if self.whole else "no node on the GPU that benchmark_model tells of"
        cut = "" if self.partitions is None else f", {self.partitions} partition{'s' * (self.partitions != 1)}"
        return f"{self.nodes} of {self.of} nodes on the GPU{cut}"


@dataclass(frozen=True)
class Benchmarked:
    """One run of the tool."""

    init_s: float
    """To load the network and bring it to what runs it."""
    first_s: float
    warm_up_s: float
    """Mean."""
    mean_s: float
    """Of the runs that count."""
    std_s: float | None
    runs: int | None
    """That counted."""
    memory_mib: float | None
    """Growth of the process's peak of resident memory; what the GPU's driver takes elsewhere is not in it."""
    tool: str
    """``interpreter`` or ``CompiledModel``, after the tool's build."""


def benchmarked(text: str) -> Benchmarked:
    """Read the figures of one run.

    Raises:
        RequestError: If they are not there.
    """
    for tool, patterns, to_s in (("interpreter", _INTERPRETER, 1e-6), ("CompiledModel", _COMPILED, 1e-3)):
        found = {name: re.search(pattern, text) for name, pattern in patterns.items()}
        figures = {name: float(match[1]) for name, match in found.items() if match}
        if figures.keys() >= patterns.keys() - {"memory_mib"}:
            std, runs = _spread(text) if tool == "interpreter" else _spread_compiled(text)
            return Benchmarked(
                **{name: value * to_s for name, value in figures.items() if name != "memory_mib"},
                std_s=None if std is None else std * to_s,
                runs=runs,
                memory_mib=figures.get("memory_mib"),
                tool=tool,
            )
    raise RequestError(f"benchmark_model gave no timings: {error_in(text)}")


def delegation(text: str) -> Delegation:
    """Read how much of the network went to the GPU."""
    replaced = [match for match in _REPLACED.finditer(text) if not re.search("xnnpack", match[3], re.IGNORECASE)]
    split = list(_SPLIT.finditer(text))
    if replaced:
        nodes, of, partitions = (sum(int(match[group]) for match in replaced) for group in (1, 2, 4))
        return Delegation(nodes, of, partitions, nodes == of and partitions == len(replaced), _refused(text))
    if split:
        nodes, rest = (sum(int(match[group]) for match in split) for group in (1, 2))
        return Delegation(nodes, nodes + rest, None, rest == 0, _refused(text))
    return Delegation(None, None, None, bool(re.search(r"GPU delegate, and the model graph will be completely", text)))


def unknown_flags(text: str) -> tuple[str, ...]:
    """Flags that this build of the tool does not know."""
    named = (match[1] or match[2] for match in _UNKNOWN.finditer(text))
    return tuple(word.lstrip("-").partition("=")[0] for each in named for word in each.split())


def error_in(text: str) -> str:
    """The first line that tells of an error, for others follow from it, else the last one."""
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    errors = [
        line for line in lines if re.match(r"(ERROR|FATAL)\b|.*\b(failed|not executable|not found)\b", line, re.I)
    ]
    return (errors[:1] or lines or ["it printed nothing"])[-1].removeprefix("ERROR: ")


def _spread(text: str) -> tuple[float | None, int | None]:
    counted = re.findall(r"count=(\d+)(.*)", text)
    if not counted:
        return None, None
    runs, more = counted[-1]
    std = re.search(rf"\bstd={_NUMBER}", more)
    return float(std[1]) if std else 0.0, int(runs)


def _spread_compiled(text: str) -> tuple[float | None, int | None]:
    std = re.search(rf"Inference \(std\):\s+{_NUMBER}", text)
    runs = re.search(r"Inference \(avg\):.*\((\d+) runs\)", text)
    return float(std[1]) if std else None, int(runs[1]) if runs else None


def _refused(text: str) -> tuple[str, ...]:
    told = text.partition("not supported by GPU delegate")[2].partition("operations will run on the GPU")[0]
    matches = (_REFUSED.match(line.strip()) for line in told.splitlines())
    return tuple(f"{match[1]} ({match[2].rstrip('.')})" if match[2] else match[1] for match in matches if match)
