"""What followers of several aggregators do and pay in a market, read off stated numbers."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from equilibrium.markets.aggregator.rivals.offers import RESERVE_PORT
from equilibrium.markets.aggregator.rivals.outcome import _lot, _lot_account, _paid

BLOCKS = ("charge_g2v_kw", "charge_v2g_kw", "discharge_kw", "reserve_kw", "g2v_kwh", "v2g_kwh", "flex1_kwh")


def choice(kind: str, name: str, number: int) -> Any:
    """A follower whose blocks hold, in two periods, numbers that no other block has."""
    values = {block: np.array([1.0, 2.0]) + 10.0 * k + 100.0 * number for k, block in enumerate(BLOCKS)}
    values |= {"returned_kwh": np.array([3.0, 5.0]) * number, "bought_kwh": np.array([7.0, 11.0]) * number}
    program = SimpleNamespace(value=lambda x, block: values[block] + x)
    return SimpleNamespace(
        follower=SimpleNamespace(base=SimpleNamespace(kind=kind, name=name), program=program), x=np.array([0.0, 0.5])
    )


def test_a_lot_s_quantities_are_those_of_its_own_scenarios() -> None:
    """Others, and a generator of its name, stay aside; the second flexibility is what is returned and bought."""
    choices = [choice("lot", "b", 9), choice("lot", "a", 1), choice("generator", "a", 8), choice("lot", "a", 2)]
    found = _lot(SimpleNamespace(scenarios=2), "a", choices)  # type: ignore[arg-type]
    for k, block in enumerate(BLOCKS):
        wanted = [[101.0 + 10.0 * k, 102.5 + 10.0 * k], [201.0 + 10.0 * k, 202.5 + 10.0 * k]]
        assert getattr(found, block).tolist() == wanted, block
    assert found.flex2_kwh.tolist() == [[10.0, 17.0], [20.0, 33.0]]  # half a kWh for each of both parts, later


def test_what_a_follower_pays_is_told_by_what_for() -> None:
    """Columns 4 and 5 of five traded ones are reserve: what is called there is told apart from bought and sold."""
    asked: list[tuple[int, object]] = []

    def payments(x: np.ndarray, who: int, prices: object) -> dict[str, np.ndarray]:
        asked.append((who, prices))
        parts = np.array([1.0, 20.0, 300.0, 4000.0, 50000.0]) * (who + 1) * x[0]
        return {"price_out": -parts, "price_in": 2.0 * parts, RESERVE_PORT: np.array([7.0, 8.0]) * (who + 1)}

    columns = {"reserve_kw": SimpleNamespace(slice=slice(4, 6))}
    follower = SimpleNamespace(
        base=SimpleNamespace(program=SimpleNamespace(columns=columns)),
        traded=np.array([0, 3, 4, 5, 6]),
        payments=payments,
    )
    chosen: Any = SimpleNamespace(follower=follower, x=np.array([1.0]), fees=0.25)
    offers: Any = ["mine", "theirs"]
    found = _paid(chosen, offers)
    plain, reserve = 50021.0, 4300.0
    assert found == {
        "bought": 2.0 * 3.0 * plain,
        "sold": -3.0 * plain,
        "reserve": 15.0 * 3.0,
        "called": (2.0 - 1.0) * 3.0 * reserve,
        "fees": 0.25,
    }
    assert asked == [(0, "mine"), (1, "theirs")]
    columns.clear()
    without = _paid(chosen, offers)
    assert (without["called"], without["bought"], without["sold"]) == (0.0, 6.0 * (plain + reserve), -3.0 * 54321.0)


def test_wheeling_is_a_part_of_what_a_lot_pays_for_energy() -> None:
    one = {"bought": 5.0, "sold": -2.0, "reserve": -1.5, "called": -0.5, "fees": 0.75}
    two = {"bought": 7.0, "sold": -4.0, "reserve": 2.5, "called": 0.25, "fees": 0.0}
    found = _lot_account([one, two], np.array([10.0, 20.0]))
    assert found.bought.tolist() == [5.75, 7.0]
    assert found.sold.tolist() == [2.0, 4.0]
    assert found.reserve == pytest.approx([1.5, -2.5])
    assert found.called == pytest.approx([0.5, -0.25])
    assert found.drivers.tolist() == [10.0, 20.0]
