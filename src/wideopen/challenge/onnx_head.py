"""What an ONNX file is made of, read without loading it: its graph, and none of its weights.

An ONNX file is a message of Protocol Buffers (onnx.proto of ONNX's own repository, whose field numbers stand below).
Reading it through its library would take as much memory as a stranger's file likes.
"""

import mmap
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

MOST_FIELDS = 2_000_000
"""Of the graph; weights count as one."""
MOST_DEPTH = 40
MOST_LETTERS = 1 << 16
FLOAT = 1
_VARINT, _FIXED64, _BYTES, _FIXED32 = 0, 1, 2, 5
_EXTERNAL = 1

Value = int | memoryview


@dataclass(frozen=True)
class Port:
    """An input or output of the graph."""

    name: str
    shape: tuple[int, ...] | None
    """None where it does not say, or where a length is not fixed."""
    element: int
    """Type of its values, of TensorProto.DataType; `FLOAT` is float32."""


@dataclass
class OnnxHead:
    """What was found."""

    inputs: list[Port] = field(default_factory=list)
    """Without weights."""
    outputs: list[Port] = field(default_factory=list)
    nodes: int = 0
    operators: dict[str, str] = field(default_factory=dict)
    """The first operator of every domain that is called."""
    functions: set[str] = field(default_factory=set)
    """Domains of functions that the file itself defines."""
    external: str = ""
    """The first tensor whose values lie in another file."""
    metadata: dict[str, str] = field(default_factory=dict)


def read_onnx(path: Path) -> OnnxHead:
    """Read what an ONNX file is made of.

    Raises:
        ValueError: If it is none, or larger than any network's graph.
    """
    reader = _Reader()
    with path.open("rb") as file:
        # Closed when nothing refers to it any more, for errors hold on to parts of it.
        reader.model(memoryview(mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)))
    if not reader.head.nodes:
        raise ValueError("it has no graph")
    return reader.head


def metadata_bytes(entries: dict[str, str]) -> bytes:
    """What adds metadata to an ONNX file, written behind it: messages that follow each other are one."""
    return b"".join(message(14, message(1, key.encode()) + message(2, text.encode())) for key, text in entries.items())


class _Reader:
    """Goes through the message and fills a head."""

    def __init__(self) -> None:
        self.head = OnnxHead()
        self._weights: set[str] = set()
        self._left = MOST_FIELDS

    def model(self, data: memoryview) -> None:
        for number, value in self._fields(data):
            if number == 7:
                self._graph(_inner(value), 0)
            elif number == 14:
                entry = dict(self._fields(_inner(value)))
                self.head.metadata[_text(entry.get(1, b""))] = _text(entry.get(2, b""))
            elif number == 25:
                self._function(_inner(value))
        self.head.inputs = [each for each in self.head.inputs if each.name not in self._weights]

    def _function(self, data: memoryview) -> None:
        for number, value in self._fields(data):
            if number == 7:
                self._node(_inner(value), 1)
            elif number == 10:
                self.head.functions.add(_text(value))
            elif number == 11:
                self._attribute(_inner(value), 1)

    def _graph(self, data: memoryview, depth: int) -> None:
        if depth > MOST_DEPTH:
            raise ValueError(f"its graphs lie more than {MOST_DEPTH} deep in each other")
        for number, value in self._fields(data):
            if number == 1:
                self._node(_inner(value), depth)
            elif number == 5:
                self._tensor(_inner(value))
            elif number == 15:
                self._sparse(_inner(value))
            elif number == 11 and not depth:
                self.head.inputs.append(self._port(_inner(value)))
            elif number == 12 and not depth:
                self.head.outputs.append(self._port(_inner(value)))

    def _node(self, data: memoryview, depth: int) -> None:
        operator, domain = "", ""
        self.head.nodes += 1
        for number, value in self._fields(data):
            if number == 4:
                operator = _text(value)
            elif number == 5:
                self._attribute(_inner(value), depth)
            elif number == 7:
                domain = _text(value)
        self.head.operators.setdefault(domain, operator)

    def _attribute(self, data: memoryview, depth: int) -> None:
        for number, value in self._fields(data):
            if number in (5, 10):
                self._tensor(_inner(value))
            elif number in (6, 11):
                self._graph(_inner(value), depth + 1)
            elif number in (22, 23):
                self._sparse(_inner(value))

    def _sparse(self, data: memoryview) -> None:
        for number, value in self._fields(data):
            if number in (1, 2):
                self._tensor(_inner(value))

    def _tensor(self, data: memoryview) -> None:
        name, external = "", False
        for number, value in self._fields(data):
            if number == 8:
                name = _text(value)
            external |= number == 13 or (number == 14 and value == _EXTERNAL)
        self._weights.add(name)
        if external and not self.head.external:
            self.head.external = name or "unnamed"

    def _port(self, data: memoryview) -> Port:
        name, shape, element = "", None, 0
        for number, value in self._fields(data):
            if number == 1:
                name = _text(value)
            elif number == 2:
                for kind, inner in self._fields(_inner(value)):
                    if kind == 1:
                        shape, element = self._tensor_type(_inner(inner))
        return Port(name, shape, element)

    def _tensor_type(self, data: memoryview) -> tuple[tuple[int, ...] | None, int]:
        shape: tuple[int, ...] | None = None
        element = 0
        for number, value in self._fields(data):
            if number == 1 and isinstance(value, int):
                element = value
            elif number == 2:
                lengths = [dict(self._fields(_inner(each))).get(1) for _, each in self._fields(_inner(value))]
                fixed = tuple(each for each in lengths if isinstance(each, int) and each > 0)
                shape = fixed if len(fixed) == len(lengths) else None
        return shape, element

    def _fields(self, data: memoryview) -> Iterator[tuple[int, Value]]:
        """Numbers and values of a message's fields."""
        place = 0
        while place < len(data):
            self._left -= 1
            if self._left < 0:
                raise ValueError("its graph is larger than any network's")
            tag, place = _varint(data, place)
            number, wire = tag >> 3, tag & 7
            if number < 1:
                raise ValueError("it is no such message")
            if wire == _VARINT:
                value, place = _varint(data, place)
                yield number, value
                continue
            if wire == _BYTES:
                length, place = _varint(data, place)
            elif wire in (_FIXED32, _FIXED64):
                length = 4 if wire == _FIXED32 else 8
            else:
                raise ValueError("it is no such message")
            if place + length > len(data):
                raise ValueError("it ends in the middle")
            yield number, data[place : place + length]
            place += length


def _varint(data: memoryview, place: int) -> tuple[int, int]:
    value = 0
    for shift in range(0, 70, 7):
        if place >= len(data):
            raise ValueError("it ends in the middle")
        byte = data[place]
        place += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value, place
    raise ValueError("it is no such message")


def _inner(value: Value) -> memoryview:
    if isinstance(value, int):
        raise ValueError("it is no such message")
    return value


def _text(value: Value | bytes) -> str:
    if isinstance(value, int):
        raise ValueError("it is no such message")
    return bytes(value[:MOST_LETTERS]).decode("utf-8", "replace")


def message(number: int, data: bytes) -> bytes:
    """A field that holds bytes, a text or another message."""
    return _number(number << 3 | _BYTES) + _number(len(data)) + data


def _number(value: int) -> bytes:
    written = bytearray()
    while value > 0x7F:
        written.append(value & 0x7F | 0x80)
        value >>= 7
    written.append(value)
    return bytes(written)
