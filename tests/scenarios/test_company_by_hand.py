"""The company's draws and scenarios, number by number, and programs that would leave less load than none."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from equilibrium.errors import InputError
from equilibrium.markets.disco.day import DiscoScenario
from scenarios.markets.disco import case as module
from scenarios.markets.disco.case import DiscoCase

HALVES: Any = SimpleNamespace(size=3, length_h=np.array([1.0, 0.25, 1.0]), hours=2.25)


def batch(**changes: Any) -> Any:
    """Two groups of vehicles: three from period 0 to the end of period 1, and two in the last one."""
    given = {
        "arrival": np.array([0, 2]),
        "departure": np.array([2, 3]),
        "count": np.array([3.0, 2.0]),
        "charge_max_kw": np.array([4.0, 10.0]),
        "wish_kwh": np.array([30.0, 20.0]),
        "energy_kwh": np.array([12.0, 11.0]),
    }
    return SimpleNamespace(**given | changes)


def test_a_scenario_as_a_point_in_kilowatts() -> None:
    """A quarter of an hour weighs a half; a price of zero is compared with one."""
    day: Any = SimpleNamespace(
        axis=HALVES,
        upstream_price=np.array([0.1, 0.2, 0.0]),
        forecast_kw=np.array([[30.0, 10.0], [20.0, 0.0], [5.0, 5.0]]),
    )
    scenario: Any = SimpleNamespace(
        renewable_kw=np.array([[1.0, 2.0], [3.0, 4.0], [5.0, 6.0]]),
        upstream_price=np.array([0.15, 0.1, 0.5]),
        vehicles=(batch(), batch(count=np.array([0.0, 1.0]))),
    )
    point = DiscoCase._point(SimpleNamespace(), day, scenario)  # type: ignore[arg-type]
    sun = [1.0, 2.0, 1.5, 2.0, 5.0, 6.0]
    able = [12.0, 6.0, 20.0, 0.0, 0.0, 10.0]
    wished = [(3 * 18.0 + 2 * 9.0) / 2.25, 9.0 / 2.25]
    price = [0.5 * 40.0, -0.5 * 20.0 * 0.5, 0.5 * 10.0]
    assert point.tolist() == pytest.approx([*sun, *able, *wished, *price])


class Told:
    """A generator whose one normal number is told."""

    def __init__(self, number: float) -> None:
        self.number = number

    def standard_normal(self) -> float:
        return self.number


def test_an_outcome_is_sun_wind_prices_and_vehicles(monkeypatch: pytest.MonkeyPatch) -> None:
    drawn: list[Any] = []

    def vehicles(fleet: str, count: int, hours: int, generator: Any, prefix: str) -> str:
        drawn.append((fleet, count, hours, generator, prefix))
        return f"batch {len(drawn)}"

    monkeypatch.setattr(module, "draw_vehicles", vehicles)
    monkeypatch.setattr(module, "on_axis", lambda made, axis: (made, axis))
    axis = SimpleNamespace(size=2, of_clock=lambda values: values * 2.0)
    day: Any = SimpleNamespace(axis=axis, index=5, upstream_price=np.array([0.1, 0.3]))
    kinds = [SimpleNamespace(rated_kw=10.0, kind="wind"), SimpleNamespace(rated_kw=100.0, kind="pv")]
    own: Any = SimpleNamespace(
        weather=SimpleNamespace(drawn=lambda *_: (np.array([0.25, 0.5]), np.array([0.0, 0.125]))),
        fleet="fleet",
        file=SimpleNamespace(
            renewables=kinds,
            scenarios=SimpleNamespace(price_sigma=0.4),
            lots=[SimpleNamespace(name="west"), SimpleNamespace(name="east")],
        ),
    )
    generator: Any = Told(1.5)
    found = DiscoCase._draw(own, day, generator, lambda _: (7, 9), 0.5)
    assert found.probability == 0.5
    assert found.renewable_kw.tolist() == [[5.0, 0.0], [10.0, 25.0]]
    assert found.upstream_price.tolist() == pytest.approx([0.1 * np.exp(0.6 - 0.08), 0.3 * np.exp(0.6 - 0.08)])
    vehicles_there: Any = found.vehicles
    assert vehicles_there == (("batch 1", axis), ("batch 2", axis))
    assert drawn == [("fleet", 7, 24, generator, "5-west"), ("fleet", 9, 24, generator, "5-east")]


def test_scenarios_that_are_kept_stand_for_the_others() -> None:
    """Of points 0, 1 and 10 two are kept; each draw has a stream of its own."""
    asked: list[Any] = []
    places = [0.0, 1.0, 10.0]

    def draw(day: Any, generator: Any, arriving: Any, probability: float) -> DiscoScenario:
        asked.append((day.index, generator, arriving, probability))
        number = len(asked) - 1
        return DiscoScenario(probability, np.array([[float(number)]]), np.array([0.1 * number]), ())

    own: Any = SimpleNamespace(
        file=SimpleNamespace(scenarios=SimpleNamespace(draws=3, kept=2)),
        _draw=draw,
        _point=lambda _, scenario: np.array([places[int(scenario.renewable_kw[0, 0])]]),
    )
    streams: Any = SimpleNamespace(generator=lambda name, index: (name, index))
    arriving: Any = "arriving"
    found = DiscoCase.forecast(own, SimpleNamespace(index=4), streams, arriving)  # type: ignore[arg-type]
    assert asked == [(4, (f"forecast-{k}", 4), "arriving", 1.0) for k in range(3)]
    kept = {int(each.renewable_kw[0, 0]): each.probability for each in found.scenarios}
    assert kept.pop(2) == pytest.approx(1.0 / 3.0)
    assert list(kept.values()) == [pytest.approx(2.0 / 3.0)]
    assert [float(each.upstream_price[0]) for each in found.scenarios] == pytest.approx(
        [0.1 * float(each.renewable_kw[0, 0]) for each in found.scenarios]
    )
    assert found.distance == pytest.approx(1.0 / 3.0)
    came = DiscoCase.outcome(own, SimpleNamespace(index=4), streams, arriving)  # type: ignore[arg-type]
    assert (asked[3], came.probability) == ((4, ("outcome", 4), "arriving", 1.0), 1.0)


def responding(factors: dict[tuple[int, str], float], monkeypatch: pytest.MonkeyPatch) -> Any:
    """A case of two days and two programs whose response is told; the other hour's is 1."""

    def factor(base: Any, program: Any, elasticity: Any, participation: float) -> Any:
        assert (base, elasticity, participation) == ("base of day", "elasticity", 0.25)
        return np.array([1.0, factors.get(program, 0.5)])

    monkeypatch.setattr(module, "response_factor", factor)
    axes = [
        SimpleNamespace(number=k, clock_hour="hours", length_h="lengths", of_clock="{} of day".format) for k in (0, 1)
    ]
    return SimpleNamespace(
        prices=SimpleNamespace(days=2, on=lambda index, axis: (index, axis.number)),
        axis=axes.__getitem__,
        elasticity=SimpleNamespace(over=lambda *_: "elasticity"),
        offered=("flat", "tou"),
        program=lambda name, price, _: (price[0], name),
        base_tariff="base",
        participation=0.25,
    )


def test_no_program_leaves_less_load_than_none(monkeypatch: pytest.MonkeyPatch) -> None:
    document: Any = SimpleNamespace(
        error=lambda keys, found, expected: InputError("f", ".".join(keys), found, expected)
    )
    module._check_response(responding({(1, "tou"): 0.0}, monkeypatch), document)
    for wrong in ((0, "flat"), (1, "tou")):
        with pytest.raises(InputError) as error:
            module._check_response(responding({wrong: -0.0625}, monkeypatch), document)
        assert str(error.value) == (
            f"f: retailer.programs.offered: got '{wrong[1]} with a factor -0.0625 on the load', expected programs and "
            "an elasticity that leave a load >= 0 in the linear model"
        )


@pytest.mark.parametrize(("given", "beta", "limit"), [({}, 0.5, 50), ({"beta": 0.0, "node_limit": 9}, 0.0, 9)])
def test_the_market_of_the_company(
    monkeypatch: pytest.MonkeyPatch, given: dict[str, Any], beta: float, limit: int
) -> None:
    rules = {"mode": "m", "purchases": "p", "alpha": 0.9, "segments": 4, "transformer_efficiency": 0.97}
    rules |= {"infeasible_wish": "lower"}
    made: list[Any] = []
    monkeypatch.setattr(module, "DiscoMarket", lambda network, **named: made.append((network, named)))
    own: Any = SimpleNamespace(
        network="network",
        file=SimpleNamespace(market=SimpleNamespace(**rules, beta=0.5, node_limit=50)),
        refuse=lambda key, found, expected: ValueError(f"{key}: {found}, not {expected}"),
    )
    DiscoCase.market(own, solver="highs", on_infeasible="stop", **given)
    assert made == [("network", {**rules, "beta": beta, "node_limit": limit, "solver": "highs"})]
    with pytest.raises(ValueError, match="on_infeasible: shed, not stop"):
        DiscoCase.market(own, on_infeasible="shed")
    with pytest.raises(ValueError, match="certify: full, not standard"):
        DiscoCase.market(own, certify="full")
