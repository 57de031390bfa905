"""What each reproduction asks to be cleared, case by case, with a stand-in for what clears."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from equilibrium.errors import InfeasibleError
from sim.reproduce.disco_cvar import compute as cvar
from sim.reproduce.disco_cvar import published as cvar_data
from sim.reproduce.disco_dr import compute as dr
from sim.reproduce.disco_dr import published as dr_data
from sim.reproduce.epec_lots import compute as lots

# The EPEC of parking lots


class Site(SimpleNamespace):
    pass


def clearing(import_kw: float, export_kw: float = 0.0, lot_kw: float = 0.0) -> Any:
    """Two periods with the same powers; two lots share theirs."""
    return SimpleNamespace(
        import_kw=np.full(2, import_kw),
        export_kw=np.full(2, export_kw),
        lot_kw=np.full((2, 2), lot_kw / 2.0),
        network_cost=3.0 * import_kw,
        fuel_cost=2.0 * import_kw,
        voltage_pu=np.array([[1.0, 1.0 + import_kw / 1e5], [0.9, 1.0]]),
    )


def test_energies_of_a_case_are_in_megawatt_hours() -> None:
    day: Any = SimpleNamespace(length_h=np.array([1.0, 0.5]))
    case = lots.CaseResult(SimpleNamespace(), day, clearing(2000.0, 400.0, 600.0), 1.0)  # type: ignore[arg-type]
    assert (case.import_mwh, case.export_mwh, case.charged_mwh) == pytest.approx((3.0, 0.6, 0.9))


class Lots:
    """What is asked of the cases and markets; a point of a sweep with much demand cannot be served."""

    def __init__(self, patch: pytest.MonkeyPatch) -> None:
        self.asked: list[tuple[Any, ...]] = []
        self.markets: list[tuple[str, int, str]] = []
        self.clock = 0.0
        patch.setattr(lots, "epec_lots_case", self.case)
        patch.setattr(lots, "LotsLeadMarket", self.market)
        patch.setattr(lots, "replace", lambda of, **changes: SimpleNamespace(**{**vars(of), **changes}))
        patch.setattr(lots, "time", SimpleNamespace(perf_counter=self.now))

    def now(self) -> float:
        self.clock += 1.5
        return self.clock

    def case(self, feeder: str, case: int, **given: float) -> tuple[Any, Any]:
        self.asked.append((feeder, case, given))
        sites = (SimpleNamespace(name="a", first_hour="own"), SimpleNamespace(name="b", first_hour="own"))
        network = SimpleNamespace(feeder=feeder, polygon_edges=12, lots=sites, given=given)
        return network, SimpleNamespace(case=case, length_h=np.array([1.0, 0.5]), given=given)

    def market(self, network: Any, solver: str) -> Any:
        hours = "/".join(site.first_hour for site in network.lots)
        self.markets.append((hours, network.polygon_edges, solver))

        def clear(day: Any) -> Any:
            factor = day.given.get("demand_factor", 0.0)
            if factor > 1.2:
                raise InfeasibleError(("too much", "and more") if network.feeder == "33" else ())
            return SimpleNamespace(**vars(clearing(1000.0 + 100.0 * factor, 200.0)), of=(network, day))

        return SimpleNamespace(clear=clear)


def test_cases_and_sweeps_of_the_parking_lots(monkeypatch: pytest.MonkeyPatch) -> None:
    made = Lots(monkeypatch)
    found = lots.compute("highs")
    bands = {"0.90-1.10": (0.9, 1.1), "0.95-1.05": (0.95, 1.05)}
    keys = [(feeder, band, case) for feeder in ("33", "85") for band in bands for case in (1, 2, 3)]
    assert list(found.cases) == keys
    for (feeder, band, case), each in found.cases.items():
        network: Any = each.network
        low, high = bands[band]
        assert (network.feeder, network.given) == (feeder, {"voltage_min_pu": low, "voltage_max_pu": high})
        assert (each.day.case, each.seconds) == (case, 1.5)  # type: ignore[attr-defined]
    assert found.base("85", 2) is found.cases["85", "0.90-1.10", 2]
    swept = [call for call in made.asked if "voltage_min_pu" not in call[2]]
    renewable, demand = (0.25, 0.5, 0.75, 1.0, 1.25, 1.5, 2.0), (0.25, 0.5, 0.75, 1.0, 1.1, 1.25)
    assert swept == [
        (feeder, 1, {f"{name}_factor": factor})
        for feeder in ("33", "85")
        for name, factors in (("renewable", renewable), ("demand", demand))
        for factor in factors
    ]
    assert list(found.sweeps) == [(feeder, name) for feeder in ("33", "85") for name in ("renewable", "demand")]
    assert [point.factor for point in found.sweeps["33", "demand"]] == list(demand[:-1])
    point = found.sweeps["85", "demand"][1]
    assert (point.network_cost, point.fuel_cost) == pytest.approx((3150.0, 2100.0))
    assert (point.import_mwh, point.export_mwh, point.voltage_max_pu) == pytest.approx((1.575, 0.3, 1.0105))
    assert found.infeasible["33", "demand", 1.25] == "too much"
    assert found.infeasible["85", "demand", 1.25] == str(InfeasibleError(()))
    assert len(found.infeasible) == 2
    finer: Any = found.finer_polygon
    assert (finer.network.polygon_edges, finer.network.feeder, finer.network.given["voltage_min_pu"]) == (
        24,
        "33",
        0.95,
    )
    printed: Any = found.printed_first_hour
    assert [site.first_hour for site in printed.network.lots] == ["as_printed"] * 2
    assert (printed.network.given["voltage_min_pu"], printed.network.polygon_edges) == (0.9, 12)
    assert len(made.markets) == 12 + 4 + 2  # one for each sweep
    assert {solver for *_, solver in made.markets} == {"highs"}


def test_other_data_of_each_case(monkeypatch: pytest.MonkeyPatch) -> None:
    Lots(monkeypatch)

    def vary(network: Any, day: Any) -> Any:
        network.varied = True
        return network, day

    found = lots.compute(vary=vary)
    assert all(each.network.varied for each in found.cases.values())  # type: ignore[attr-defined]
    assert found.finer_polygon.network.varied  # type: ignore[attr-defined]


# Both distribution companies


class Markets:
    """What clears: a run says with what it was asked for, and its load and cost of response."""

    def __init__(self, solver: str, vary: Any) -> None:
        self.given = (solver, vary)

    def _run(self, how: str, network: Any, day: Any, **more: Any) -> Any:
        program = day.asked[0]
        total = SimpleNamespace(load_mwh=50.0 + 10.0 * len(program), import_kw=np.arange(24.0))
        return SimpleNamespace(
            how=(how, network.asked, more), day=day, totals=lambda attitude: {"neutral": total}[attitude], of=self
        )

    def clear(self, network: Any, day: Any, **more: Any) -> Any:
        return self._run("clear", network, day, **more)

    def clear_both(self, network: Any, day: Any, wider: Any = None) -> Any:
        return self._run("both", network, day, wider=wider and wider.asked)

    def compare(self, programs: Any, modes: Any, case: Any) -> Any:
        return {(program, mode): case(program) for program in programs for mode in modes}


def cvar_case(program: str, **given: Any) -> tuple[Any, Any]:
    cost = 100.0 + len(program) + given.get("penalty_sign", 0.0) * given.get("contracted_share", 0.0)
    asked = (program, given)
    return SimpleNamespace(asked=asked), SimpleNamespace(asked=asked, response_cost=cost)


def test_programs_prices_and_weights_of_the_risk_based_company(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cvar, "Markets", Markets)
    monkeypatch.setattr(cvar, "disco_cvar_case", cvar_case)
    found: Any = cvar.compute("highs", "vary", scenarios=7, vehicles=9)  # type: ignore[arg-type]
    own = {"scenarios": 7, "vehicles": 9}
    assert found.programs["tou"].of.given == ("highs", "vary")
    wide = {**own, "voltage_min_pu": 0.8}
    assert {name: run.how for name, run in found.programs.items()} == {
        name: ("both", (name, own), {"wider": (name, wide)}) for name in ("flat", "tou", "cap", "tou+cap")
    }
    assert list(found.prices) == [0.85, 0.90, 0.95, 1.0, 1.05, 1.10, 1.15]
    assert found.prices[1.0] is found.programs["tou"]
    cheap = {**own, "price_factor": 0.85}
    assert found.prices[0.85].how == ("both", ("tou", cheap), {"wider": ("tou", {**cheap, "voltage_min_pu": 0.8})})
    for factor in (0.90, 0.95, 1.05, 1.10, 1.15):
        assert found.prices[factor].how == ("clear", ("tou", {**own, "price_factor": factor}), {})
    assert {program for program, _ in found.modes} == {"flat", "tou"}
    for (program, _), case in found.modes.items():
        assert case[1].asked == (program, {"forecast": True, "voltage_min_pu": 0.8, **own})
    small = ("tou", {"scenarios": 5, "vehicles": 40})
    assert found.ahead.pop(None).how == ("clear", small, {})
    for beta, run in found.ahead.items():
        assert run.how == ("clear", small, {"purchases": "here-and-now", "beta": beta})
    assert list(found.ahead) == list(cvar_data.TABLE_9)
    assert found.reduction_mwh == pytest.approx(10.0)  # 90 MWh of "flat" less 80 of "tou"
    assert found.as_income == pytest.approx({"cap": -0.82, "tou+cap": -0.82})


def dr_case(program: str, case: int, **given: Any) -> tuple[Any, Any]:
    asked = (program, case, given)
    day = SimpleNamespace(asked=asked, period_h=0.5, load_kw=np.full((24, 2), float(len(program))))
    return SimpleNamespace(asked=asked), day


def test_cells_modes_and_rows_of_the_nine_programs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dr, "Markets", Markets)
    monkeypatch.setattr(dr, "disco_dr_case", dr_case)
    found: Any = dr.compute("highs", "vary", vehicles=50)  # type: ignore[arg-type]
    programs = list(dr_data.PROGRAMS)
    assert len(programs) == 9
    cells = [(program, case) for program in programs for case in (1, 2, 3, 4)]
    baseline = np.arange(24.0) * 0.5  # what the first case of the base program buys

    def same(asked: Any, program: str, case: int, **more: Any) -> None:
        given = dict(asked[2])
        assert given.pop("baseline_kwh").tolist() == baseline.tolist()
        assert (asked[0], asked[1], given) == (program, case, {"vehicles": 50, **more})

    for table, one in ((found.stochastic, False), (found.forecast, True)):
        assert list(table) == cells
        for (program, case), run in table.items():
            assert run.how[0] == "both"
            same(run.how[1], program, case, forecast=one)
            assert run.of.given == ("highs", "vary")
    assert {program for program, _ in found.modes} == {"flat", "tou", "rtp"}
    for (program, _), (network, _) in found.modes.items():
        same(network.asked, program, 4, forecast=True)
    assert list(found.sensitivity) == list(dr_data.TABLE_12)
    for name, run in found.sensitivity.items():
        mode = dr_data.TABLE_12[name]
        assert run.how[0] == "both"
        same(
            run.how[1],
            "cpp",
            4,
            pv_kw=mode.pv_kw,
            wind_kw=mode.wind_kw,
            participation=mode.participation,
            vehicles=round(mode.vehicles / 2),
        )
    assert {name: load.tolist() for name, load in found.loads_kw.items()} == {
        name: [2.0 * len(name)] * 24 for name in programs
    }
    assert found.run("tou", 2, "seeker") is found.forecast["tou", 2]
    assert found.run("tou", 2, "averse") is found.stochastic["tou", 2]
    assert found.totals("tou", 2, "neutral").load_mwh == 80.0


def test_the_first_case_has_no_baseline_and_a_whole_fleet_is_a_hundred(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[Any] = []

    def case(program: str, number: int, **given: Any) -> Any:
        asked.append((program, number, given))
        return dr_case(program, number, **given)

    monkeypatch.setattr(dr, "Markets", Markets)
    monkeypatch.setattr(dr, "disco_dr_case", case)
    dr.compute()
    program, number, given = asked[0]
    assert (program, number, given["baseline_kwh"].tolist()) == ("flat", 1, [0.0] * 24)
    rows = [given["vehicles"] for *_, given in asked if "pv_kw" in given]
    assert rows == [mode.vehicles for mode in dr_data.TABLE_12.values()]
