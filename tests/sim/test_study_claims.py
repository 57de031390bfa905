"""Claims of a study: which points they compare, and what is said of them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
import yaml

from equilibrium.errors import InputError
from sim.cli import main
from sim.studies.claims import check_claims, examined, verdicts
from sim.studies.specification import Specification, read_specification
from sim.studies.storage import StudyResults, point_frame

CLAIM = {"output": "profit", "larger": {"lots.lot-1.places": 40}, "than": {"lots.lot-1.places": 20}}
OUTPUTS = {
    "profit": {"table": "days", "column": "lot_profit", "reduce": "sum"},
    "lowest": {"table": "prices", "column": "voltage_pu", "reduce": "min", "per": "day"},
}


def written(folder: Path, **keys: Any) -> Path:
    base = {"scenario": "week-33", "days": 1, "replications": 2, "outputs": OUTPUTS, "claims": {"places_pay": CLAIM}}
    grid = {"lots.lot-1.places": [20, 40], "loads.scale": [0.9, 1.0]}
    path = folder / "study.yaml"
    path.write_text(yaml.safe_dump({**base, "grid": grid, **keys}, sort_keys=False), encoding="utf-8")
    return path


@pytest.fixture
def study(tmp_path: Path) -> Specification:
    return read_specification(written(tmp_path))


def results(study: Specification, profit: Callable[[int, int], float]) -> StudyResults:
    runs = [
        {"point": point, "replication": replication, "profit": profit(point, replication)}
        for point in range(4)
        for replication in range(2)
    ]
    return StudyResults(point_frame(study.points), pd.DataFrame(runs), pd.DataFrame(), pd.DataFrame(), True)


@pytest.mark.parametrize(
    ("gains", "verdict", "counts"),
    [
        ([(5.0, 5.1), (4.0, 4.1)], "robust", (2, 2, 2, 4, 4)),
        ([(5.0, 5.1), (4.0, 0.5)], "shifted", (2, 1, 2, 4, 4)),
        ([(5.0, 5.1), (4.0, -0.5)], "shifted", (2, 1, 2, 3, 4)),
        ([(5.0, 5.1), (-4.0, 0.5)], "fragile", (2, 1, 1, 3, 4)),
        ([(0.0, 0.0), (1.0, 1.0)], "fragile", (2, 1, 1, 2, 4)),
    ],
)
def test_what_is_said_of_a_claim(
    study: Specification, gains: list[tuple[float, float]], verdict: str, counts: tuple[int, ...]
) -> None:
    # points: (20, 0.9), (20, 1.0), (40, 0.9), (40, 1.0); the pairs are 2 with 0 and 3 with 1
    def profit(point: int, replication: int) -> float:
        return 100.0 * replication + (gains[point - 2][replication] if point >= 2 else 0.0)

    pairs = examined(study, results(study, profit))
    assert list(zip(pairs["point"], pairs["other"], strict=True)) == [(2, 0), (3, 1)]
    assert pairs["mean"].tolist() == pytest.approx([sum(each) / 2 for each in gains])
    row = verdicts(pairs, study.file.claims).iloc[0]
    assert row["verdict"] == verdict
    assert tuple(row[["pairs", "clear", "held", "holds", "replications"]]) == counts


def test_without_two_replications_a_claim_is_open(study: Specification) -> None:
    found = results(study, lambda point, _: float(point))
    once = StudyResults(found.points, found.runs[found.runs["replication"] == 0], found.days, found.failures, True)
    assert verdicts(examined(study, once), study.file.claims)["verdict"].tolist() == ["open"]
    nothing = StudyResults(found.points, found.runs.iloc[:0], found.days, found.failures, False)
    assert verdicts(examined(study, nothing), study.file.claims)["verdict"].tolist() == ["open"]


@pytest.mark.parametrize(
    ("claim", "said"),
    [
        ({**CLAIM, "output": "lowest"}, "claims.a.output: got 'lowest', expected an output of runs: profit"),
        ({**CLAIM, "larger": {"lots.lot-1.places": 41}}, "claims.a: .* settings that two points of the study have"),
        ({**CLAIM, "than": {"loads.scale": 1.0}, "larger": {"loads.scale": 1.0}}, "claims.a: "),
    ],
)
def test_claims_about_no_points_are_refused(tmp_path: Path, claim: dict[str, Any], said: str) -> None:
    with pytest.raises(InputError, match=said):
        check_claims(read_specification(written(tmp_path, claims={"a": claim})))


def test_the_command_says_what_stands(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["study", str(written(tmp_path)), "--out", str(tmp_path / "out"), "--no-figures"]) == 0
    said, stem = capsys.readouterr().out, written(tmp_path).stem
    assert said.startswith(f"{stem}: ")  # no title: the file's name
    assert "profit is larger in 4 of 4 replications, in the mean at 2 of 2 pairs of points" in said
    runs = sorted((tmp_path / "out" / "runs").iterdir())
    before = [path.stat().st_mtime_ns for path in runs]
    again = written(tmp_path, claims={"other": {**CLAIM, "larger": CLAIM["than"], "than": CLAIM["larger"]}}, title="t")
    assert main(["study", str(again), "--out", str(tmp_path / "out"), "--no-figures"]) == 0
    said = capsys.readouterr().out
    assert said.startswith("t: ")
    assert "other: fragile; profit is larger in 0 of 4" in said
    assert [path.stat().st_mtime_ns for path in runs] == before
