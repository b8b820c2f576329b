"""What a row of a leaderboard's page folds out: where its figures are from, and those of single pictures."""

import html
import math
from collections.abc import Mapping, Sequence
from typing import Any

from wideopen.score.score import Score
from wideopen.score.tables import json_text


def details_html(score: Score, number: int) -> str:
    """Write the fold-out of a row as HTML; everything in it is escaped."""
    parts = []
    if score.command:
        parts.append(
            f'<div class="command"><code id="command-{number}">{html.escape(score.command)}</code>'
            f'<button type="button" class="copy" data-copies="command-{number}">Copy</button></div>'
        )
    parts.append(_list(_provenance(score)))
    for title, values in (
        ("Further figures", score.others),
        ("Settings", score.settings),
        ("Timing", score.timing),
    ):
        if values:
            parts.append(f"<h3>{title}</h3>{_list({str(key): text_of(value) for key, value in values.items()})}")
    if score.per_image:
        parts.append(_pictures(score))
    return "".join(parts)


def text_of(value: Any) -> str:  # noqa: ANN401
    """Write a value of a Score for people."""
    if value is None:
        return "-"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return f"{value:.4g}" if math.isfinite(value) else str(value)
    if isinstance(value, list | tuple):
        return ", ".join(map(text_of, value))
    return json_text(value) if isinstance(value, Mapping) else str(value)


def worst_first(score: Score) -> list[Mapping[str, Any]]:
    """Order the figures of single pictures: the worst ten, then the rest as they are."""
    records = [each for each in score.per_image if isinstance(each, Mapping)]
    worst = score.worst or tuple(
        str(each.get("name"))
        for each in sorted((each for each in records if _is_number(each.get("psnr_db"))), key=_psnr)
    )
    place = {name: at for at, name in enumerate(worst[:10])}
    return sorted(records, key=lambda each: place.get(str(each.get("name")), len(place)))


def _provenance(score: Score) -> Mapping[str, str]:
    known = {
        "Team": score.team,
        "Author": score.author,
        "Source": score.source,
        "Framework": score.framework,
        "Trained on": score.hardware,
        "Device": score.device,
        "Date": score.date,
        "Commit": score.commit,
        "Checkpoint": score.checkpoint,
        "Protocol": score.protocol,
        "Data": ", ".join(f"{key} {text_of(value)}" for key, value in score.data.items()),
        "Pictures": score.images,
        "Raters": score.raters,
        "Not ranked": score.unranked,
    }
    shown = {name: str(value) for name, value in known.items() if value not in (None, "")}
    if score.origin == "measured":
        shown.setdefault("Commit", "unknown; it did not run from a checkout")
    return shown


def _list(values: Mapping[str, str]) -> str:
    rows = (f"<div><dt>{html.escape(name)}</dt><dd>{html.escape(value)}</dd></div>" for name, value in values.items())
    return f'<dl class="facts">{"".join(rows)}</dl>'


def _pictures(score: Score) -> str:
    records = worst_first(score)
    names = list(dict.fromkeys(key for each in records for key in each if key != "name"))
    head = "".join(f'<th scope="col">{html.escape(str(name))}</th>' for name in ("picture", *names))
    body = "".join(_picture(each, names) for each in records)
    count = f"{len(records)} pictures, the worst first" if len(records) > 1 else "One picture"
    return (
        f'<h3>{count}</h3><div class="scroller" tabindex="0" role="region" aria-label="Figures of single pictures">'
        f'<table class="pictures"><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table></div>'
    )


def _picture(record: Mapping[str, Any], names: Sequence[str]) -> str:
    cells = "".join(f"<td>{html.escape(text_of(record.get(name)))}</td>" for name in names)
    return f'<tr><th scope="row">{html.escape(str(record.get("name", "-")))}</th>{cells}</tr>'


def _psnr(record: Mapping[str, Any]) -> float:
    return float(record["psnr_db"])


def _is_number(value: Any) -> bool:  # noqa: ANN401
    return isinstance(value, int | float) and not isinstance(value, bool)
