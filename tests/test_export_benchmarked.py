"""What benchmark_model prints is read: transcripts written after its sources, see tests/transcripts/README.md."""

from pathlib import Path

import pytest

from wideopen.errors import RequestError
from wideopen.export import benchmarked


def told(name):
    return (Path(__file__).parent / "transcripts" / name).read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("text", "nodes", "of", "whole", "refused"),
    [
        (told("benchmark_gpu.txt"), 244, 244, True, 0),
        (told("benchmark_gpu_partly.txt"), 130, 244, False, 2),
        (told("benchmark_compiled.txt"), 244, 244, True, 0),
        (told("benchmark_cpu.txt"), None, None, False, 0),
        ("63 operations will run on the GPU, and the remaining 1 operations will run on the CPU.", 63, 64, False, 0),
        ("INFO: Explicitly applied GPU delegate, and the model graph will be completely executed", None, None, True, 0),
    ],
)
def test_how_much_went_to_the_gpu_is_read(text, nodes, of, whole, refused):
    found = benchmarked.delegation(text)
    assert (found.nodes, found.of, found.whole, len(found.refused)) == (nodes, of, whole, refused)


def test_a_single_run_has_no_deviation():
    text = told("benchmark_gpu.txt")
    single = (
        text[: text.rindex("INFO: count=10")] + "INFO: count=1 curr=1352640\n" + text[text.index("INFO: Inference") :]
    )
    found = benchmarked.benchmarked(single)
    assert (found.runs, found.std_s, found.mean_s) == (1, 0, pytest.approx(1.35264))


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("WARN: Unconsumed cmdline flags: --input_layer=a --output_filepath=b\n", ("input_layer", "output_filepath")),
        ("ERROR: Unknown command line flag 'output_filepath'. Did you mean", ("output_filepath",)),
        (told("benchmark_gpu.txt"), ()),
    ],
)
def test_flags_that_a_build_does_not_know_are_read(text, names):
    assert benchmarked.unknown_flags(text) == names


def test_a_run_without_figures_is_refused_with_its_first_error():
    with pytest.raises(RequestError, match="gave no timings: TfLiteGpuDelegate Init"):
        benchmarked.benchmarked(told("benchmark_failed.txt"))
    with pytest.raises(RequestError, match="it printed nothing"):
        benchmarked.benchmarked("")
