"""A study's report as one page that holds all it shows, without script and without any other address."""

from collections.abc import Iterable, Sequence
from html import escape

from wideopen.study.chart import COLOURS, Mark, heat_chart, levels_chart, scale_chart
from wideopen.study.opinion import Interval
from wideopen.study.report import Method, Report
from wideopen.study.report_style import STYLE
from wideopen.study.report_text import how_html, in_words, interval_words, number_words, p_words
from wideopen.study.screening import Rater
from wideopen.study.vote import LEVELS

_POLICY = "default-src 'none'; style-src 'unsafe-inline'"


def page_of(report: Report) -> str:
    """Write the report as HTML."""
    simulated = " (simulated)" if report.simulated else ""
    title = f"Opinions: {report.title}{simulated}"
    band = '<div class="band" role="note">Simulated: all votes come from a program, none from a person</div>'
    sections = [_scores(report), _levels(report), _pictures(report), _pairs(report), _raters(report), how_html(report)]
    return (
        '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        f'<meta http-equiv="Content-Security-Policy" content="{_POLICY}">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>{escape(title)}</title>\n<style>{STYLE}</style>\n</head>\n<body>\n"
        f"{band if report.simulated else ''}\n{_header(report, title)}\n<main>\n"
        + "\n".join(filter(None, sections))
        + "\n</main>\n</body>\n</html>\n"
    )


def _header(report: Report, title: str) -> str:
    kept = f"{len(report.kept)} <small>of {len(report.raters)}</small>"
    votes = f"{report.votes_kept} <small>of {report.votes_counted}</small>"
    facts = [
        ("Methods", str(len(report.methods))),
        ("Pictures", str(len({each.picture for each in report.results}))),
        ("Raters kept", kept),
        ("Votes kept", votes),
        ("Agreement (Krippendorff)", number_words(report.alpha_kept)),
        ("Planned on", escape(report.created[:10])),
    ]
    items = "".join(f"<div><dt>{name}</dt><dd>{value}</dd></div>" for name, value in facts)
    notes = "".join(f"<li>{escape(note)}</li>" for note in report.notes)
    told = f'<ul class="notes" aria-label="Mind this">{notes}</ul>' if notes else ""
    return f'<header><h1>{escape(title)}</h1><dl class="facts">{items}</dl>{told}</header>'


def _scores(report: Report) -> str:
    marks = [
        Mark(
            each.name,
            each.kept.opinion.mos,
            each.kept.opinion.interval,
            each.everyone.opinion.mos,
            f"{number_words(each.kept.opinion.mos)} {_bracket(each.kept.opinion.interval)}",
        )
        for each in report.methods
    ]
    chart = scale_chart(marks, "Mean opinion of each method with its 95 % interval; the table below has the figures")
    key = (
        '<ul class="key" aria-hidden="true"><li><i class="dot"></i>kept raters</li><li><i class="bar"></i>95 % interval'
        '</li><li><i class="ring"></i>all raters</li></ul>'
    )
    head = ["Place", "Method", "MOS", "95 % interval", "All raters", "Bias removed", "Most likely", "Votes"]
    head.append(f"Still needed for ±{report.wanted_half_width:g}")
    rows = ([*_score_cells(each)] for each in report.methods)
    return _section(
        "Mean opinion scores",
        "From 1 (completely corrupted image) to 5 (comparable perceptual quality). Methods that do not differ "
        "significantly from the best of their group share its place (=).",
        f"<figure>{key}{chart}</figure>" + _table(head, rows, "Mean opinion scores", row_head=1, text=(1, 8)),
    )


def _score_cells(method: Method) -> Iterable[str]:
    kept, everyone = method.kept, method.everyone
    yield "-" if method.place is None else f"{method.place}{'=' if method.shared else ''}"
    yield escape(method.name)
    yield f"<b>{number_words(kept.opinion.mos)}</b>"
    yield interval_words(kept.opinion.interval)
    yield f"{number_words(everyone.opinion.mos)} <small>{interval_words(everyone.opinion.interval)}</small>"
    yield number_words(kept.without_bias)
    yield f"{number_words(kept.most_likely)} <small>all: {number_words(everyone.most_likely)}</small>"
    yield f"{kept.opinion.votes} <small>{in_words(kept.opinion.raters, 'rater')}</small>"
    demand = method.demand
    if demand.half_width is None:
        yield "-"
    elif demand.votes == 0:
        yield "none"
    elif demand.votes is None:
        pictures = "more pictures" if demand.pictures is None else f"{demand.pictures} pictures in all"
        yield f"more votes cannot do it <small>{pictures} would</small>"
    else:
        yield f"{in_words(demand.votes, 'vote')} <small>{demand.votes_per_picture} per picture in all</small>"


def _levels(report: Report) -> str:
    counts = {each.name: each.kept.opinion.levels for each in report.methods}
    key = "".join(
        f'<li><i style="background:{COLOURS[level]}"></i>{level}: {escape(text)}</li>' for level, text in LEVELS.items()
    )
    chart = levels_chart(counts, "Shares of the five answers for each method; the table below has the counts")
    head = ["Method", *(f"{level}: {text}" for level, text in sorted(LEVELS.items()))]
    rows = ([escape(name), *map(str, numbers)] for name, numbers in counts.items())
    traps = ""
    if report.traps:
        cells = (
            [escape(each.name), each.kind, number_words(each.mean), str(each.votes), str(each.failed)]
            for each in report.traps
        )
        traps = "<h3>Traps, by all raters</h3>" + _table(
            ["Trap", "Kind", "Mean", "Votes", "Failed"], cells, "Traps", text=(1,)
        )
    body = f'<figure><ul class="key">{key}</ul>{chart}</figure>'
    body += _details("The same in figures", _table(head, rows, "Number of answers")) + traps
    return _section("Answers", "How often each of the five answers was given, by kept raters.", body)


def _pictures(report: Report) -> str:
    methods = [each.name for each in report.methods]
    scores = {(each.picture, each.method): each.mos for each in report.results if each.mos is not None}
    means = {
        picture: [scores[picture, name] for name in methods if (picture, name) in scores]
        for picture in dict.fromkeys(each.picture for each in report.results)
    }
    order = sorted(means, key=lambda name: (sum(means[name]) / len(means[name]) if means[name] else 6, name))
    chart = heat_chart(order, methods, scores, "Mean opinion of each picture of each method; the table has the figures")
    of = {(each.picture, each.method): each for each in report.results}
    rows = (
        [
            escape(picture),
            *(
                f"{number_words(of[picture, name].mos)} <small>{interval_words(of[picture, name].interval)}, "
                f"{in_words(of[picture, name].votes, 'vote')}</small>"
                for name in methods
            ),
        ]
        for picture in order
    )
    box = '<div class="scroller tall heatbox" tabindex="0" role="region" aria-label="Opinions by picture">'
    table = _table(["Picture", *map(escape, methods)], rows, "Opinions by picture", tall=True, escaped=True)
    return _section(
        "Pictures",
        "Mean opinion of each result, by kept raters; the picture that did worst comes first. Intervals are of raters "
        "alone.",
        f'<figure class="whole">{box}{chart}</div></figure>' + _details("The same in figures, with intervals", table),
    )


def _pairs(report: Report) -> str:
    if not report.comparisons:
        return ""
    names = [each.name for each in report.methods]
    of = {(each.first, each.second): (each, 1) for each in report.comparisons}
    of |= {(each.second, each.first): (each, -1) for each in report.comparisons}

    def cell(row: str, column: str) -> str:
        if row == column:
            return '<td class="same" aria-label="itself"></td>'
        each, sign = of[row, column]
        if each.effect is None:
            return '<td class="same">-</td>'
        effect = sign * each.effect + 0.0
        kind = "same" if not each.significant else "better" if effect > 0 else "worse"
        said = {"same": "no significant difference", "better": "better", "worse": "worse"}[kind]
        star = "*" if each.significant else ""
        return f'<td class="{kind}" title="{said}, p {p_words(each.p_holm)}">{effect:+.2f}{star}</td>'

    head = "".join(f'<th scope="col">{escape(name)}</th>' for name in names)
    rows = "".join(
        f'<tr><th scope="row">{escape(row)}</th>{"".join(cell(row, column) for column in names)}</tr>' for row in names
    )
    matrix = (
        '<div class="scroller matrix" tabindex="0" role="region" aria-label="Methods compared"><table><thead><tr>'
        f'<th scope="col">against</th>{head}</tr></thead><tbody>{rows}</tbody></table></div>'
    )
    cells = (
        [
            *(escape(each.first), escape(each.second), number_words(each.difference), number_words(each.effect)),
            *(p_words(each.p_pictures), p_words(each.p_raters)),
            *(p_words(each.p_holm), "yes" if each.significant else "no"),
        ]
        for each in report.comparisons
    )
    head_all = ["First", "Second", "Difference", "Effect", "p by pictures", "p by raters", "p (Holm)", "Differ"]
    table = _table(head_all, cells, "All comparisons", text=(1, 7))
    return _section(
        "Methods compared",
        "How clearly the method of the row is better than that of the column over pictures: 1 on all, -1 on none. "
        "A star and colour mark what is more than chance (p below 0.05).",
        matrix + _details("All comparisons in figures", table),
    )


def _raters(report: Report) -> str:
    head = ["Rater", "Verdict", "Why dropped", "Answers", "Traps failed", "Repeats differ by", "Median time"]
    order = sorted(report.raters, key=lambda rater: (rater.kept, rater.name))
    rows = (list(_rater_cells(rater)) for rater in order)
    return _section(
        "Raters",
        f"{len(report.kept)} of {in_words(len(report.raters), 'rater')} are kept. Agreement is the rank correlation "
        "with the mean of the others.",
        _table([*head, "Variance", "Agreement"], rows, "Raters", tall=True, text=(1, 2)),
    )


def _rater_cells(rater: Rater) -> Iterable[str]:
    reasons = "".join(f"<li>{escape(reason)}</li>" for reason in rater.reasons)
    yield escape(rater.name)
    yield '<span class="kept">kept</span>' if rater.kept else '<span class="dropped">dropped</span>'
    yield f'<div class="why"><ul>{reasons}</ul></div>' if reasons else ""
    yield str(rater.answers)
    yield f"{rater.failed_traps} of {rater.traps}" if rater.traps else "-"
    yield number_words(rater.repeat_difference)
    yield "-" if rater.shown_s is None else f"{rater.shown_s:.1f} s"
    yield number_words(rater.variance)
    yield number_words(rater.agreement)


def _section(title: str, told: str, body: str) -> str:
    return f"<section><h2>{escape(title)}</h2><p>{escape(told)}</p>{body}</section>"


def _details(title: str, body: str) -> str:
    return f"<details><summary>{escape(title)}</summary>{body}</details>"


def _table(
    head: Sequence[str],
    rows: Iterable[Sequence[str]],
    label: str,
    *,
    row_head: int = 0,
    text: Sequence[int] = (),
    tall: bool = False,
    escaped: bool = False,
) -> str:
    """Write a table of HTML cells; all columns but `row_head` and `text` are numbers."""
    kinds = ["" if index == row_head or index in text else ' class="number"' for index in range(len(head))]
    titles = "".join(
        f'<th scope="col"{kind}>{title if escaped else escape(title)}</th>'
        for kind, title in zip(kinds, head, strict=True)
    )
    body = "".join(
        "<tr>"
        + "".join(
            f'<th scope="row">{cell}</th>' if index == row_head else f"<td{kinds[index]}>{cell}</td>"
            for index, cell in enumerate(row)
        )
        + "</tr>"
        for row in rows
    )
    return (
        f'<div class="scroller{" tall" if tall else ""}" tabindex="0" role="region" aria-label="{escape(label)}">'
        f"<table><thead><tr>{titles}</tr></thead><tbody>{body}</tbody></table></div>"
    )


def _bracket(interval: Interval | None) -> str:
    return "" if interval is None else f"({interval_words(interval)})"
