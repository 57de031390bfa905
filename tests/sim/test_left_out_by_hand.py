"""What a linear flow leaves out, weighed by hand, and what every bus takes in a scenario."""

from __future__ import annotations

from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from equilibrium.errors import SolverError
from sim.reproduce.two_settlement import losses


@dataclass(frozen=True)
class Grid:
    """As much of a grid as a flow is asked for."""

    closed: str = "closed"
    load_kw: Any = None
    load_kvar: Any = None


def at(*buses: int) -> tuple[Any, ...]:
    return tuple(SimpleNamespace(bus=bus) for bus in buses)


SYSTEM: Any = SimpleNamespace(grid=Grid(), generators=at(2, 2), renewables=at(1), storages=at(2))
BIDS = (SimpleNamespace(bus=1, reactive_share=0.5), SimpleNamespace(bus=0, reactive_share=0.0))


def scenario(probability: float, price: tuple[float, float], scale: float = 1.0) -> Any:
    return SimpleNamespace(
        probability=probability,
        prices=SimpleNamespace(buy=np.array(price)),
        load_kw=scale * np.array([[0.0, 10.0, 20.0], [0.0, 30.0, 40.0]]),
        load_kvar=scale * np.array([[3.0, 5.0, 0.0], [0.0, 6.0, 10.0]]),
    )


DAY: Any = SimpleNamespace(
    length_h=np.array([1.0, 0.5]), scenarios=(scenario(0.25, (0.1, 0.2)), scenario(0.75, (0.3, 0.4), 2.0)), bids=BIDS
)


def clearing(**changes: Any) -> Any:
    """Nothing is generated, given or shed but what is named; the same in both scenarios."""
    two, none = np.zeros((2, 2, 2)), np.zeros((2, 2, 1))
    dispatch = {
        "shed_kw": np.zeros((2, 2, 3)),
        "generator_kw": two,
        "generator_kvar": two,
        "renewable_kw": none,
        "discharge_kw": none,
        "charge_kw": none,
        "voltage_pu": np.ones((2, 2, 3)),
    }
    positions = SimpleNamespace(accepted_kw=changes.pop("accepted_kw", np.zeros((2, 2))))
    return SimpleNamespace(dispatch=SimpleNamespace(**dispatch | changes), positions=positions)


def test_every_bus_takes_its_load_less_what_its_units_give() -> None:
    """In the first scenario's first hour; two generators stand at bus 2."""

    def hour(values: list[float]) -> Any:
        found = np.zeros((2, 2, len(values)))
        found[0, 0] = values
        return found

    accepted = np.zeros((2, 2))
    accepted[0] = [4.0, 6.0]
    made = clearing(
        shed_kw=hour([0.0, 2.0, 5.0]),
        generator_kw=hour([1.0, 2.0]),
        generator_kvar=hour([0.25, 0.5]),
        renewable_kw=hour([3.0]),
        discharge_kw=hour([7.0]),
        charge_kw=hour([1.5]),
        accepted_kw=accepted,
    )
    kw, kvar = losses._net(SYSTEM, DAY, made, 0)
    assert kw[0].tolist() == pytest.approx([0.0 - 6.0, 10.0 - 2.0 - 3.0 - 4.0, 20.0 - 5.0 - 1.0 - 2.0 - 7.0 + 1.5])
    assert kvar[0].tolist() == pytest.approx([3.0, 5.0 * 0.8 - 2.0, -0.75])  # shed load takes its reactive part along
    assert kw[1].tolist() == [0.0, 30.0, 40.0]
    assert kvar[1].tolist() == [0.0, 6.0, 10.0]
    other = losses._net(SYSTEM, DAY, made, 1)
    assert other[0][0].tolist() == [-6.0, 20.0 - 4.0, 40.0]


def test_losses_are_weighed_by_scenario_hour_and_price(monkeypatch: pytest.MonkeyPatch) -> None:
    """A flow loses a tenth of the active load and lowers voltages by a thousandth of it."""

    def flow(grid: Any, closed: str) -> Any:
        assert closed == "closed"
        total = float(grid.load_kw.sum())
        return SimpleNamespace(loss_kw=0.1 * total, voltage_pu=np.array([1.0, 1.0 - total / 1000.0, 1.0]))

    monkeypatch.setattr(losses, "radial_flow", flow)
    found = losses.left_out(SYSTEM, DAY, clearing())
    first, second = (3.0, 7.0), (6.0, 14.0)  # of 30 and 70 kW, and of twice as much
    loss = [0.25 * first[h] + 0.75 * second[h] for h in (0, 1)]
    assert found.loss_kw.tolist() == pytest.approx(loss)
    load = 0.25 * (30.0 + 0.5 * 70.0) + 0.75 * (60.0 + 0.5 * 140.0)
    assert found.share == pytest.approx((loss[0] + 0.5 * loss[1]) / load)
    paid = 0.25 * (3.0 * 0.1 + 0.5 * 7.0 * 0.2) + 0.75 * (6.0 * 0.3 + 0.5 * 14.0 * 0.4)
    assert found.paid == pytest.approx(paid)
    assert found.voltage_pu == pytest.approx(0.14)


def test_a_flow_that_does_not_settle_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    settled = iter([True, True, True, False])

    def flow(*_: Any) -> Any:
        return SimpleNamespace(loss_kw=0.0, voltage_pu=np.ones(3)) if next(settled) else None

    monkeypatch.setattr(losses, "radial_flow", flow)
    with pytest.raises(SolverError, match=r"the AC flow of hour 1 of scenario 1 does not settle"):
        losses.left_out(SYSTEM, DAY, clearing())
