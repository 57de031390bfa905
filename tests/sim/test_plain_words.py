"""Names are shown as they are, and what the machine or the disk does ends in one line."""

from __future__ import annotations

import dataclasses
import io
import json
import os
import subprocess
import sys
from pathlib import Path

import matplotlib as mpl
import mesa
import numpy as np
import pytest
from matplotlib.figure import Figure
from rich.console import Console

from equilibrium.errors import InfeasibleError, InputError
from equilibrium.grid.feeder import Feeder
from equilibrium.markets.lots_lead.market import LotsLeadMarket
from equilibrium.plain import cut, decimal, is_name, plain, shown
from sim.acflow import AcFlow, rounding_mva
from sim.cli import main
from sim.manifest import FORMAT
from sim.markets.charging.model import LocalMarket
from sim.output import draw_run, show_run
from sim.show.drawing import legend_below, save
from sim.store import Run
from tests.equilibrium.conftest import lot_data, small_day, small_network
from tests.fuzz.targets import TOWN, write

NAMES = ("P+R $5/h and $8/h", r"lot $x_$ \frac", "[/x] [bold]x[/bold] :car:")


@pytest.fixture
def town(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with the small town, as the current folder."""
    write(TOWN, tmp_path)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def run(*more: str) -> int:
    return main(["run", "case.yaml", "--days", "1", "--out", "run", *more])


# Names ---------------------------------------------------------------------------------------------------------------


def test_names_are_drawn_and_printed_as_they_are(town: Path, capsys: pytest.CaptureFixture[str]) -> None:
    lots = "\n".join(
        f"  - {{name: '{name}', bus: 2, places: 3, charger_kw: 11, charging_price_eur_per_kwh: 0.3}}" for name in NAMES
    )
    (town / "own.yaml").write_text(f"extends: case.yaml\ntitle: '{NAMES[2]}'\nlots:\n{lots}\n", encoding="utf-8")
    assert main(["run", "own.yaml", "--days", "1", "--out", "run", "--no-figures"]) == 0
    out = capsys.readouterr().out
    assert f"own: {NAMES[2]}" in out
    assert all(name[:6] in out for name in NAMES)
    drawn = Run(town / "run")
    with mpl.rc_context({"svg.fonttype": "none"}):
        pictures = {path.stem: path.read_text(encoding="utf-8") for path in draw_run(drawn, 0, ("svg",))}
    for name in NAMES:
        assert sum(name in picture for picture in pictures.values()) >= 1
    text = io.StringIO()
    show_run(Console(file=text, width=100), drawn)
    assert all(name[:6] in text.getvalue() for name in NAMES)


def test_a_name_with_an_underscore_is_in_the_legend(tmp_path: Path) -> None:
    figure = Figure()
    axis = figure.subplots()
    for name in ("_first", "second"):
        axis.plot([0, 1], label=name)
    axis.plot([1, 0])
    legend_below(axis)
    assert sorted(text.get_text() for text in axis.get_legend().get_texts()) == ["_first", "second"]
    assert [path.name for path in save(figure, tmp_path / "figures" / "f", ("svg",))] == ["f.svg"]


def test_what_a_terminal_obeys_is_written_out() -> None:
    assert plain("a\x1b[31mb\n\u202ec") == r"a\x1b[31mb\n\u202ec"
    assert plain("Süd 🚗 मि $x_$ [/x]") == "Süd 🚗 मि $x_$ [/x]"
    assert [is_name(text) for text in ("Süd", "x" * 255, "x" * 256, "", "a\tb", "a\x7f", "\ud800")] == [True, True] + [
        False
    ] * 5
    assert cut("x" * 50, 50) == "x" * 50
    assert cut("a" * 500 + "z" * 500, 100).endswith("z")
    assert len(cut("a" * 1_000, 100)) == 100
    assert len(shown("x" * 1_000_000)) < 200
    assert len(shown([10**5_000])) < 200


@pytest.mark.parametrize("text", ["1_000", "１２", "٣", "nan", "inf", "0x1", "1,5", "", " 1", "1e", "--1", "1.2.3"])
def test_what_is_no_number(text: str) -> None:
    assert decimal(text) is None


@pytest.mark.parametrize(("text", "value"), [("010", 10.0), ("-.5", -0.5), ("5.", 5.0), ("1E3", 1000.0), ("+2", 2.0)])
def test_what_is_a_number(text: str, value: float) -> None:
    assert decimal(text) == value


def test_a_message_fits_a_screen() -> None:
    error = InputError("f" * 10_000, "w\x1b" * 10_000, "v" * 10**6, "e" * 10**6)
    assert len(str(error)) < 2_000
    assert "\x1b" not in str(error)
    assert error.value == "v" * 10**6


# What fails ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("edges", [4, 5, 12, 60, 360])
def test_an_overload_is_what_the_flow_exceeds_the_rating_by(edges: int) -> None:
    """130 kW and 6 kW of the lot through 100 kVA in the first hour; a polygon's edge lies inside the circle."""
    network = small_network(rating_kva=np.array([5000.0, 5000.0, 100.0]))
    network = dataclasses.replace(network, polygon_edges=edges)
    day = small_day([0.03], (lot_data(6.0, [10.0]),), load_kw=130.0)
    with pytest.raises(InfeasibleError, match=r"the branch into bus 2 is overloaded in hour 0 by 36\.0 kVA"):
        LotsLeadMarket(network).clear(day)


def test_a_flow_inside_the_circle_and_outside_the_polygon_is_told_so() -> None:
    """A square allows p + q <= 100 kVA: 60 kW and 60 kvar are 84.9 kVA."""
    network = small_network(rating_kva=np.array([5000.0, 5000.0, 100.0]))
    network = dataclasses.replace(network, polygon_edges=4)
    day = small_day([0.03], (lot_data(0.0, [10.0]),), load_kw=60.0)
    day = dataclasses.replace(day, load_kvar=day.load_kw.copy())
    with pytest.raises(
        InfeasibleError, match="bus 2 in hour 0 is within the branch's rating, but outside the polygon of 4"
    ):
        LotsLeadMarket(network).clear(day)


@pytest.mark.parametrize(("base_kv", "ohm"), [(12.66, 0.5), (66.0, 1e-3), (132.0, 1e-3), (132.0, 1e-4), (20.0, 1e-4)])
def test_a_high_voltage_and_a_small_impedance_have_an_ac_flow(base_kv: float, ohm: float) -> None:
    pytest.importorskip("pandapower")
    impedance = np.array([0.0, ohm, ohm])
    feeder = Feeder(
        *("f", base_kv, ("1", "2", "3"), np.array([-1, 0, 1]), impedance, impedance / 2, np.full(3, np.inf)),
        *(np.array([0.0, 1000.0, 600.0]), np.array([0.0, 300.0, 200.0]), np.full(3, 0.9), np.full(3, 1.1)),
    )
    voltage, loss = AcFlow(feeder).solve(feeder.load_kw, feeder.load_kvar)
    flow = np.hypot(np.array([1600.0, 600.0]), np.array([500.0, 200.0]))
    assert loss == pytest.approx((flow**2).sum() * ohm / base_kv**2 / 1000.0, rel=0.03, abs=2e3 * rounding_mva(feeder))
    assert voltage[2] < voltage[1] < 1.0


def test_replications_without_a_seed_differ_and_say_their_seeds(town: Path) -> None:
    random = TOWN["case.yaml"].replace("day_sigma: 0.1", "day_sigma: 0.3")
    (town / "case.yaml").write_text(random, encoding="utf-8")
    parameters = {"scenario": "case.yaml", "days": 1, "collect": True}
    if "iterations" in mesa.batch_run.__code__.co_varnames:
        rows = mesa.batch_run(LocalMarket, parameters, iterations=3, display_progress=False)
    else:
        rows = [LocalMarket(**parameters) for _ in range(3)]
        for model in rows:
            model.step()
        rows = [{name: values[-1] for name, values in model.datacollector.model_vars.items()} for model in rows]
    assert len({row["seed"] for row in rows}) == len({row["network_cost"] for row in rows}) == 3
    again = LocalMarket("case.yaml", seed=rows[0]["seed"])
    again.step()
    assert again.last.clearing.network_cost == rows[0]["network_cost"]
    assert LocalMarket("case.yaml").streams.seed == 0
    drawn = {LocalMarket(**parameters, seed=None).streams.seed for _ in range(2)}  # what Mesa 3.5 passes
    assert len(drawn) == 2


# Files ---------------------------------------------------------------------------------------------------------------


def one_line(capsys: pytest.CaptureFixture[str], *arguments: str, code: int = 2) -> str:
    assert main(list(arguments)) == code
    said = capsys.readouterr().err
    assert said.startswith("equilot: error: ")
    assert said.count("\n") == 1
    return said


def test_damaged_runs_are_named(town: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("--no-figures") == 0
    capsys.readouterr()
    table = town / "run" / "days.parquet"
    whole = table.read_bytes()
    for damaged in (whole[:-40], whole[: len(whole) // 2], b""):
        table.write_bytes(damaged)
        for command in ("check", "figures"):
            assert "days.parquet" in one_line(capsys, command, "run")
    table.write_bytes((town / "run" / "lots.parquet").read_bytes())
    assert "columns" in one_line(capsys, "check", "run")
    table.write_bytes(whole)
    columns = town / "run" / "columns.json"
    content = json.loads(columns.read_text(encoding="utf-8"))
    del content["tables"]["lots"]
    for text in (
        json.dumps(content),
        "[]",
        "{",
        json.dumps({"format": FORMAT}),
        json.dumps({"format": FORMAT, "market": "lots-lead", "tables": {"days": 1}}),
    ):
        columns.write_text(text, encoding="utf-8")
        one_line(capsys, "check", "run")
    columns.unlink()
    assert "columns.json: file: got 'missing'" in one_line(capsys, "check", "run")


def test_links_in_a_run_folder_are_not_followed(town: Path, capsys: pytest.CaptureFixture[str]) -> None:
    victim = town / "victim"
    victim.write_text("keep\n", encoding="utf-8")
    folder = town / "run"
    folder.mkdir()
    for name in (".manifest.json", ".columns.json", ".days.parquet", "days.parquet", ".lots.parquet"):
        (folder / name).symlink_to(victim)
    (folder / ".prices.parquet").symlink_to(town / "nowhere")
    assert run("--no-figures", "--force") == 2  # days.parquet is of no run
    assert "days.parquet" in capsys.readouterr().err
    (folder / "days.parquet").unlink()
    assert run("--no-figures", "--force") == 0
    assert victim.read_text(encoding="utf-8") == "keep\n"
    assert not (town / "nowhere").exists()
    assert len(Run(folder).days) == 1
    assert not (folder / "days.parquet").is_symlink()
    (town / "elsewhere").mkdir()
    (folder / "figures").symlink_to(town / "elsewhere")
    capsys.readouterr()
    assert "figures" in one_line(capsys, "figures", "run")
    assert list((town / "elsewhere").iterdir()) == []
    (folder / "figures").unlink()
    (folder / "figures").mkdir()
    for kind in ("svg", "png"):
        (folder / "figures" / f"network.{kind}").symlink_to(victim)
    assert main(["figures", "run"]) == 0
    assert victim.read_text(encoding="utf-8") == "keep\n"


def test_written_files_may_be_read_by_those_who_may_read_new_files(town: Path) -> None:
    (town / "plain").write_text("", encoding="utf-8")
    assert run() == 0
    rights = (town / "plain").stat().st_mode & 0o777
    files = [path for path in (town / "run").rglob("*") if path.is_file()]
    assert {path.stat().st_mode & 0o777 for path in files} == {rights}


@pytest.mark.usefixtures("town")
def test_a_full_disk_is_one_line(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_arguments: object) -> None:
        raise OSError(28, "No space left on device", "run/parts")

    monkeypatch.setattr("sim.store.pq.write_table", full)
    assert "run/parts: No space left on device" in one_line(
        capsys, "run", "case.yaml", "--days", "1", "--out", "run", code=1
    )


@pytest.mark.parametrize(
    ("shell", "code", "said"),
    [
        ("equilot scenarios >&-", 0, ""),
        ("equilot scenarios >/dev/full", 1, "equilot: error: No space left on device\n"),
        ("PYTHONIOENCODING=ascii equilot run case.yaml --days 1 --out run --no-figures >out", 0, ""),
        ("equilot run missing.yaml >&- 2>&-", 2, ""),
    ],
)  # fmt: skip
def test_an_output_that_is_closed_full_or_of_few_letters(town: Path, shell: str, code: int, said: str) -> None:
    text = TOWN["case.yaml"].replace("A small town", "Süd 🚗")
    (town / "case.yaml").write_text(text, encoding="utf-8")
    command = shell.replace("equilot", f"{sys.executable} -m sim.cli", 1)
    found = {**os.environ, "PYTHONPATH": str(Path(__file__).resolve().parents[2])}
    done = subprocess.run(["sh", "-c", command], capture_output=True, text=True, env=found, check=False)
    assert (done.returncode, done.stderr) == (code, said)
    if shell.endswith(">out"):
        assert r"S\xfcd \U0001f697" in (town / "out").read_text(encoding="ascii")


def test_what_cannot_be_an_output_folder_or_a_count(town: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for folder in ("x" * 300, "a\0b"):
        said = one_line(capsys, "run", "case.yaml", "--out", folder)
        assert "path" in said or "output folder" in said  # Python 3.14 notices a long name only when it is made
    for days in ("１２", "1_0", "9" * 5_000):
        with pytest.raises(SystemExit) as ended:
            main(["run", "case.yaml", "--days", days])
        assert ended.value.code == 2
        said = capsys.readouterr().err
        assert said.count("\n") == 1
        assert len(said) < 2_000
    assert not (town / "run").exists()
