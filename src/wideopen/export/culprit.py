"""Which layer, and which operator of it, kept a network from being exported."""

import re
from typing import TYPE_CHECKING, Any

from wideopen.score.exported import reason

if TYPE_CHECKING:
    from torch import nn

_OPERATOR = re.compile(r"target=(?:torch\.ops\.)?([\w.]+)")
_NODE = re.compile(r"%(\w+) :")


def culprit(error: BaseException, network: "nn.Module", program: Any = None) -> str:  # noqa: ANN401
    """Say in one line what an exporter stumbled over, and what to do.

    While a network is traced, the innermost module in the traceback is the layer; once it is a program of operators,
    the exporter names one of them, and the program says which layer it came from.

    Args:
        error: What was raised.
        network: That is exported.
        program: Of torch.export, where that went well.
    """
    chain = _chain(error)
    said = " ".join(str(each) for each in chain)
    if program is None:
        layer = _traced_layer(chain, network)
        hint = "write what hangs on values or leaves torch as operators on tensors"
    else:
        layer = _translated_layer(said, program)
        hint = "write it with operators that ONNX has"
    operator = _OPERATOR.search(said)
    named = f"the operator {operator.group(1)} of " if operator and program is not None else ""
    where = f"{named}{layer}" if layer else f"{named}the network"
    return f"{where} cannot leave PyTorch ({reason(chain[-1])}); {hint}, or run the solution by PyTorch"


def _chain(error: BaseException) -> list[BaseException]:
    """What was raised, and what it was raised from, the first one last."""
    found = [error]
    while (before := found[-1].__cause__ or found[-1].__context__) is not None and before not in found:
        found.append(before)
    return found


def _traced_layer(chain: list[BaseException], network: "nn.Module") -> str:
    """The innermost module that was at work."""
    names = {id(module): name for name, module in network.named_modules() if name}
    for error in reversed(chain):
        found, step = "", error.__traceback__
        while step is not None:
            module = step.tb_frame.f_locals.get("self")
            if id(module) in names:
                found = f"layer {names[id(module)]} ({type(module).__name__})"
            step = step.tb_next
        if found:
            return found
    return ""


def _translated_layer(said: str, program: Any) -> str:  # noqa: ANN401
    """The module that an operator of a program came from."""
    named = _NODE.findall(said)
    # Operators are taken apart further on the way, and named after what they came from.
    stems = [name.rstrip("0123456789").rstrip("_") for name in named]
    nodes = [node for node in program.graph.nodes if node.meta.get("nn_module_stack")]
    found = [node for node in nodes if node.name in named] or [n for n in nodes if any(s in n.name for s in stems if s)]
    if not found:
        return ""
    name, kind = list(found[0].meta["nn_module_stack"].values())[-1]
    kind = kind if isinstance(kind, str) else kind.__name__
    return f"layer {name or 'network'} ({kind.rsplit('.', 1)[-1]})"
