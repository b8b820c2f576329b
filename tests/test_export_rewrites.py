"""Rewrites for phones' GPUs change no result."""

import copy

import pytest

torch = pytest.importorskip("torch")

from torch import nn  # noqa: E402
from torch.nn import functional  # noqa: E402

from wideopen.export.rewrites import Rewriting, friendly  # noqa: E402
from wideopen.zoo.catalog import SOLUTIONS, solution  # noqa: E402

# Solutions that share a network are asked once; two are the heavy ones.
HEAVY = {"pynet", "ipcv-iitm", "aia-smart-layered"}
NAMES = [
    pytest.param(each.name, marks=[pytest.mark.slow] if each.name in HEAVY else [])
    for each in SOLUTIONS
    if each.name not in ("cet-sp", "xuehuapiaopiao", "terminator")
]


def inputs(name):
    each = solution(name)
    side = 128 if each.name == "pynet" else 64
    random = torch.Generator().manual_seed(0)
    low, high = each.value_range
    picture = torch.rand(1, 3, side, side, generator=random) * (high - low) + low
    return [picture, *(torch.rand(1, 1, side, side, generator=random) * high for _ in each.needs)]


@pytest.mark.parametrize("name", NAMES)
def test_a_friendly_solution_gives_the_same_picture(name):
    torch.manual_seed(1)
    network = solution(name).build().eval()
    before = {key: value.clone() for key, value in network.state_dict().items()}
    low, high = solution(name).value_range
    with torch.inference_mode():
        wanted = network(*inputs(name))
        found = friendly(network)(*inputs(name))
        again = network(*inputs(name))
    assert float((found - wanted).abs().max()) <= 1e-5 * max(high - low, float(wanted.max() - wanted.min()))
    assert torch.equal(again, wanted)
    assert all(torch.equal(value, before[key]) for key, value in network.state_dict().items())


def both(operate, *given):
    """What an operation gives, plain and rewritten, and that it was rewritten to other operations."""
    plain = operate(*given)
    with Rewriting():
        rewritten = operate(*given)
    assert rewritten.shape == plain.shape
    assert rewritten.dtype == plain.dtype
    return plain, rewritten


def picture(*shape):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(3)) * 2


OPERATIONS = {
    "clamp": lambda x: x.clamp(0, 1),
    "clamp between others": lambda x: torch.clamp(x, -0.7, 1.3),
    "clamp by keywords": lambda x: torch.clamp(x, min=-0.7, max=1.3),
    "clamp from below": lambda x: x.clamp_min(0.25),
    "clamp from above": lambda x: x.clamp_max(0.25),
    "clamp from above by a keyword": lambda x: x.clamp(max=0.25),
    "the larger": lambda x: torch.maximum(x, x.flip(3)),
    "the smaller": lambda x: torch.min(x, x.flip(3)),
    "replicate": lambda x: functional.pad(x, (3, 1, 0, 9), mode="replicate"),
    "replicate one side": lambda x: functional.pad(x, (0, 0, 2, 0), mode="replicate"),
    "reflect": lambda x: functional.pad(x, (3, 1, 0, 2), mode="reflect"),
    "constant": lambda x: functional.pad(x, (3, 1, 0, 2), value=0.5),
    "six axes": lambda x: x.reshape(1, 6, 4, 2, 3, 4).permute(0, 3, 5, 1, 2, 4),
    "five axes, counted from behind": lambda x: x.reshape(2, 3, 4, 2, 12).permute([-1, 0, 3, 1, 2]),
    "repeat": lambda x: x.repeat(2, 1, 1, 3),
    "repeat by a list": lambda x: x[:, :1].repeat([1, 3, 1, 1]),
    "repeat to more axes": lambda x: x[0, 0].repeat(2, 3, 1, 2),
    "expand": lambda x: x[:, :1].expand(-1, 4, -1, -1),
    "expand to more axes": lambda x: x[0, 0].expand(1, 2, 8, 12),
    "four axes": lambda x: x.permute(0, 2, 3, 1),
    "group norm": nn.GroupNorm(3, 6),
    "group norm without weights": lambda x: functional.group_norm(x, 2, eps=1e-3),
    "unfold": lambda x: functional.unfold(x, 3, padding=1),
    "unfold with everything": lambda x: functional.unfold(x, (2, 3), dilation=(1, 2), padding=(0, 2), stride=(2, 3)),
    "where of one shape": lambda x: torch.where(x > 0, x, -x),
    "where of channels": lambda x: torch.where(x.amax(dim=1, keepdim=True) > 2, 3 * x, x),
    "where of a number": lambda x: torch.where(x[:, :1] > 0, x, 0.5),
    "half the size": lambda x: functional.interpolate(x, (4, 6), mode="bicubic", antialias=True),
    "a third of one side": lambda x: functional.interpolate(x, (8, 4), mode="bicubic", antialias=True),
    "no whole number": lambda x: functional.interpolate(x, (5, 7), mode="bicubic", antialias=True),
    "bilinear": lambda x: functional.interpolate(x, scale_factor=2.0, mode="bilinear"),
    "largest of all": lambda x: x.max(),
    "enlarged": nn.Sequential(nn.ConvTranspose2d(6, 2, 2, 2), nn.ReLU()),
    "enlarged and cut": nn.ConvTranspose2d(6, 2, 3, 2, 1, 1),
    "enlarged and cut all around": nn.ConvTranspose2d(6, 2, 5, 2, 1),
    "enlarged and cut on one axis": nn.ConvTranspose2d(6, 4, (3, 4), (2, 1), (1, 0), (1, 0), groups=2),
    "enlarged and dilated": nn.ConvTranspose2d(6, 2, 3, 2, 1, 1, dilation=2),
    "enlarged and normed": nn.Sequential(nn.ConvTranspose2d(6, 2, 3, 2, 1), nn.BatchNorm2d(2).eval(), nn.ReLU()),
}


@pytest.mark.parametrize("operate", OPERATIONS.values(), ids=OPERATIONS.keys())
def test_an_operation_gives_the_same_rewritten(operate):
    with torch.no_grad():
        plain, rewritten = both(operate, picture(1, 6, 8, 12))
    torch.testing.assert_close(rewritten, plain, atol=2e-6, rtol=1e-6)


def test_numbers_at_the_ends_of_a_clamp_stay():
    ends = torch.tensor([-1e6, -1.0, 0.0, 0.5, 1.0, 2.0, 1e6])
    _, rewritten = both(lambda x: x.clamp(0, 1), ends)
    assert rewritten.tolist() == [0, 0, 0, 0.5, 1, 1, 1]


@pytest.mark.parametrize("name", ["clamp", "replicate", "group norm", "unfold", "half the size", "six axes"])
def test_what_delegates_refuse_is_not_left(name):
    class Operation(nn.Module):
        def __init__(self):
            super().__init__()
            self.inside = OPERATIONS[name] if isinstance(OPERATIONS[name], nn.Module) else None

        def forward(self, x):
            return OPERATIONS[name](x)

    refused = ("clamp", "replication", "index", "group_norm", "im2col", "unfold", "upsample", "expand")
    traced = torch.export.export(friendly(Operation()), (picture(1, 6, 8, 12),))
    left = [str(node.target) for node in traced.graph.nodes if node.op == "call_function"]
    assert left
    assert not [each for each in left if any(word in each for word in refused)]


def test_a_network_is_copied_contiguous_and_left_alone():
    network = nn.Conv2d(3, 4, 3).to(memory_format=torch.channels_last).to(torch.bfloat16)
    before = copy.deepcopy(network)
    made = friendly(network)
    assert made.network.weight.is_contiguous()
    assert made.network.weight.dtype == torch.float32
    assert not made.network.weight.requires_grad
    assert not made.training
    assert network.training
    assert network.weight.requires_grad
    assert torch.equal(network.weight, before.weight)
    assert network.weight.is_contiguous(memory_format=torch.channels_last)
