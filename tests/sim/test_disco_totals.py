"""Totals of cleared days of the DISCO market, by hand."""

from __future__ import annotations

import math
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from equilibrium.errors import InfeasibleError
from sim.reproduce.disco.totals import (
    EQUILIBRIUM,
    MODE,
    Markets,
    Run,
    objective,
    paired,
    profit,
    totals,
    weights,
    without_equilibrium,
)


def scenario(size: float, probability: float) -> Any:
    """Two periods, two lots, two renewable units and two buses; every number is another one."""
    return SimpleNamespace(
        probability=probability,
        company_profit=100.0 * size,
        lot_profit=np.array([10.0, 20.0]) * size,
        lot_maximum=np.array([11.0, 22.0]) * size,
        accounts={"load_income": 300.0 * size, "upstream_cost": 50.0 * size},
        import_kw=np.array([1000.0, 2000.0]) * size,
        lot_charge_kw=np.array([[10.0, 20.0], [30.0, 40.0]]) * size,
        lot_discharge_kw=np.array([[1.0, 2.0], [3.0, 4.0]]) * size,
        renewable_kw=np.array([[5.0, 6.0], [7.0, 8.0]]) * size,
        loss_kw=np.array([[0.1, 0.2], [0.3, 0.4]]) * size,
    )


DAY: Any = SimpleNamespace(length_h=np.array([1.0, 0.5]), load_kw=np.array([[100.0, 200.0], [300.0, 500.0]]))
CLEARED: Any = SimpleNamespace(alpha=0.5, scenarios=(scenario(1.0, 0.75), scenario(3.0, 0.25)))


def test_totals_are_weighted_means_of_the_scenarios() -> None:
    """Weights of 3/4 and 1/4 on sizes 1 and 3: the mean size is 1.5. The second period has half an hour."""
    found = totals(DAY, CLEARED, np.array([0.75, 0.25]))
    assert (found.profit, found.lot_profit, found.lot_maximum) == pytest.approx((150.0, 45.0, 49.5))
    assert found.accounts == pytest.approx({"load_income": 450.0, "upstream_cost": 75.0})
    assert found.load_mwh == pytest.approx(0.3 + 0.5 * 0.8)
    assert found.import_mwh == pytest.approx(1.5 * (1.0 + 0.5 * 2.0))
    assert found.charge_mwh == pytest.approx(1.5 * (0.030 + 0.5 * 0.070))
    assert found.discharge_mwh == pytest.approx(1.5 * (0.003 + 0.5 * 0.007))
    assert found.renewable_mwh == pytest.approx(1.5 * (0.011 + 0.5 * 0.015))
    assert found.loss_mwh == pytest.approx(1.5 * (0.0003 + 0.5 * 0.0007))
    np.testing.assert_allclose(found.import_kw, [1500.0, 3000.0])
    np.testing.assert_allclose(found.charge_kw, [45.0, 105.0])
    np.testing.assert_allclose(found.discharge_kw, [4.5, 10.5])
    np.testing.assert_allclose(found.renewable_kw, [[7.5, 9.0], [10.5, 12.0]])
    np.testing.assert_allclose(found.loss_kw, [0.45, 1.05])


def test_an_averse_company_weighs_the_tail() -> None:
    """Half of the probability is the tail: it lies in the first scenario alone."""
    np.testing.assert_allclose(weights(CLEARED, "neutral"), [0.75, 0.25])
    np.testing.assert_allclose(weights(CLEARED, "seeker"), [0.75, 0.25])
    np.testing.assert_allclose(weights(CLEARED, "averse"), [1.0, 0.0])
    run = Run(DAY, CLEARED)
    assert profit(run, "averse") == pytest.approx((100.0,))
    assert profit(run, "neutral") == pytest.approx((150.0,))
    assert objective(run, 0.25) == pytest.approx((0.75 * 150.0 + 0.25 * 100.0,))


def test_lots_at_their_maximum_miss_nothing_in_any_scenario() -> None:
    def run(*missing: float) -> Run:
        cleared: Any = SimpleNamespace(
            scenarios=tuple(
                SimpleNamespace(lot_profit=np.array([5.0, 7.0 - m]), lot_maximum=np.array([5.0, 7.0])) for m in missing
            )
        )
        return Run(DAY, cleared)

    assert run(0.0, 0.0).lots_are_at_their_maximum
    assert run(0.0, 1e-12).lots_are_at_their_maximum
    assert not run(0.0, 1e-6).lots_are_at_their_maximum


def test_a_number_stands_beside_that_of_the_equilibrium() -> None:
    other = Run(DAY, SimpleNamespace(alpha=0.5, scenarios=(scenario(2.0, 1.0),)))  # type: ignore[arg-type]
    assert paired(Run(DAY, CLEARED, other), profit, "neutral") == [(pytest.approx(150.0), pytest.approx(200.0))]
    error = InfeasibleError(("scenario 3: the branch into bus 2 is overloaded", "scenario 4: another one"))
    ((ours, beside),) = paired(Run(DAY, CLEARED, error), objective, 1.0)
    assert ours == pytest.approx(100.0)
    assert math.isnan(beside)
    with pytest.raises(ValueError, match="without its equilibrium"):
        paired(Run(DAY, CLEARED), profit, "neutral")
    told = without_equilibrium({"row 1": Run(DAY, CLEARED, other), "row 2": Run(DAY, CLEARED, error)})
    assert "row 2: scenario 3: the branch into bus 2 is overloaded" in told
    assert "row 1" not in told
    assert without_equilibrium({"row 1": Run(DAY, CLEARED, other)}) == ""


@pytest.mark.parametrize("at_maximum", [True, False])
@pytest.mark.parametrize("wider", [None, "wider"])
def test_a_day_is_cleared_with_its_equilibrium(
    at_maximum: bool, wider: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[tuple[str, str]] = []
    markets = Markets("highs")
    monkeypatch.setattr(Run, "lots_are_at_their_maximum", property(lambda _self: at_maximum))

    def clear(network: str, day: Any, mode: str = MODE, **_options: Any) -> Run:
        asked.append((network, mode))
        if network == "wider":
            raise InfeasibleError(("too far",))
        return Run(day, mode)  # type: ignore[arg-type]

    monkeypatch.setattr(markets, "clear", clear)
    network: Any = "own"
    other: Any = wider
    found = markets.clear_both(network, DAY, other)
    assert asked[0] == ("own", MODE)
    if wider:
        assert asked[1:] == [("wider", EQUILIBRIUM)]
        assert isinstance(found.equilibrium, InfeasibleError)
    elif at_maximum:
        assert asked[1:] == []
        assert isinstance(found.equilibrium, Run)
        assert found.equilibrium.clearing == MODE
    else:
        assert asked[1:] == [("own", EQUILIBRIUM)]
        assert isinstance(found.equilibrium, Run)
        assert found.equilibrium.clearing == EQUILIBRIUM
