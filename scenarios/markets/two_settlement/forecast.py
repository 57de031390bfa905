"""Joint scenarios of the day-ahead market: each source is drawn and reduced, and days of each are put together."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from equilibrium.arrays import FloatArray
from equilibrium.markets.two_settlement.system import Prices, Scenario
from scenarios.draws.sarima import PriceModel
from scenarios.markets.two_settlement.day import TwoSettlementInputs
from scenarios.markets.two_settlement.draws import Source, drawn_potentials, fading_errors, joined, laws_of
from scenarios.markets.two_settlement.schema import TwoSettlementFile
from scenarios.streams import Streams
from scenarios.time_axis import WEEK


@dataclass(frozen=True, eq=False)
class Joint:
    """Scenarios of a day, and the largest distance of a source of power from its draws (Kantorovich), kW."""

    scenarios: tuple[Scenario, ...]
    distance: float


def joint_scenarios(
    file: TwoSettlementFile,
    model: PriceModel | None,
    prices_of: Callable[[FloatArray], Prices],
    day: TwoSettlementInputs,
    streams: Streams,
    expected: tuple[FloatArray, FloatArray],
) -> Joint:
    """Return joint scenarios of a day about what the operator expects.

    Parameters
    ----------
    file, model, prices_of
        The keys, the model of prices if there is one, and the prices of all products for those of energy.
    day
        The day; of it only what is usual and expected is used.
    streams
        The run's random streams; the streams ``forecast ...`` are used.
    expected
        Price, currency/kWh, and load as a share of the usual one, shape ``(T,)`` each.
    """
    rules, units, errors = file.scenarios, file.renewables, file.real_time
    price, load_factor = expected
    total = day.usual_kw.sum(axis=1) * load_factor
    drawn = total * _noise(file, day, streams, "load", (errors.load_sigma, file.loads.day_sigma))
    groups = laws_of(units)
    sources = [
        Source.reduced(drawn, rules.kept),
        Source.reduced(_price_draws(file, model, day, streams, price), rules.kept),
        *(
            Source.reduced(
                drawn_potentials(
                    units[group[0]], day.expected_kw[:, group[0]], streams, day.index, day.axis, rules.draws
                ),
                rules.kept,
            )
            for group in groups
        ),
    ]
    loads, prices, *supply = joined(sources, rules.joint, streams.generator("forecast joint", day.index))
    made = []
    for k in range(rules.joint):
        share = np.divide(loads[k], total, out=np.ones_like(total), where=total > 0.0) * load_factor
        available = np.zeros((day.axis.size, len(units)))
        for group, kept in zip(groups, supply, strict=True):
            rated = np.array([units[j].rated_kw for j in group])
            available[:, group] = np.outer(kept[k] / rated[0], rated)
        load_kw, load_kvar = (usual * share[:, None] for usual in (day.usual_kw, day.usual_kvar))
        made.append(Scenario(1.0 / rules.joint, load_kw, load_kvar, available, prices_of(prices[k])))
    return Joint(tuple(made), max(source.distance for source in (sources[0], *sources[2:])))


def _noise(
    file: TwoSettlementFile, day: TwoSettlementInputs, streams: Streams, name: str, sigmas: tuple[float, float]
) -> FloatArray:
    """Draw factors about 1 that last within a day, shape ``(draws, T)``; ``sigmas`` are those of errors and of days.

    ``persistence`` is what a period of real time leaves of an error, and one of the day ahead has several of them.
    """
    rng, count = streams.generator(f"forecast {name}", day.index), file.scenarios.draws
    sigma, day_sigma = sigmas
    level = np.exp(day_sigma * rng.standard_normal(count) - day_sigma**2 / 2.0)
    persistence = file.real_time.persistence ** (file.time.step_minutes // file.real_time.step_minutes)
    lasting = [1.0 + fading_errors(rng, day.axis.size, sigma, persistence) for _ in range(count)]
    return np.asarray(level[:, None] * np.maximum(np.array(lasting), 0.0))


def _price_draws(
    file: TwoSettlementFile,
    model: PriceModel | None,
    day: TwoSettlementInputs,
    streams: Streams,
    price: FloatArray,
) -> FloatArray:
    """Draw prices about what is expected, shape ``(draws, T)``: with the errors of the seasonal model, if any."""
    if model is None:
        return price * _noise(file, day, streams, "price", (file.real_time.price_sigma, 0.0))
    weekday = day.date.weekday() if day.date is not None else day.index % WEEK
    rng = streams.generator("forecast price", day.index)
    drawn = model.sample(rng, 1, file.scenarios.draws, first_weekday=weekday)
    by_period = np.array([day.axis.of_clock(each) for each in drawn[:, 0]])
    return np.asarray(price + by_period - by_period.mean(axis=0))
