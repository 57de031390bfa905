"""Reproductions of the two DISCO papers, on small fleets; at full size in the long tier."""

from __future__ import annotations

import csv

import numpy as np
import pytest

from sim.reproduce import load_reproduction
from sim.reproduce.disco.totals import shares_mwh, weights
from sim.reproduce.disco_cvar import compute as disco_cvar_computed
from sim.reproduce.disco_cvar import published as disco_cvar_data
from sim.reproduce.disco_cvar import study as disco_cvar
from sim.reproduce.disco_dr import compute as disco_dr_computed
from sim.reproduce.disco_dr import published as disco_dr_data
from sim.reproduce.disco_dr import study as disco_dr

SMALL = {"vehicles": 4, "scenarios": 2, "samples": 12}
DR_CHECKLIST = {
    *("N1", "N2", "N3", "N4", "N5", "O1", "O2", "O2b", "O3", "O4", "O5", "O6", "O7"),
    *(f"C{k}" for k in range(1, 13)),
    "C11b",
}
CVAR_CHECKLIST = {
    *("N1", "N2", "N3", "N4", "N5", "N6", "N7", "N8", "D1", "O1", "O2", "O3", "C1", "C2", "C3", "C4"),
}
DR_MUST_HOLD = {*(f"N{k}" for k in range(1, 6)), *(f"O{k}" for k in range(1, 8)), "C1", "C9", "C11"}
CVAR_MUST_HOLD = {*(f"N{k}" for k in range(1, 9)), "O2", "O3", "C1"}
WHATEVER_THE_SIZE = {"N1", "N2", "N3", "N4", "N5", "O2", "O5", "C1", "C9"}
"""Statements of the nine programs that hold for a fleet of any size."""


@pytest.fixture(scope="module")
def nine_programs():
    return disco_dr_computed.compute(**SMALL)


@pytest.fixture(scope="module")
def risk_based():
    with pytest.MonkeyPatch.context() as patch:  # the sweep over beta has a size of its own
        patch.setattr(disco_cvar_data, "SMALL", {**disco_cvar_data.SMALL, **SMALL})
        return disco_cvar_computed.compute(**SMALL)


def test_nine_programs_report(nine_programs, tmp_path):
    report = disco_dr.make_report(nine_programs, disco_dr.draw(nine_programs, tmp_path))
    outcome = {statement.key: statement for statement in report.statements}
    assert outcome.keys() == DR_CHECKLIST
    assert {key for key, statement in outcome.items() if statement.must_hold} == DR_MUST_HOLD
    assert not {key for key in WHATEVER_THE_SIZE if outcome[key].broken}
    assert [error.key for error in report.errors] == [f"E{k}" for k in range(1, 16)]
    files = {path.name for path in report.write(tmp_path)}
    assert {f"disco-dr-table-{k}.csv" for k in ("5-averse", "5-neutral", "5-seeker", "6", "10", "11", "12")} <= files
    for name in ("fig-3", "fig-4", "fig-5"):
        assert (tmp_path / "figures" / f"{name}.png").stat().st_size > 10_000
    with (tmp_path / "disco-dr-table-5-neutral.csv").open(encoding="utf-8", newline="") as file:
        assert len(list(csv.DictReader(file))) == 36


def test_sources_and_uses_are_shared_completely(nine_programs):
    run = nine_programs.stochastic["cpp", 4]
    weight = weights(run.clearing, "averse")
    assert weight.sum() == pytest.approx(1.0)
    total = run.totals("averse")
    parts = shares_mwh(run.day, run.clearing, weight)
    for source, energy in (("company", total.import_mwh), ("vehicles", total.discharge_mwh)):
        assert sum(value for (name, _), value in parts.items() if name == source) == pytest.approx(energy, abs=1e-9)
    for use, energy in (("load", total.load_mwh), ("vehicles", total.charge_mwh), ("losses", total.loss_mwh)):
        assert sum(value for (_, name), value in parts.items() if name == use) == pytest.approx(energy, abs=1e-9)


def test_the_baseline_of_emissions_is_the_first_case(nine_programs):
    assert nine_programs.totals("flat", 1, "neutral").accounts["emission_reward"] == pytest.approx(0.0, abs=1e-9)
    assert nine_programs.totals("tou+cap", 4, "neutral").accounts["emission_reward"] > 10.0


def test_risk_based_report(risk_based, tmp_path):
    report = disco_cvar.make_report(risk_based, disco_cvar.draw(risk_based, tmp_path))
    assert {statement.key for statement in report.statements} == CVAR_CHECKLIST
    assert {statement.key for statement in report.statements if statement.must_hold} == CVAR_MUST_HOLD
    assert {statement.key for statement in report.broken} <= {"N6"}, report.summary  # N6 is a mean over many vehicles
    for name in ("fig-5", "fig-6", "fig-7", "fig-8"):
        assert (tmp_path / "figures" / f"{name}.png").stat().st_size > 10_000


def test_losses_of_table_8_add_up():
    for beta, account in disco_cvar_data.TABLE_7.items():
        assert sum(disco_cvar_data.TABLE_8[beta]) / 1000.0 == pytest.approx(account.loss_mwh, abs=1e-3)


def test_tables_of_nine_programs_have_every_program():
    for table in (disco_dr_data.TABLE_5, disco_dr_data.TABLE_6, disco_dr_data.TABLES_7_TO_9, disco_dr_data.TABLE_10):
        assert table.keys() == disco_dr_data.PROGRAMS.keys()
    rows = np.array([row for rows in disco_dr_data.TABLE_5.values() for row in rows.values()])
    assert rows.shape == (27, 4)


@pytest.mark.long
@pytest.mark.parametrize("name", ["disco-cvar", "disco-dr"])
def test_at_full_size_everything_that_must_hold_holds(name, tmp_path):
    report = load_reproduction(name)(tmp_path, "auto")
    assert report.exit_code == 0, report.summary
