"""Agreement: how far raters say the same."""

import numpy as np

from wideopen.shapes import Float
from wideopen.study.opinion import load


def alpha(levels: Float[np.ndarray, "raters stimuli"]) -> float | None:
    """Find Krippendorff's alpha for ordinal answers: 1 where all agree, 0 where it is as by chance.

    ``1 - D_o / D_e``, with Krippendorff's ordinal distance (Krippendorff 2011, "Computing Krippendorff's
    Alpha-Reliability"; the package krippendorff).

    Args:
        levels: Answers, NaN where there is none.

    Returns:
        None where no two raters answered to the same, or all answers that can be compared are equal.

    Raises:
        RequestError: If the package is not installed.
    """
    shared = levels[:, (~np.isnan(levels)).sum(axis=0) > 1]
    if np.unique(shared[~np.isnan(shared)]).size < 2:
        return None
    return float(load("krippendorff").alpha(reliability_data=shared, level_of_measurement="ordinal"))


def with_the_rest(levels: Float[np.ndarray, "raters stimuli"]) -> list[float | None]:
    """Find every rater's rank correlation with the mean of the others.

    Spearman's, over what the rater and at least one other answered.

    Args:
        levels: Answers, NaN where there is none.

    Returns:
        None where less than three are shared, or one side is all the same.
    """
    rankdata = load("scipy.stats").rankdata
    seen = ~np.isnan(levels)
    totals, answers = np.where(seen, levels, 0).sum(axis=0), seen.sum(axis=0)
    found: list[float | None] = []
    for own, mine in zip(levels, seen, strict=True):
        shared = mine & (answers > 1)
        rest = (totals[shared] - own[shared]) / (answers[shared] - 1)
        if shared.sum() < 3 or np.ptp(own[shared]) == 0 or np.ptp(rest) == 0:
            found.append(None)
            continue
        found.append(float(np.corrcoef(rankdata(own[shared]), rankdata(rest))[0, 1]))
    return found
