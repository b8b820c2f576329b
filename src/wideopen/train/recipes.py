"""How each solution of the catalogue is learned, with a grade for every number.

Sources: sections 4.1 to 4.8 of the challenge's report (AIM 2020 Challenge on Rendering Realistic Bokeh, ECCV Workshops
2020), and the authors' published code where the catalogue names it. A list of losses has one grade: it is the report's
only where weights are told as well, or there is but one loss. Notes say which losses the report names.
"""

from wideopen.train.recipe import Adversary, Grade, Recipe, Stage, Term
from wideopen.zoo.catalog import solution

_ADAM = (0.9, 0.999)
"""What Adam's authors propose, and frameworks begin with."""


def recipe(name: str) -> Recipe:
    """Find the recipe of a solution.

    Raises:
        RequestError: If there is no such solution; it names the nearest.
    """
    wanted = solution(name).name
    return next(each for each in RECIPES if each.solution == wanted)


def _graded(*, report: str = "", code: str = "", guess: str = "") -> dict[str, Grade]:
    """Turn names by grade into grades by name."""
    return {
        **dict.fromkeys(report.split(), "report"),
        **dict.fromkeys(code.split(), "code"),
        **dict.fromkeys(guess.split(), "guess"),
    }


def _airia_unet(name: str, learns: str, view: str) -> Stage:
    """One of BG-Net's two U-Nets, on its own."""
    return Stage(
        name=name,
        losses=(Term("l1", 0.5), Term("ssim", 1)),
        learns=(learns,),
        view=view,
        crop_px=(1024, 1408),
        batch=1,
        rate=1e-4,
        betas=(0.5, 0.9),
        epochs=20,
        evidence=_graded(report="losses", guess="crop_px flips batch rate betas epochs"),
    )


_AIRIA_JOINT = Stage(
    name="joint",
    losses=(Term("l1", 0.5), Term("ssim", 0.05), Term("vgg19", 0.1)),
    crop_px=(1024, 1408),
    batch=1,
    rate=1e-5,
    betas=(0.0, 0.9),
    epochs=60,
    adversary=Adversary(weight=1, rate=1e-5, betas=(0.0, 0.9), penalty=10),
    evidence=_graded(
        report="batch", code="losses crop_px flips rate betas epochs adversary", guess="adversary.penalty"
    ),
)

_AIA_LOSSES = (Term("l1", 1), Term("ssim", 1), Term("gradient", 1), Term("vgg19", 0.1))
_AIA_STAGES = (
    Stage(
        name="quarter size",
        losses=_AIA_LOSSES,
        view="render",
        crop_px=(256, 256),
        scale=0.25,
        batch=8,
        rate=1e-4,
        betas=_ADAM,
        decay=((0.5, 0.1),),
        epochs=60,
        evidence=_graded(report="crop_px scale rate", guess="losses flips batch betas decay epochs"),
    ),
    Stage(
        name="half size",
        losses=_AIA_LOSSES,
        view="render",
        crop_px=(512, 512),
        scale=0.5,
        batch=4,
        rate=1e-5,
        betas=_ADAM,
        epochs=30,
        evidence=_graded(report="crop_px scale", guess="losses flips batch rate betas epochs"),
    ),
)
_AIA_LAYERED = Stage(
    name="single channel",
    losses=_AIA_LOSSES,
    learns=("estimator.head.", "estimator.last."),
    view="render",
    crop_px=(512, 512),
    scale=0.5,
    batch=4,
    rate=1e-4,
    betas=_ADAM,
    decay=((0.5, 0.1),),
    epochs=60,
    evidence=_graded(report="crop_px", guess="losses scale flips batch rate betas decay epochs"),
)


def _wavelet(losses: tuple[Term, ...], epochs: int) -> Stage:
    """The network that both teams of CET learned, each in its way."""
    return Stage(
        name="all",
        losses=losses,
        crop_px=(512, 512),
        vertical_flips=True,
        rot90=True,
        batch=10,
        rate=1e-4,
        betas=_ADAM,
        decay=((0.8, 0.1),),
        epochs=epochs,
        evidence=_graded(report="batch epochs", guess="losses crop_px flips vertical_flips rot90 rate betas decay"),
    )


def _horizon(name: str, losses: tuple[Term, ...], rate: float, epochs: int) -> Stage:
    """A stage of any of the team's three networks; nothing but names of losses is told."""
    return Stage(
        name=name,
        losses=losses,
        crop_px=(1024, 1024),
        vertical_flips=True,
        batch=2,
        rate=rate,
        betas=_ADAM,
        epochs=epochs,
        evidence=_graded(guess="losses crop_px flips vertical_flips batch rate betas epochs"),
    )


_HORIZON_TUNED = _horizon("fine", (Term("ms_ssim_horizon", 1),), 1e-5, 20)
_HORIZON_PICTURES = (
    "Rates and batch follow later works that share the author's loader. These stretch pictures to 1024x1024, whatever "
    "their shape; here that is a crop of 1024x1024, for pictures keep their shape. They add mirrored and upside-down "
    "copies of all pictures; here half of the samples are mirrored, and half upside down."
)
_HORIZON_NOTE = (
    "The report names MS-SSIM and SSIM for the network that it describes, which is team-horizon-wm. Here MS-SSIM comes "
    "last, as in those later works."
)

_IPCV = Stage(
    name="all",
    losses=(Term("l1", 1),),
    crop_px=(384, 384),
    vertical_flips=True,
    rot90=True,
    batch=4,
    rate=1e-4,
    betas=_ADAM,
    decay=((2 / 3, 0.5),),
    epochs=300,
    evidence=_graded(guess="losses crop_px flips vertical_flips rot90 batch rate betas decay epochs"),
)


def _one_loss(loss: str) -> Stage:
    """Where the report tells the loss, and no number."""
    return Stage(
        name="all",
        losses=(Term(loss, 1),),
        crop_px=(512, 512),
        batch=8,
        rate=1e-4,
        betas=_ADAM,
        epochs=300,
        evidence=_graded(report="losses", guess="crop_px flips batch rate betas epochs"),
    )


_PYNET_LEVELS = (
    (7, 50, 5_000),
    (6, 50, 5_000),
    (5, 40, 20_000),
    (4, 14, 20_000),
    (3, 9, 30_000),
    (2, 9, 80_000),
    (1, 5, 100_000),
)
"""Level, batch and steps of PyNET's stages."""
_PYNET_NUMBERS = "losses crop_px flips vertical_flips rot90 batch rate betas steps"


def _pynet(evidence: dict[str, Grade]) -> tuple[Stage, ...]:
    """PyNET's seven stages, coarse to fine."""
    return tuple(
        Stage(
            name=f"level {level}",
            losses=(Term("l1", 100),) if level > 1 else (Term("l1", 10), Term("vgg19", 0.1), Term("ssim", 10)),
            learns=_pynet_parts(level),
            view=f"level {level}",
            crop_px=(1024, 1024),
            flips=False,
            vertical_flips=True,
            rot90=True,
            batch=batch,
            rate=5e-5,
            betas=_ADAM,
            steps=steps,
            evidence=dict(evidence),
        )
        for level, batch, steps in _PYNET_LEVELS
    )


def _pynet_parts(level: int) -> tuple[str, ...]:
    """Name what a level's picture goes through: all that is coarser learns on, except its heads."""
    if level <= 2:
        return ("downs.", "stages.", *(f"doublings.{k}." for k in range(3 - level)))
    last = 7 - level
    return ("downs.", *(f"stages.{k}." for k in range(last + 1)), f"heads.{last}.")


_PYNET_NOTE = (
    "Crops have the full height of the data set's photos; PyNET shrinks them to half the size itself, which makes the "
    "authors' 512x512. A level is compared with the photo shrunk to its size."
)
_MODIFIED_NOTE = (
    "The report says only that this is a slightly modified PyNET, so that PyNET's numbers are guesses here."
)

RECIPES: tuple[Recipe, ...] = (
    Recipe(
        solution="airia-bokeh",
        section="4.1",
        stages=(
            _airia_unet("first U-Net", "first.", "first"),
            _airia_unet("second U-Net", "second.", "picture"),
            _AIRIA_JOINT,
        ),
        note=(
            "Both U-Nets first learn separately, then together with two critics by WGAN-GP. That the first is kept as "
            "it is while the second learns is chosen here. The penalty is that of WGAN-GP's paper, for the report "
            "says no more than that name; the published code takes 1, bounds the critics' weights, and takes the "
            "gradient of a sum: `--set stages.2.adversary.penalty=1 --set stages.2.adversary.constrained=true --set "
            "stages.2.adversary.penalty_of_sum=true`. The authors leave out 136 pairs that differ in colour or are out "
            "of focus; `wideopen pairs clean` does the like."
        ),
    ),
    Recipe(
        solution="aia-smart",
        section="4.2",
        stages=_AIA_STAGES,
        note=(
            "The report names the four losses, without weights; the picture that is rendered is judged, before it is "
            "enlarged. The first rate has a decay cycle of 30 epochs, says the report; by how much is chosen here. The "
            "encoder starts from weights of ImageNet (`--body`)."
        ),
    ),
    Recipe(
        solution="aia-smart-layered",
        section="4.2",
        stages=(_AIA_LAYERED,),
        note=(
            "The third stage of the report: start from a trained aia-smart (`--from`), of which all is kept but the "
            "estimator's head; its last layer is new. The fourth stage, which pastes the foreground, learns nothing. "
            "The report names the four losses, without weights."
        ),
    ),
    Recipe(
        solution="cet-sp",
        section="4.3",
        stages=(_wavelet((Term("charbonnier", 1), Term("vgg19", 1)), 600),),
        note=(
            "The report names both losses, without weights. That of VGG19 is large here, for this team's PSNR is the "
            "challenge's lowest at the third best opinion."
        ),
    ),
    Recipe(
        solution="cet-cvlab",
        section="4.3",
        stages=(_wavelet((Term("charbonnier", 1), Term("vgg19", 0.1), Term("sobel", 0.5), Term("grey_l1", 0.5)), 500),),
        note="The report names the four losses, without weights. All else is as for cet-sp.",
    ),
    Recipe(
        solution="team-horizon",
        section="4.4",
        stages=(_horizon("coarse", (Term("l1", 1), Term("ssim_padded", 0.1)), 1e-4, 40), _HORIZON_TUNED),
        note=f"{_HORIZON_NOTE} {_HORIZON_PICTURES}",
    ),
    Recipe(
        solution="team-horizon-stacked",
        section="4.4",
        stages=(_HORIZON_TUNED,),
        note=(
            "Both halves start from a trained team-horizon (`--from`), and learn on together. "
            f"{_HORIZON_NOTE} {_HORIZON_PICTURES}"
        ),
    ),
    Recipe(
        solution="team-horizon-wm",
        section="4.4",
        stages=tuple(
            _horizon(name, (Term("ms_ssim_horizon", 1), Term("ssim_padded", 1)), rate, epochs)
            for name, rate, epochs in (("coarse", 1e-4, 40), ("fine", 1e-5, 20))
        ),
        note=f"The report names both losses, without weights. {_HORIZON_PICTURES}",
    ),
    Recipe(
        solution="ipcv-iitm",
        section="4.5",
        stages=(_IPCV,),
        note=(
            "The report says only that the encoder starts from DenseNet-121 as trained on ImageNet (`--body`). Loss, "
            "rate, betas and the halving every 200 epochs are what the framework that the authors' code builds on "
            "begins with, which does not say that they were used. The loss is taken of values from 0 to 255."
        ),
    ),
    Recipe(
        solution="cet21-cv",
        section="4.6",
        stages=(_one_loss("l1"),),
        note="The report tells the mean absolute error and Adam, and no number.",
    ),
    Recipe(
        solution="cet-ece",
        section="4.7",
        stages=(_one_loss("charbonnier"),),
        note="The report tells the Charbonnier loss, and no number.",
    ),
    Recipe(
        solution="xuehuapiaopiao",
        section="4.8",
        stages=_pynet(_graded(guess=_PYNET_NUMBERS)),
        note=f"{_MODIFIED_NOTE} It learns from all pairs. {_PYNET_NOTE}",
    ),
    Recipe(
        solution="terminator",
        section="4.8",
        stages=_pynet(_graded(guess=_PYNET_NUMBERS)),
        note=(
            f"{_MODIFIED_NOTE} The title promises an improved data set and a robust network: let `wideopen pairs "
            "clean` go over the pairs first, which is a guess at the one. The other may have been samples with noise "
            f"and changed brightness; nothing is done for it. {_PYNET_NOTE}"
        ),
    ),
    Recipe(solution="pynet", stages=_pynet(_graded(code=_PYNET_NUMBERS)), note=_PYNET_NOTE),
)
"""In the order of the catalogue."""
