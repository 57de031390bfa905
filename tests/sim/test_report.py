"""``equilot report``: one valid HTML file that needs nothing else, with every figure's numbers beside it."""

from __future__ import annotations

import base64
import re
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from matplotlib.figure import Figure

from equilibrium.errors import InputError
from sim.cli import main
from sim.manifest import write_manifest
from sim.markets.charging.figures import charging_figures
from sim.markets.charging.payments import payments
from sim.markets.lots_lead import kind as lots_lead
from sim.markets.nodal import kind as nodal
from sim.report.page import Html, element, page, table
from sim.report.write import write_report
from sim.show.figure_data import figure_data
from sim.store import Run
from tests.sim.drawn import drawn
from tests.sim.made_days import made_day, stored_run

HOSTILE = """<script>alert("1")</script> & 'two'"""
VOID = {"meta", "img", "br"}


class Balanced(HTMLParser):
    """Complains where a tag is closed that is not open, or is open at the end; gathers addresses and text."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: list[str] = []
        self.addresses: list[str] = []
        self.text: list[str] = []
        self.feed(text)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.addresses += [str(value) for name, value in attrs if name in ("src", "href")]
        assert len({name for name, _ in attrs}) == len(attrs)
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text.append(data)


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Run:
    run = stored_run(tmp_path_factory.mktemp("run"), lots_lead.KIND, [made_day(k) for k in range(3)])
    write_manifest(run.folder, {"currency": "EUR", "status": "complete", "title": HOSTILE, "notes": [HOSTILE]})
    return Run(run.folder)


@pytest.fixture(scope="module")
def files(run: Run) -> list[Path]:
    return write_report(run, 1, 5)


def test_the_page_is_valid_and_needs_nothing_else(files: list[Path]) -> None:
    text = files[0].read_text(encoding="utf-8")
    found = Balanced(text)
    assert text.startswith("<!DOCTYPE html>\n")
    assert {"html", "head", "title", "body", "table", "figure"} <= set(found.tags)
    assert {"script", "link", "iframe"}.isdisjoint(found.tags)
    assert found.addresses
    assert all(
        address.startswith(("data:image/svg+xml;base64,", "data:text/csv;base64,")) for address in found.addresses
    )
    bare = re.sub(r"data:[^\"]*", "", text)
    assert "http" not in bare
    assert "url(" not in bare
    assert "".join(found.text).count(HOSTILE) == 2  # the title of the scenario and its note
    assert len(text) < 5_000_000


def test_every_part_is_there(files: list[Path], run: Run) -> None:
    text = files[0].read_text(encoding="utf-8")
    heads = re.findall(r"<h2>(.*?)</h2>", text)
    assert heads == [
        *("Summary", "Certificate", "Figures", "Who pays whom", "Limits at work", "Energy that was not served"),
        "What it was made of",
    ]
    told = "".join(Balanced(text).text)
    *lines, where = lots_lead.KIND.remarks(run)
    assert where == f"results in {run.folder}"
    assert where not in told  # a page may be sent to those who have no such folder
    for line in lines:
        assert line in told
    assert "days 0 to 2: first note; second note" in told
    worth = run.limits.groupby("place")["multiplier"].sum()
    assert f"{worth.max():.4g} per" in told
    for outcome in ("unreachable", "shortage", "full", "away"):
        rows = run.sessions[run.sessions["outcome"] == outcome]
        missed = sum(max(0.0, row.asked_kwh - row.got_kwh) for row in rows.itertuples())
        assert f"{outcome}{len(rows)}{rows['asked_kwh'].sum():.1f}{missed:.1f}" in told
    shed = sum(run.days["shed_kwh"])
    assert f"Load that was not served: {shed:.1f} kWh." in told
    assert f"{int(run.days['certified'].sum())} of 3 answers are proved to be equilibria" in told


def test_each_figure_has_its_numbers_beside_it(files: list[Path], run: Run) -> None:
    names = {path.stem for path in files[1:]}
    assert names == {
        *("feeder-day-1-period-5", "scheduling-day-1", "voltage-day-1", "prices-day-1", "lots-day-1"),
        *("overview", "prices-posted", "yardstick"),
    }
    assert {path.suffix for path in files[1:]} == {".svg", ".csv"}
    inside = [base64.b64decode(part) for part in re.findall(r"text/csv;base64,([^\"]*)", files[0].read_text("utf-8"))]
    assert inside == [path.read_bytes() for path in files[1:] if path.suffix == ".csv"]
    points = pd.read_csv(run.folder / "report" / "feeder-day-1-period-5.csv").query("kind == 'point'")
    there = run.prices.query("day == 1 and period == 5")
    for panel, column in ((0, "dlmp_per_mwh"), (1, "voltage_pu")):
        shown = points.loc[points["panel"] == panel, "value"]
        assert sorted(shown) == pytest.approx(sorted(there[column]))


def test_the_numbers_of_a_figure_are_those_that_are_drawn(run: Run) -> None:
    for name, figure in charging_figures(run, 1, "T", "EUR").items():
        found = figure_data(figure)
        plain = [k for k, axis in enumerate(figure.axes) if not hasattr(axis, "_colorbar")]
        for (axis, kind, _), value in drawn(figure).items():
            if kind in ("texts", "words"):
                continue
            mark = {"bars": "bar", "lines": "line", "bands": "band", "points": "point", "images": "image"}[kind]
            rows = found[(found["panel"] == plain.index(axis)) & (found["kind"] == mark)]
            last = {"bar": 3, "band": 2, "point": 2, "line": 1}.get(mark)
            wanted = np.asarray(value, float)
            wanted = wanted.ravel() if last is None else wanted[:, last]
            have = rows["y" if mark == "line" else "value"].to_numpy()
            missing = set(np.round(wanted[np.isfinite(wanted)], 9)) - set(np.round(have[np.isfinite(have)], 9))
            assert not missing, (name, axis, kind)


def test_series_have_the_names_of_the_figure_and_no_others() -> None:
    figure = Figure()
    axis = figure.subplots()
    axis.plot([0, 1], [1, 2], label="demand")
    axis.plot([0, 1], [3, 4])
    axis.axhline(0)
    axis.bar([0, 1], [5, 6])
    found = figure_data(figure).groupby("series", sort=False).size()
    assert found.to_dict() == {"demand": 2, "": 2, "2": 2, "3": 2}


def test_text_is_escaped_and_html_is_not() -> None:
    assert element("p", "a < b & c", Html("<b>d</b>")) == "<p>a &lt; b &amp; c<b>d</b></p>"
    assert element("a", "x", href='"><script>') == '<a href="&quot;&gt;&lt;script&gt;">x</a>'
    assert table(["n", "<w>"], [["1", "<2>"]], words=("<w>",)) == (
        '<div class="wide"><table><thead><tr><th class="number">n</th><th>&lt;w&gt;</th></tr></thead>'
        '<tbody><tr><td class="number">1</td><td>&lt;2&gt;</td></tr></tbody></table></div>'
    )
    Balanced(page("<t>", element("p", "<x>")))


def test_a_run_without_shortage_says_nothing_of_one(tmp_path: Path) -> None:
    days = [made_day(0, nodal=True, shed=False)]
    run = stored_run(tmp_path, nodal.KIND, days)
    text = write_report(run)[0].read_text(encoding="utf-8")
    assert "Load that was not served" not in text
    rows = payments(run).set_index(["payer", "receiver", "account"])["amount"]
    for record in days[0].lots:
        assert rows["drivers", record.name, "charging"] == pytest.approx(record.revenue)
        assert rows[record.name, "operator", "energy"] == pytest.approx(record.payment)
        assert rows[record.name, "operator", "network charge"] == pytest.approx(record.network_charge)
    clearing = days[0].clearing
    assert rows["operator", "microturbines", "fuel"] == pytest.approx(clearing.fuel_cost)
    bought = clearing.network_cost - clearing.fuel_cost
    assert rows["operator", "wholesale market", "imports less exports"] == pytest.approx(bought)


def test_the_command(run: Run, files: list[Path], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["report", str(run.folder), "--day", "1", "--hour", "5"]) == 0
    figures = [path for path in files if path.suffix == ".svg"]
    assert capsys.readouterr().out.splitlines() == [
        str(run.folder / "report.html"),
        f"{len(figures)} figures as SVG with their numbers as CSV in {run.folder / 'report'}",
    ]
    assert all(path.is_file() for path in files)
    for option, value, said in (("--day", "7", "a day from 0 to 2"), ("--hour", "25", "an hour of the day, 0 to 23")):
        assert main(["report", str(run.folder), option, value]) == 2
        assert capsys.readouterr().err.endswith(f"{option}: got {value}, expected {said}\n")


def test_a_link_in_the_place_of_the_folder_is_refused(tmp_path: Path) -> None:
    run = stored_run(tmp_path / "run", lots_lead.KIND, [made_day(0)])
    (tmp_path / "elsewhere").mkdir()
    (run.folder / "report").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(InputError, match="a link to another place"):
        write_report(run)
