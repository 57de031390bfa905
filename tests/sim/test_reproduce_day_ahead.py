"""The reproduction of two settlements, small: every statement is evaluated, and what must hold does."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from equilibrium.errors import InputError
from equilibrium.markets.two_settlement.market import DayAheadMarket
from equilibrium.markets.two_settlement.system import DayAhead, Penalties, Prices, Scenario
from scenarios.published.active_system import STUDY, price_model, study_day, study_system
from sim.reproduce.two_settlement import study as reproduction
from sim.reproduce.two_settlement.compute import Results, compute
from sim.reproduce.two_settlement.losses import left_out
from sim.reproduce.two_settlement.statements import statements
from sim.reproduce.verdicts import Kind

SMALL = replace(STUDY, samples=50, scenarios=2)

ERRATA = {"T-case 3, F2", "T-SA2, F1", "T-SA3, S_RT", "X1", "X2", "X3", "X4"}


@pytest.fixture(scope="module")
def results() -> Results:
    return compute("auto", SMALL, cascades=False, more=3, few=2, points=3)


@pytest.mark.long
def test_every_statement_that_must_hold_does(results: Results, tmp_path: Path) -> None:
    report = reproduction.make_report(results, reproduction.draw(results, tmp_path))
    assert report.broken == ()
    assert {each.key for each in report.statements if each.kind is Kind.ERRATUM} == ERRATA
    assert all(each.reason for each in report.statements)
    assert [table.name for table in report.tables] == ["table-3", "table-6", "table-8", "front", "hours"]
    for path, _ in report.figures:
        assert (tmp_path / path).stat().st_size > 5000


@pytest.mark.long
def test_a_wrong_result_breaks_the_statements_that_watch_it(results: Results) -> None:
    def broken(**changes: object) -> set[str]:
        return {each.key for each in statements(replace(results, **changes)) if each.broken}  # type: ignore[arg-type]

    proposed = results.profit[0]
    assert broken() == set()
    dear = {**results.profit, 2: replace(results.profit[2], profit=proposed.bound + 1.0)}
    assert broken(profit=dear) == {"I1", "K1"}
    assert broken(least={0: results.least[1], 1: results.least[0]}) == {"I3"}
    assert broken(controlled={3: proposed.interruption, 4: 1.01 * proposed.interruption}) == {"I4"}
    assert broken(voltages=results.voltages + np.array([[0.0], [0.01]])) == {"V1"}
    assert broken(everything=1.0) == {"B1"}
    assert broken(policies=replace(results.policies, wait_and_see=-1e6)) == {"P1"}


def test_the_study_has_its_outages_and_refuses_what_it_has_not() -> None:
    system = study_system(SMALL)
    assert len(system.outages) == 264
    assert sum(", then " not in outage.name for outage in system.outages) == 132
    assert system.outage_probability.sum() == pytest.approx(1.0)
    assert system.grid.load_kw.sum() == pytest.approx(5385.4)
    with pytest.raises(InputError, match="two-settlement study: case: got 5, expected one of 0, 1"):
        study_day(system, SMALL, case=5)
    with pytest.raises(InputError, match="two-settlement study: kept: got 60, expected from 1 to samples, 50"):
        study_day(system, replace(SMALL, kept=60))


def test_what_a_linear_flow_leaves_out_is_the_loss_of_an_ac_flow() -> None:
    """Without units the base configuration of 70 buses loses 341.4 kW at nominal load, as is published."""
    made = study_system(SMALL, cascades=False)
    grid = made.grid
    system = replace(made, generators=(), renewables=(), storages=(), outages=(), outage_probability=np.zeros(0))
    price = np.array([0.2])
    scenario = Scenario(1.0, grid.load_kw[None], grid.load_kvar[None], np.zeros((1, 0)), Prices(*[price] * 5))
    zero, fines = np.zeros(1), Penalties(*[np.ones(1)] * 4)
    wide = replace(system, grid=replace(grid, voltage_min_pu=np.full(70, 0.5)))
    day = DayAhead(np.ones(1), (scenario,), (), zero, zero, fines, zero)
    found = left_out(wide, day, DayAheadMarket(wide).clear(day))
    assert found.loss_kw == pytest.approx([341.43], abs=0.01)
    assert found.share == pytest.approx(341.43 / 5385.4, abs=1e-5)
    assert found.paid == pytest.approx(0.2 * 341.43, abs=0.01)
    assert found.voltage_pu == pytest.approx(0.0055, abs=1e-4)


def test_prices_of_the_study_follow_its_seasonal_model() -> None:
    """Their mean is that of the study, and the logarithm spreads as it says, an hour with the one before."""
    drawn = price_model(STUDY).sample(np.random.default_rng(0), 1, 4000)[:, 0] * 1000.0
    assert drawn.mean(axis=0) == pytest.approx(np.array(STUDY.price), rel=0.01)
    log = np.log(drawn / np.array(STUDY.price))
    assert log.std() == pytest.approx(STUDY.price_sigma, rel=0.02)
    # Of ARMA(1, 1): (1 + ar ma) (ar + ma) / (1 + 2 ar ma + ma^2), and the day before adds a little at midnight alone.
    assert np.corrcoef(log[:, 12], log[:, 11])[0, 1] == pytest.approx(1.14 * 0.9 / 1.32, abs=0.02)


def test_a_day_of_the_study_is_what_its_numbers_say() -> None:
    system = study_system(SMALL, cascades=False)
    day, own = study_day(system, SMALL), study_day(system, SMALL, case=4)
    assert len(day.scenarios) == 2
    for each in day.scenarios:
        assert (each.prices.sell == 0.97 * each.prices.buy).all()
        share = each.load_kw[0] / system.grid.load_kw.clip(1e-9)
        assert np.ptp(share[system.grid.load_kw > 0.0]) < 1e-12
    assert [bid.name for bid in day.bids] == [
        *(f"demand {label}" for label in STUDY.demand_bus),
        *(f"lot {label}" for label in STUDY.lot_bus),
    ]
    assert all(not bid.sold_price.any() for bid in own.bids[:4])
    assert all(np.array_equal(a.power_kw, b.power_kw) for a, b in zip(day.bids, own.bids, strict=True))
    assert all(bid.standby_kw is None for bid in day.bids)
    # 40 % of 150 kW can be cut, a generator of 240 kW stands until hour 6, and what is paid back can wait.
    hours = np.arange(24) >= 6
    assert own.bids[0].standby_kw == pytest.approx(np.where(hours, -90.0, 240.0) - own.bids[0].power_kw)
    lot = study_day(system, SMALL, case=3).bids[4]
    # 20 vehicles of 10 kW from hour 8 to 16; their 27 kWh less 6 last an hour.
    assert lot.standby_kw[7] == pytest.approx(200.0 - lot.power_kw[7])
    assert (lot.standby_kw >= lot.spinning_kw).all()
    lot = day.bids[4]
    assert lot.power_kw.max() <= 200.0 + 1e-9
    assert lot.power_kw.min() >= -260.0 - 1e-9
