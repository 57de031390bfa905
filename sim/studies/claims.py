"""Claims of a study: an output is larger at some points than at others, and whether that stands when the rest changes.

A claim compares every point that has the settings ``larger`` with the one that has the settings ``than`` and is the
same in all other keys. The other keys of the grid are what the claim is tried under: seeds, sets of sessions, lengths
of periods, numbers of drivers.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import pandas as pd
import yaml

from equilibrium.errors import InputError
from scenarios.settings import as_text
from sim.studies.specification import ClaimSection, Specification
from sim.studies.statistics import paired_difference
from sim.studies.storage import StudyResults

ROBUST, SHIFTED, FRAGILE, OPEN = "robust", "shifted", "fragile", "open"


def check_claims(study: Specification) -> None:
    """Make sure that every claim compares points of the study.

    Raises
    ------
    InputError
        When a claim names no output of runs, or no two points that differ in nothing else.
    """
    outputs = [name for name, each in study.file.outputs.items() if each.per == "run"]
    for name, claim in study.file.claims.items():
        if claim.output not in outputs:
            expected = f"an output of runs: {', '.join(outputs) or 'there is none'}"
            raise InputError(study.source, f"claims.{name}.output", claim.output, expected)
        if not list(_pairs(study, claim)):
            expected = "settings that two points of the study have which differ in nothing else"
            raise InputError(study.source, f"claims.{name}", {**claim.larger, "than": claim.than}, expected)


def examined(study: Specification, results: StudyResults, confidence: float = 0.95) -> pd.DataFrame:
    """Return a row for each claim and pair of points: the mean difference, its interval, and in how many replications.

    Parameters
    ----------
    study
        The study with its claims.
    results
        What came of it.
    confidence
        Of the t interval of the paired differences.

    Returns
    -------
    DataFrame
        ``claim``, ``point``, ``other``, ``mean``, ``low``, ``high``, ``holds`` and ``replications``.
    """
    rows = []
    finished = set(results.runs["point"])
    for name, claim in study.file.claims.items():
        for point, other in _pairs(study, claim):
            if not {point, other} <= finished:
                continue
            found, _ = paired_difference(results.runs, claim.output, point, other, confidence)
            by_point = results.runs.pivot_table(index="replication", columns="point", values=claim.output)
            both = by_point[[point, other]].dropna()
            rows.append(
                {
                    "claim": name,
                    "point": point,
                    "other": other,
                    "mean": found.mean,
                    "low": found.low,
                    "high": found.high,
                    "holds": int((both[point] > both[other]).sum()),
                    "replications": len(both),
                }
            )
    columns = ["claim", "point", "other", "mean", "low", "high", "holds", "replications"]
    return pd.DataFrame(rows, columns=columns)


def verdicts(pairs: pd.DataFrame, names: Mapping[str, ClaimSection]) -> pd.DataFrame:
    """Return what is said of each claim.

    ``robust``: at every pair of points the whole interval is above zero. ``fragile``: at some pair the mean is not.
    ``shifted``: the mean is above zero everywhere, but at some pair the interval is not. ``open``: no pair has two
    replications, so that no interval is known.

    Parameters
    ----------
    pairs
        What :func:`examined` returns.
    names
        The claims of the study by name.

    Returns
    -------
    DataFrame
        ``claim``, ``verdict``, ``pairs`` and in how many of them the interval (``clear``) and the mean (``held``) are
        above zero, ``holds`` of all ``replications``.
    """
    rows = []
    for name in names:
        own = pairs[pairs["claim"] == name]
        clear, held = int((own["low"] > 0.0).sum()), int((own["mean"] > 0.0).sum())
        if own["low"].isna().all():
            verdict = OPEN
        elif held < len(own):
            verdict = FRAGILE
        else:
            verdict = ROBUST if clear == len(own) else SHIFTED
        counts = {"pairs": len(own), "clear": clear, "held": held}
        holds, replications = int(own["holds"].sum()), int(own["replications"].sum())
        rows.append({"claim": name, "verdict": verdict, **counts, "holds": holds, "replications": replications})
    return pd.DataFrame(rows)


def _pairs(study: Specification, claim: ClaimSection) -> Iterator[tuple[int, int]]:
    """Yield the points that a claim compares."""
    keys = claim.larger.keys() | claim.than.keys()
    known = [{key: _value(text) for key, text in point.items()} for point in study.points]
    rest = [str([(key, value) for key, value in settings.items() if key not in keys]) for settings in known]
    others: dict[str, list[int]] = {}
    for other, settings in enumerate(known):
        if _has(settings, claim.than):
            others.setdefault(rest[other], []).append(other)
    for point, settings in enumerate(known):
        if _has(settings, claim.larger):
            yield from ((point, other) for other in others.get(rest[point], ()) if other != point)


def _has(settings: Mapping[str, object], wanted: Mapping[str, object]) -> bool:
    return all(key in settings and settings[key] == _value(as_text(value)) for key, value in wanted.items())


def _value(text: str) -> object:
    """Return what YAML makes of the text of a value, so that ``1.0`` is ``1``."""
    return yaml.safe_load(text)
