"""``equilot report`` of a study and of a reproduction: what their folders say, as one page."""

from __future__ import annotations

import io
import re
from dataclasses import replace
from pathlib import Path

import pandas as pd
import pytest
import yaml
from matplotlib.figure import Figure
from rich.console import Console

from equilibrium.errors import InputError
from sim.cli import main
from sim.report.any import write_any_report
from sim.report.reproduction import write_reproduction_report
from sim.reproduce.closeness import Comparison, ComparisonTable
from sim.reproduce.constants import Constant, Origin
from sim.reproduce.report import Report
from sim.reproduce.verdicts import DocumentedError, by_construction
from sim.show.drawing import save
from sim.studies.stored import read_study
from sim.studies.study import Study
from tests.sim.test_report import HOSTILE, Balanced

STUDY = {
    "title": HOSTILE,
    "scenario": "epec-lots-33-case1",
    "days": 1,
    "replications": 2,
    "grid": {"lots.lot-1.efficiency": [0.9, 0.95]},
    "outputs": {"cost": {"table": "days", "column": "network_cost", "reduce": "sum"}},
    "claims": {
        "losses": {
            "output": "cost",
            "larger": {"lots.lot-1.efficiency": 0.9},
            "than": {"lots.lot-1.efficiency": 0.95},
        }
    },
}


@pytest.fixture(scope="module")
def study(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("study")
    (folder / "study.yaml").write_text(yaml.safe_dump(STUDY), encoding="utf-8")
    assert main(["study", str(folder / "study.yaml"), "--out", str(folder / "out")]) == 0
    return folder / "out"


def test_a_study_is_read_as_it_was_run(study: Path) -> None:
    stored = read_study(study)
    again = Study.from_file(study.parent / "study.yaml")
    assert stored.specification.file == again.specification.file
    assert stored.specification.points == again.specification.points
    assert stored.results.complete
    assert len(stored.results.runs) == 4
    with pytest.raises(InputError, match="no study"):
        read_study(study / "nowhere")


def test_the_report_of_a_study_has_its_outputs_claims_and_figures(
    study: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    text = (study / "report.html").read_text(encoding="utf-8")
    found = Balanced(text)
    told = "".join(found.text)
    assert HOSTILE in told
    assert re.findall(r"<h2>(.*?)</h2>", text) == ["Outputs", "Claims", "Figures", "Points", "What it was made of"]
    mean = read_study(study).results.runs.groupby("point")["cost"].mean()
    assert [f"{value:.5g}" in told for value in mean] == [True, True]
    assert "losses: robust; cost is larger in 2 of 2 replications" in told
    assert "4 of 4 runs done, 0 failed" in told
    assert main(["report", str(study)]) == 0
    assert capsys.readouterr().out.splitlines() == [
        str(study / "report.html"),
        f"2 figures as SVG with their numbers as CSV in {study / 'report'}",
    ]
    assert sorted(path.name for path in (study / "report").iterdir()) == [
        *("convergence.csv", "convergence.svg", "index.json", "means.csv", "means.svg")
    ]
    assert (study / "report.html").read_text(encoding="utf-8") == text
    means = pd.read_csv(study / "report" / "means.csv")
    assert sorted(means.query("kind == 'line'")["y"].dropna().round(9))[:1] == [round(mean.min(), 9)]
    with pytest.raises(InputError, match="only the report of a run has days"):
        write_any_report(study, day=1)


def made_up(folder: Path) -> Report:
    """A reproduction of one table, with texts that mean something to Markdown and HTML."""
    save(Figure(figsize=(1, 1)), folder / "figures" / "one", ("png",))
    row = Comparison("case | 1", "<cost>", 100.0, 101.0)
    return Report(
        name="epec-lots",
        title="A study & its paper",
        introduction=("First.", "Second."),
        tables=(ComparisonTable("t", "Table 1", (row,), note="A note."),),
        statements=(by_construction("T1", "It holds", True, "a | b"),),
        constants=(Constant("c", "1", Origin.CHOSEN, "free", ("x",)),),
        errors=(DocumentedError("E1", "printed", "found", "done"),),
        figures=(("figures/one.png", "One & all"),),
    )


def test_errors_of_the_paper_have_a_head_where_there_are_some(tmp_path: Path) -> None:
    report = made_up(tmp_path)
    for each, heads in ((report, 1), (replace(report, errors=()), 0)):
        screen = Console(width=100, record=True, file=io.StringIO())
        each.show(screen)
        assert screen.export_text().splitlines().count("Errors of the paper") == heads


def test_the_report_of_a_reproduction_is_its_markdown_as_a_page(tmp_path: Path) -> None:
    report = made_up(tmp_path)
    report.write(tmp_path)
    (whole,) = write_any_report(tmp_path)
    text = whole.read_text(encoding="utf-8")
    found = Balanced(text)
    heads = ["Table 1", "How near", "Constants that are not published", "Statements", "Errors of the paper", "Figures"]
    assert re.findall(r"<h2>(.*?)</h2>", text) == heads
    assert f'<div class="panel"><p>{report.summary}</p></div>' in text
    for row in report.tables[0].cells:
        for cell in row:
            assert cell in found.text or not cell
    assert "A note." in found.text
    assert "a | b" in found.text
    assert [address[:22] for address in found.addresses] == ["data:image/png;base64,"]
    assert found.text.count("One & all") == 1
    (tmp_path / "figures" / "one.png").unlink()
    with pytest.raises(InputError, match="figure"):
        write_reproduction_report(tmp_path, "epec-lots")


def test_a_folder_of_nothing_is_refused_in_one_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["report", str(tmp_path)]) == 2
    assert "a folder written by `equilot run`" in capsys.readouterr().err
