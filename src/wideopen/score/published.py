"""Tables 1 and 2 of the challenge's report, with every footnote, and where the report contradicts itself."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from wideopen.score.score import Score

REPORT = "AIM 2020 report"
"""Ignatov, Timofte et al., AIM 2020 Challenge on Rendering Realistic Bokeh, ECCV 2020 Workshops."""
_NEVER_PUBLISHED = (
    "Published figures: the script behind PSNR and SSIM was never published, and the 200 photos with bokeh that they "
    "are of neither. Whether runtimes are measured or self-reported, the report says both ways."
)
_TABLE = {
    "cpu": (
        "Table 1",
        "desktop CPU, not named",
        "Table 1 names no processor; its heading says desktop CPU, the report's text Nvidia GPU.",
    ),
    "gpu": ("Table 2", "phone GPU, not named", "Table 2 names no phone."),
}
_DEPTH_MAPS = "it uses depth maps that were computed beforehand, so it was left out of the final evaluation"
_CHANNEL_ORDER = "It did not run on the phone's GPU: TensorFlow Lite's GPU delegate did not support the order NCHW."


@dataclass(frozen=True)
class Quotation:
    """What the report says, word for word, and where."""

    text: str
    where: str


@dataclass(frozen=True)
class Contradiction:
    """Places of the report that do not go together; which of them is right is not known."""

    question: str
    quotations: tuple[Quotation, ...]


def _row(
    track: Literal["cpu", "gpu"],
    solution: str,
    team: str,
    author: str,
    framework: str,
    hardware: str,
    runtime_s: float | None,
    psnr_db: float,
    ssim: float,
    mos: float | None,
    *,
    unranked: str = "",
    note: str = "",
) -> Score:
    table, device, of_device = _TABLE[track]
    return Score(
        solution=solution,
        track=track,
        origin="published",
        protocol="aim2020",
        psnr_db=psnr_db,
        ssim=ssim,
        runtime_s=runtime_s,
        mos=mos,
        images=200,
        device=device,
        source=f"{REPORT}, {table}",
        team=team,
        author=author,
        framework=framework,
        hardware=hardware,
        unranked=unranked,
        notes=(_NEVER_PUBLISHED, of_device, *([note] if note else [])),
        data={"name": "EBB!", "split": "test"},
    )


# fmt: off
CPU_TRACK: tuple[Score, ...] = (
    _row("cpu", "airia-bokeh", "Airia-bokeh", "MingQian", "TensorFlow", "Nvidia TITAN RTX", 5.52, 23.58, 0.8770, 4.2),
    _row("cpu", "aia-smart", "AIA-Smart", "JuewenPeng", "PyTorch", "GeForce GTX 1080", 1.71, 23.56, 0.8829, 3.8),
    _row("cpu", "cet-sp", "CET_SP", "memelvin99", "TensorFlow", "Nvidia Tesla P100", 1.17, 21.91, 0.8201, 3.3),
    _row("cpu", "cet-cvlab", "CET_CVLab", "Densen", "TensorFlow", "Nvidia Tesla P100", 1.17, 23.05, 0.8591, 3.2),
    _row("cpu", "team-horizon", "Team Horizon", "tensorcat", "PyTorch", "GeForce GTX 1080 Ti",
         19.27, 23.27, 0.8818, 3.2),
    _row("cpu", "ipcv-iitm", "IPCV_IITM", "ms ipcv", "PyTorch", "NVIDIA Titan X", 27.24, 23.77, 0.8866, 2.5),
    _row("cpu", "cet21-cv", "CET21_CV", "SaagaraMB", "TensorFlow", "Nvidia Tesla P100", 0.74, 22.80, 0.8628, 1.3),
    _row("cpu", "cet-ece", "CET_ECE", "Sanjana.A.R", "TensorFlow", "Nvidia Tesla P100", 0.74, 22.85, 0.8629, 1.2),
    _row("cpu", "xuehuapiaopiao", "xuehuapiaopiao-team", "xuehuapiaopiao", "TensorFlow", "GeForce GTX 1080 Ti",
         None, 22.98, 0.8758, None, unranked=_DEPTH_MAPS),
    _row("cpu", "terminator", "Terminator", "Max zheng", "TensorFlow", "GeForce GTX 1080 Ti",
         None, 23.04, 0.8756, None, unranked=_DEPTH_MAPS),
)
"""Table 1."""

GPU_TRACK: tuple[Score, ...] = (
    _row("gpu", "airia-bokeh", "Airia-bokeh", "MingQian", "TensorFlow", "Nvidia TITAN RTX", 1.52, 23.58, 0.8770, 4.2),
    _row("gpu", "aia-smart-layered", "AIA-Smart", "JuewenPeng", "PyTorch", "GeForce GTX 1080",
         15.2, 22.94, 0.8842, 4.0),
    _row("gpu", "cet-cvlab", "CET_CVLab", "Densen", "TensorFlow", "Nvidia Tesla P100", 2.75, 23.05, 0.8591, 3.2),
    _row("gpu", "team-horizon", "Team Horizon", "tensorcat", "PyTorch", "GeForce GTX 1080 Ti",
         None, 23.27, 0.8818, 3.2, note=_CHANNEL_ORDER),
)
"""Table 2."""
# fmt: on

TABLES: Mapping[str, tuple[Score, ...]] = {"cpu": CPU_TRACK, "gpu": GPU_TRACK}
"""By track."""

CONTRADICTIONS: tuple[Contradiction, ...] = (
    Contradiction(
        "What did Track 1 run on?",
        (
            Quotation("we measured their runtime on standard desktop CPUs", "abstract; the heading of Table 1 agrees"),
            Quotation(
                "The measured average runtimes of the proposed solutions on standard Nvidia GPU cards (CPU Track 1)",
                "section 3.2",
            ),
        ),
    ),
    Contradiction(
        "Who measured the runtimes?",
        (
            Quotation("we measured their runtime", "abstract"),
            Quotation("self-reported hardware / software configurations and runtimes", "section 3"),
        ),
    ),
    Contradiction(
        "What decided the ranking?",
        (
            Quotation(
                "The target metric used in this challenge combined the runtime and the perceptual quality", "abstract"
            ),
            Quotation(
                "during the final test phase we evaluated the solutions based on their Mean Opinion Scores",
                "section 2.2",
            ),
            Quotation("The results are sorted based on the MOS scores", "Tables 1 and 2, as final rankings"),
        ),
    ),
    Contradiction(
        "Whose pictures did people rate?",
        (
            Quotation("we conducted a user study evaluating the visual results of all proposed methods", "section 2.2"),
            Quotation("were excluded from the final evaluation phase", "Table 1, of two teams, which have no MOS"),
        ),
    ),
    Contradiction(
        "How many teams were there at the end?",
        (
            Quotation("only 9 teams provided results in the final phase", "section 3"),
            Quotation(
                "solutions submitted by all teams participating in the final stage",
                "section 4, which describes ten teams; Table 1 has ten rows",
            ),
        ),
    ),
    Contradiction(
        "Did every network make do with the photo alone?",
        (
            Quotation(
                "All the proposed methods are relying on end-to-end deep learning-based solutions", "section 3.1"
            ),
            Quotation("solutions that are using pre-computed depth maps", "Table 1, of two teams"),
        ),
    ),
    Contradiction(
        "Which camera took the photos?",
        (
            Quotation("captured using the Canon 7D DSLR camera", "abstract"),
            Quotation("captured using the Canon 70D DSLR camera", "section 1; section 3.3 agrees"),
        ),
    ),
    Contradiction(
        "How many photos are there?",
        (
            Quotation("5K shallow / wide depth-of-field image pairs", "abstract"),
            Quotation("more than 10 thousand images", "section 2.1"),
            Quotation(
                "200 image pairs were reserved for testing, while the other 4.8 thousand photo pairs can be used for "
                "training and validation",
                "section 2.1; together no more than 10 thousand images",
            ),
        ),
    ),
)
"""Quoted, not resolved."""
