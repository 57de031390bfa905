"""All that is wrong with the keys of a file is said at once, with the nearest name for a typo; and `equilot new`."""

from __future__ import annotations

import pickle
from pathlib import Path

import pytest
import yaml

from equilibrium.errors import InputError, SeveralInputErrors
from equilibrium.plain import closest
from scenarios.loading import load_scenario
from scenarios.starter import new_scenario
from sim.cli import main

WRONG = """title: x
feeder: {nme: ieee33, rating_kva: -3}
market: {kind: lots-lead, on_infeasible: shd}
prices: {file: omie-es-2024-06, step_minuts: 60}
lots:
  - {name: lot-1, bus: 8, plces: 20, charger_kw: 22, charging_price_eur_per_kwh: 0.4}
drivers: {source: replay, files: [acn-2019]}
"""


def test_every_error_has_its_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "case.yaml").write_text(WRONG)
    with pytest.raises(SeveralInputErrors) as raised:
        load_scenario(str(tmp_path / "case.yaml"))
    said = [(each.where, str(each).rpartition("(closest: ")[2]) for each in raised.value.errors]
    assert said[0][0] == "line 2, feeder.rating_kva"
    assert ("line 2, feeder.nme", "name)") in said
    assert ("line 3, market.on_infeasible", "shed)") in said
    assert ("line 4, prices.step_minuts", "step_minutes)") in said
    assert ("line 6, lots[0].plces", "places)") in said
    numbers = [where.split(",")[0] for where, _ in said]
    assert numbers == sorted(numbers)
    assert str(raised.value).count("\n") == len(said) - 1
    assert main(["run", str(tmp_path / "case.yaml")]) == 2
    lines = capsys.readouterr().err.splitlines()
    assert len(lines) == len(said)
    assert all("error: " in line for line in lines)


def test_one_error_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "case.yaml").write_text(WRONG.replace("nme", "name").replace("-3", "3").replace("shd", "shed"))
    text = (tmp_path / "case.yaml").read_text().replace("step_minuts", "step_minutes").replace("plces: 20", "places: 0")
    (tmp_path / "case.yaml").write_text(text)
    with pytest.raises(InputError) as raised:
        load_scenario(str(tmp_path / "case.yaml"))
    assert not isinstance(raised.value, SeveralInputErrors)
    assert raised.value.where == "line 6, lots[0].places"


def test_a_hundred_errors_fit_a_screen(tmp_path: Path) -> None:
    lots = [
        {"name": f"lot-{k}", "bus": 8, "places": 0, "charger_kw": 22, "charging_price_eur_per_kwh": 0.4}
        for k in range(99)
    ]
    (tmp_path / "case.yaml").write_text(yaml.safe_dump(yaml.safe_load(WRONG) | {"lots": lots}))
    with pytest.raises(SeveralInputErrors) as raised:
        load_scenario(str(tmp_path / "case.yaml"))
    lines = str(raised.value).splitlines()
    assert len(lines) == 13
    assert lines[-1] == f"and {len(raised.value.errors) - 12} more"


def test_errors_come_through_to_another_process() -> None:
    one = InputError("case.yaml", "line 2, x", 3, "4")
    for error in (one, SeveralInputErrors([one, InputError("case.yaml", "line 5, y", None, "a key")])):
        again = pickle.loads(pickle.dumps(error))
        assert (type(again), str(again), again.where) == (type(error), str(error), "line 2, x")


def test_the_nearest_bus_is_named(tmp_path: Path) -> None:
    new_scenario(str(tmp_path / "town"))
    path = tmp_path / "town" / "scenario.yaml"
    path.write_text(path.read_text().replace("bus: market", "bus: markt"))
    with pytest.raises(InputError, match=r"lots\[1\].bus: got 'markt'.*\(closest: market\)"):
        load_scenario(str(path))
    assert closest("zzz", ["market"]) == ""


def test_a_new_scenario_runs_at_once(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = tmp_path / "my town"
    assert main(["new", str(folder)]) == 0
    assert "run it: equilot run" in capsys.readouterr().out
    case = load_scenario(str(folder))
    assert (case.name, case.title, case.prices.days) == ("my town", "my town, two parking lots", 14)
    assert case.notes == ()
    assert main(["run", str(folder), "--days", "1", "--no-figures", "--out", str(tmp_path / "run")]) == 0
    assert main(["new", str(folder)]) == 2
    assert "expected a new or an empty folder" in capsys.readouterr().err
