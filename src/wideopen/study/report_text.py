"""How a study's report says its figures, and how they were found."""

import math
from html import escape

from wideopen.study.opinion import Interval
from wideopen.study.report import Report


def number_words(value: float | None) -> str:
    """Write a figure with two decimals, or a stroke where there is none."""
    if value is None or not math.isfinite(value):
        return "-"
    return f"{value + 0.0:.2f}".replace("-0.00", "0.00")


def interval_words(interval: Interval | None) -> str:
    """Write an interval, or that there is none."""
    return "no interval" if interval is None else f"{interval[0]:.2f} to {interval[1]:.2f}"


def p_words(p: float) -> str:
    """Write a probability."""
    return "&lt;0.001" if p < 0.001 else f"{p:.3f}"


def in_words(number: int, noun: str) -> str:
    """Write a number of things."""
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def how_html(report: Report) -> str:
    """Tell how all figures of the page were found."""
    rules = report.rules
    told = [
        (
            "Mean opinion score",
            "Mean over pictures of the mean over raters, as in the AIM 2020 report (section 2.2). Traps do not count, "
            "and of what was shown twice only the first answer does.",
        ),
        (
            "95 % interval",
            "Raters and pictures are both samples: two-way cluster variance (Cameron, Gelbach and Miller 2011), "
            "Student's t with Satterthwaite's degrees of freedom, cut off at 1 and 5. Of one picture: Student's t over "
            "its raters.",
        ),
        (
            "Bias removed, most likely",
            "ITU-T P.913 clause 12.4 takes each rater's mean offset off. SUREAL's maximum likelihood (ITU-T P.910 "
            "Annex E) also trusts steady raters more. Neither is in the places.",
        ),
        (
            "Who is dropped",
            f"Whoever fails at least {rules.failed_traps} traps and {100 * rules.failed_share:g} % of those shown "
            f"(camera's own photo at {rules.worst_reference} or lower, sharp photo or blurred anchor at "
            f"{rules.best_bad} or higher); answers with a variance below {rules.least_variance:g}; answers to repeats "
            f"that differ by more than {rules.most_difference:g} on average; a median time below "
            f"{rules.least_shown_s:g} s; answers that "
            "run against the others' (Spearman, 1 % one-sided); ITU-R BT.500's outliers.",
        ),
        (
            "Methods compared",
            "Wilcoxon's signed-rank test, two-sided, once over pictures and once over raters; the larger p counts, "
            "with Holm's correction for all pairs. The effect is the rank-biserial correlation over pictures. A method "
            "shares the place of the one that opened it, unless the two differ significantly; methods at neighbouring "
            "places may not differ.",
        ),
        (
            "Agreement",
            f"Krippendorff's alpha for ordinal answers: {number_words(report.alpha_kept)} of the raters kept, "
            f"{number_words(report.alpha_everyone)} of all.",
        ),
        (
            "Votes still needed",
            "Differences between pictures stay however many people vote; the rest of the variance falls with the "
            "number of votes. Where pictures alone are more than the wanted interval allows, only more pictures help.",
        ),
    ]
    items = "".join(f"<li><b>{escape(name)}.</b> {escape(text)}</li>" for name, text in told)
    return f'<section class="how"><h2>How this was found</h2><ul>{items}</ul></section>'
