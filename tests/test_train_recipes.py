"""Recipes: what the report says is in them, every number has a grade, and they are read and changed as text."""

import json
import re
from contextlib import nullcontext
from dataclasses import fields, replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wideopen.errors import RequestError
from wideopen.train.recipe import Adversary, Recipe, Stage, Term
from wideopen.train.recipes import RECIPES, recipe
from wideopen.zoo.catalog import SOLUTIONS, solution

LOSSES = {"l1", "mse", "charbonnier", "ssim", "ssim_padded", "ms_ssim", "ms_ssim_horizon"}
LOSSES |= {"sobel", "gradient", "grey_l1", "vgg19"}
VIEWS = {"picture", "first", "render", *(f"level {number}" for number in range(1, 8))}
NAMES = [each.name for each in SOLUTIONS]
PYNETS = ("xuehuapiaopiao", "terminator", "pynet")
STAGES = [pytest.param(each, k, id=f"{each.solution}-{k}") for each in RECIPES for k in range(len(each.stages))]

REPORT = {
    ("airia-bokeh", 0, "losses"): (Term("l1", 0.5), Term("ssim", 1.0)),
    ("airia-bokeh", 1, "losses"): (Term("l1", 0.5), Term("ssim", 1.0)),
    ("airia-bokeh", 2, "batch"): 1,
    ("aia-smart", 0, "crop_px"): (256, 256),
    ("aia-smart", 0, "scale"): 1 / 4,
    ("aia-smart", 0, "rate"): 1e-4,
    ("aia-smart", 1, "crop_px"): (512, 512),
    ("aia-smart", 1, "scale"): 1 / 2,
    ("aia-smart-layered", 0, "crop_px"): (512, 512),
    ("cet-sp", 0, "batch"): 10,
    ("cet-sp", 0, "epochs"): 600,
    ("cet-cvlab", 0, "batch"): 10,
    ("cet-cvlab", 0, "epochs"): 500,
    ("cet21-cv", 0, "losses"): (Term("l1", 1.0),),
    ("cet-ece", 0, "losses"): (Term("charbonnier", 1.0),),
}
"""All that the report says in numbers, sections 4.1 to 4.8."""

NAMED_LOSSES = {
    "aia-smart": {"l1", "vgg19", "ssim", "gradient"},
    "aia-smart-layered": {"l1", "vgg19", "ssim", "gradient"},
    "cet-sp": {"charbonnier", "vgg19"},
    "cet-cvlab": {"charbonnier", "vgg19", "sobel", "grey_l1"},
    "team-horizon-wm": {"ms_ssim_horizon", "ssim_padded"},
}
"""Losses that the report names without weights."""


def numbers_of(stage):
    """Fields of a stage that need a grade."""
    names = {"losses", "crop_px", "flips", "batch", "rate", "betas", "steps" if stage.epochs is None else "epochs"}
    untouched = Stage(name="", losses=())
    extra = ["scale", "vertical_flips", "rot90", "decay", "adversary", "average", "most_gradient"]
    return names | {name for name in extra if getattr(stage, name) != getattr(untouched, name)}


def test_there_is_one_for_each_solution_in_the_order_of_the_catalogue():
    assert [each.solution for each in RECIPES] == NAMES
    assert [each.section for each in RECIPES] == [each.section for each in SOLUTIONS]
    assert all(recipe(name).solution == name for name in NAMES)


def test_an_unknown_name_stops_with_the_nearest():
    with pytest.raises(RequestError, match="there is no solution 'cet-cv'; did you mean cet"):
        recipe("cet-cv")


@pytest.mark.parametrize(("each", "k"), STAGES)
def test_losses_and_views_are_known_and_a_stage_has_one_length(each, k):
    stage = each.stages[k]
    assert {term.loss for term in stage.losses} <= LOSSES
    assert all(term.weight > 0 for term in stage.losses)
    assert stage.view in VIEWS
    assert (stage.epochs is None) != (stage.steps is None)
    multiple = solution(each.solution).multiple_of
    assert all(side % multiple == 0 for side in stage.crop_px)
    assert stage.crop_px[0] <= 1024 * stage.scale, "photos of EBB! are 1024 pixels high"


def test_losses_and_views_are_those_that_training_has():
    pytest.importorskip("torch")
    from wideopen.train import losses, views

    used = [stage for each in RECIPES for stage in each.stages]
    assert {term.loss for stage in used for term in stage.losses} <= {*losses.LOSSES, "vgg19"}
    assert {stage.view for stage in used} <= set(views.VIEWS)


@pytest.mark.parametrize(("each", "k"), STAGES)
def test_every_number_has_a_grade_and_no_grade_is_of_nothing(each, k):
    stage = each.stages[k]
    inner = {f"adversary.{field.name}" for field in fields(Adversary)} if stage.adversary else set()
    graded = set(stage.evidence)
    assert numbers_of(stage) - graded == set()
    assert graded - numbers_of(stage) <= inner
    assert set(stage.evidence.values()) <= {"report", "code", "guess"}


def test_what_is_said_to_be_of_the_report_is_there():
    said = {
        (each.solution, k, name): getattr(stage, name)
        for each in RECIPES
        for k, stage in enumerate(each.stages)
        for name, grade in stage.evidence.items()
        if grade == "report"
    }
    assert said == REPORT


def test_losses_that_the_report_names_without_weights_are_there():
    for name, losses in NAMED_LOSSES.items():
        for stage in recipe(name).stages:
            assert {term.loss for term in stage.losses} == losses
            assert stage.grade("losses") == "guess"


def test_code_is_cited_only_where_code_is_published():
    for each in RECIPES:
        if any("code" in stage.evidence.values() for stage in each.stages):
            assert not solution(each.solution).is_reconstruction, each.solution


def test_pynet_learns_from_level_7_to_level_1():
    stages = recipe("pynet").stages
    assert [stage.view for stage in stages] == [f"level {number}" for number in range(7, 0, -1)]
    assert [stage.batch for stage in stages] == [50, 50, 40, 14, 9, 9, 5]
    assert sum(stage.steps for stage in stages) == 260_000
    assert all(stage.losses == (Term("l1", 100.0),) for stage in stages[:-1])
    assert stages[-1].losses == (Term("l1", 10.0), Term("vgg19", 0.1), Term("ssim", 10.0))


def test_airia_ends_with_critics_and_its_note_tells_how_the_code_has_them():
    each = recipe("airia-bokeh")
    assert [stage.adversary is None for stage in each.stages] == [True, True, False]
    settings = re.findall(r"--set (\S+?)[ `]", each.note)
    for setting in settings:
        each = each.with_setting(setting)
    assert each.stages[2].adversary == Adversary(
        weight=1.0, rate=1e-5, betas=(0.0, 0.9), penalty=1.0, constrained=True, penalty_of_sum=True
    )


@pytest.mark.parametrize("name", [name for name in NAMES if name not in PYNETS])
def test_every_part_that_learns_is_there_and_gets_a_gradient(name, monkeypatch):
    torch = pytest.importorskip("torch")
    from wideopen.train.views import VIEWS

    # On a device without numbers it is quick, but autocast does not know that device.
    monkeypatch.setattr(torch, "autocast", lambda *_, **__: nullcontext())
    with torch.device("meta"):
        network = solution(name).build()
        picture, guide = torch.rand(1, 3, 64, 64), torch.rand(1, 1, 64, 64)
    for stage in recipe(name).stages:
        network.requires_grad_(False)
        learning = [(key, each) for key, each in network.named_parameters() if key.startswith(stage.learns)]
        for _, each in learning:
            each.grad = None
            each.requires_grad_(True)
        VIEWS[stage.view](network, picture, [guide for _ in solution(name).needs]).sum().backward()
        without = {key for key, each in learning if each.grad is None}
        assert without <= set(getattr(network, "unused", ())), stage.name
        for start in stage.learns:
            assert any(key.startswith(start) for key, _ in learning), f"{stage.name} learns {start}"


def test_the_layered_network_learns_what_it_says_itself():
    torch = pytest.importorskip("torch")
    with torch.device("meta"):
        network = solution("aia-smart-layered").build()
    (stage,) = recipe("aia-smart-layered").stages
    learned = {key for key, _ in network.named_parameters() if key.startswith(stage.learns)}
    assert learned == {key for key, _ in network.learning_in_stage_3()}


@pytest.mark.parametrize("level", range(7, 0, -1))
def test_pynets_levels_learn_all_that_their_picture_goes_through_and_nothing_else(level):
    torch = pytest.importorskip("torch")
    from wideopen.train.views import VIEWS

    with torch.device("meta"):
        network = solution("pynet").build()
        picture, depth = torch.rand(1, 3, 64, 64), torch.rand(1, 1, 64, 64)
    stage = recipe("pynet").stages[7 - level]
    VIEWS[stage.view](network, picture, [depth]).sum().backward()
    seen = {key for key, each in network.named_parameters() if each.grad is not None}
    assert {key for key, _ in network.named_parameters() if key.startswith(stage.learns)} == seen


def test_the_modified_pynets_learn_as_pynet_by_guess():
    for name in PYNETS[:2]:
        stages = recipe(name).stages
        assert {grade for stage in stages for grade in stage.evidence.values()} == {"guess"}
        bare = [[replace(stage, evidence={}) for stage in each] for each in (stages, recipe("pynet").stages)]
        assert bare[0] == bare[1]


def test_airias_networks_learn_separately_then_together():
    stages = recipe("airia-bokeh").stages
    assert [stage.learns for stage in stages] == [("first.",), ("second.",), ("",)]
    assert [stage.view for stage in stages] == ["first", "picture", "picture"]


@pytest.mark.parametrize("name", NAMES)
def test_a_recipe_is_read_as_it_was_written(name):
    each = recipe(name)
    assert Recipe.from_json(each.to_json()) == each
    assert Recipe.from_json(json.dumps({"recipe": json.loads(each.to_json())})) == each


@given(name=st.sampled_from(NAMES), rate=st.floats(1e-9, 1.0), steps=st.integers(1, 10**9))
def test_changed_recipes_are_read_as_they_were_written(name, rate, steps):
    each = recipe(name).with_setting(f"stages.0.rate={rate!r}").with_setting(f"stages.0.steps={steps}")
    assert each.stages[0].rate == rate
    assert each.stages[0].steps == steps
    assert each.stages[1:] == recipe(name).stages[1:]
    assert Recipe.from_json(each.to_json()) == each


@pytest.mark.parametrize(
    ("setting", "changed"),
    [
        ("rate=5e-5", {"rate": 5e-5}),
        ("rate=1", {"rate": 1.0}),
        ("batch=4", {"batch": 4}),
        ("flips=false", {"flips": False}),
        ("view=first", {"view": "first"}),
        ("crop_px=[64, 96]", {"crop_px": (64, 96)}),
        ("crop_px.1=96", {"crop_px": (1024, 96)}),
        ("betas.0=0.5", {"betas": (0.5, 0.9)}),
        ("decay=[[0.5, 0.1], [0.9, 0.01]]", {"decay": ((0.5, 0.1), (0.9, 0.01))}),
        ('learns=["second."]', {"learns": ("second.",)}),
        ("average=0.999", {"average": 0.999}),
        ("adversary=null", {"adversary": None}),
        ("adversary.penalty=3", {"adversary": Adversary(penalty=3.0)}),
        ('losses=[{"loss": "mse"}]', {"losses": (Term("mse", 1.0),)}),
        ("losses.1.weight=2", {"losses": (Term("l1", 0.5), Term("ssim", 2.0), Term("vgg19", 0.1))}),
    ],
)
def test_one_value_is_changed_and_the_rest_stays(setting, changed):
    before = recipe("airia-bokeh")
    after = before.with_setting(f"stages.2.{setting}")
    grades = {**before.stages[2].evidence, setting.partition("=")[0].split(".")[0]: "user"}
    wanted = replace(before.stages[2], **changed, evidence=grades)
    assert after == replace(before, stages=(*before.stages[:2], wanted))
    assert after != before


@pytest.mark.parametrize(
    ("setting", "said"),
    [
        ("stages.0.ratee=1e-4", "there is no 'ratee'; did you mean rate?"),
        ("stagse.0.rate=1e-4", "there is no 'stagse'; did you mean stages?"),
        ("stages.0.qqqq=1", "there is no 'qqqq'; there are name, losses"),
        ("stages.0.losses.0.wieght=1", "there is no 'wieght'; did you mean weight?"),
        ('stages.0.losses=[{"lose": "l1"}]', "there is no 'lose'; did you mean loss?"),
        ('stages.0.losses=[{"weight": 1}]', "Term needs loss"),
        ("stages.0.rate", "has no value; write for example --set stages.0.rate=5e-5"),
        ("stages.0.rate=fast", "'fast' is no number"),
        ("stages.0.rate=true", "True is no number"),
        ("stages.0.batch=1.5", "1.5 is no whole number"),
        ("stages.0.batch=true", "True is no whole number"),
        ("stages.0.flips=1", "1 is no true or false"),
        ("stages.0.view=3", "3 is no text"),
        ("stages.0.rate=null", "None is no number"),
        ("stages.0.crop_px=[64]", "\\[64\\] is no"),
        ('stages.0.crop_px=[64, "a"]', "'a' is no whole number"),
        ("stages.0.losses=3", "3 is no"),
        ("stages.9.rate=1", "there is no number 9 of 3, counted from 0"),
        ("stages.-1.rate=1", "there is no number -1 of 3"),
        ("stages.rate=1", "there is no number rate of 3"),
        ("stages.0.adversary.rate=1", "rate belongs to nothing that is there"),
        ("stages.0.rate.high=1", "high belongs to nothing that is there"),
    ],
)
def test_what_cannot_be_set_is_told_in_one_line(setting, said):
    with pytest.raises(RequestError, match=said) as caught:
        recipe("airia-bokeh").with_setting(setting)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"stagse": []}, "there is no 'stagse'; did you mean stages?"),
        ({"stages": [{"name": "a", "losses": [], "ratee": 1}]}, "there is no 'ratee'; did you mean rate?"),
        ({"stages": [{"name": "a"}]}, "Stage needs losses"),
        ({"stages": [{"name": "a", "losses": [], "evidence": {"rate": "rumour"}}]}, "'rumour' is no"),
        ({"stages": 3}, "3 is no"),
        ({"solution": None}, "None is no text"),
    ],
)
def test_a_broken_recipe_is_told_in_one_line(change, said):
    with pytest.raises(RequestError, match=said) as caught:
        Recipe.from_json(json.dumps({"solution": "pynet", "stages": []} | change))
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("text", ["", "{", "[]", "3", "{}"])
def test_what_is_no_recipe_is_refused(text):
    with pytest.raises(RequestError):
        Recipe.from_json(text)


@pytest.mark.parametrize("name", NAMES)
def test_shortening_caps_every_stage_and_nothing_else(name):
    before = recipe(name)
    after = before.shortened(7_000)
    for old, new in zip(before.stages, after.stages, strict=True):
        assert new == replace(old, epochs=None, steps=min(old.steps or 7_000, 7_000))
    assert replace(after, stages=before.stages) == before
