"""The catalogue: the report's Table 1 in its order, and a command that prints it."""

import json
import subprocess
import sys

import pytest

from wideopen.errors import RequestError
from wideopen.zoo.catalog import SOLUTIONS, solution
from wideopen.zoo.solution import Solution

TABLE_1 = {
    "Airia-bokeh": (23.58, 0.8770, 4.2),
    "AIA-Smart": (23.56, 0.8829, 3.8),
    "CET_SP": (21.91, 0.8201, 3.3),
    "CET_CVLab": (23.05, 0.8591, 3.2),
    "Team Horizon": (23.27, 0.8818, 3.2),
    "IPCV_IITM": (23.77, 0.8866, 2.5),
    "CET21_CV": (22.80, 0.8628, 1.3),
    "CET_ECE": (22.85, 0.8629, 1.2),
    "xuehuapiaopiao-team": (22.98, 0.8758, None),
    "Terminator": (23.04, 0.8756, None),
}


def test_teams_and_scores_are_those_of_table_1_in_its_order():
    first = {}
    for each in SOLUTIONS:
        first.setdefault(each.team, (each.psnr_db, each.ssim, each.mos))
    assert list(first) == [*TABLE_1, "baseline"]
    assert {team: first[team] for team in TABLE_1} == TABLE_1


def test_names_are_unique_and_reconstructions_say_what_was_chosen():
    assert len({each.name for each in SOLUTIONS}) == len(SOLUTIONS) == 14
    for each in SOLUTIONS:
        assert each.source
        assert each.departures
        assert each.parameters > 100_000


def test_an_unknown_name_stops_with_the_nearest():
    with pytest.raises(RequestError, match="there is no solution 'airia'; did you mean airia-bokeh"):
        solution("airia")
    with pytest.raises(RequestError, match="`wideopen solutions` lists them"):
        solution("zzzz")


def test_the_command_prints_one_object_per_line(wideopen):
    code, out, _ = wideopen("solutions", "--json")
    assert code == 0
    lines = [json.loads(line) for line in out.splitlines()]
    keys = "name team section parameters needs evidence multiple_of value_range psnr_db ssim mos"
    assert all(list(line) == keys.split() for line in lines)
    assert [line["name"] for line in lines] == [each.name for each in SOLUTIONS]


def test_the_command_marks_reconstructions_and_tells_all_of_one(wideopen):
    _, out, _ = wideopen("solutions")
    marked = {line.split()[0].rstrip("*") for line in out.splitlines() if line.split()[0].endswith("*")} - {""}
    assert marked == {each.name for each in SOLUTIONS if each.evidence == "report only"}
    _, out, _ = wideopen("solutions", "cet-ece")
    assert "a reconstruction" in out
    assert "chosen here" in out
    assert wideopen("solutions", "cet-eec")[0] == 2


def test_the_list_needs_no_torch():
    code = "import sys; import wideopen.zoo.catalog, wideopen.cli.zoo; assert 'torch' not in sys.modules"
    subprocess.run([sys.executable, "-c", code], check=True)


def test_a_strangers_network_needs_no_registry():
    mine = Solution(name="mine", build=dict)
    assert (mine.is_reconstruction, mine.value_range) == (True, (0.0, 1.0))
