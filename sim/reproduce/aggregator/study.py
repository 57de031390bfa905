"""Reproduction of the aggregator of a parking lot with energy and reserve (docs/aggregator.md).

Cases I and II on the expected day, with and without a network, on drawn days, the data of Figs. 9 to 19 by hour, and
the sweep of Figs. 20 and 21, with every claim of the paper.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from equilibrium.arrays import FloatArray
from sim.reproduce.aggregator import published as data
from sim.reproduce.aggregator.compute import Results, Solved, compute
from sim.reproduce.aggregator.constants import constants
from sim.reproduce.aggregator.errors import documented_errors
from sim.reproduce.aggregator.statements import statements
from sim.reproduce.closeness import Comparison, ComparisonTable
from sim.reproduce.report import Report

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def reproduce(folder: Path, solver: str = "auto") -> Report:
    """Make the report and draw its figures.

    Parameters
    ----------
    folder
        Where the figures go (``figures`` inside it).
    solver
        Who solves the linear programs, as in :class:`equilibrium.markets.aggregator.market.AggregatorMarket`.

    Raises
    ------
    InputError
        For another solver.
    """
    results = compute(solver)
    return make_report(results, draw(results, folder))


def make_report(results: Results, figures: tuple[tuple[str, str], ...] = ()) -> Report:
    """Put the results into tables and evaluate every statement."""
    return Report(
        name="aggregator",
        title="Reproduction: an aggregator of a parking lot, generators and load with energy and reserve",
        introduction=data.INTRODUCTION,
        tables=(_profits(results), *(_hourly(results, case) for case in data.CASES), _sweep(results)),
        statements=statements(results),
        constants=constants(),
        errors=documented_errors(),
        figures=figures,
    )


def _profits(results: Results) -> ComparisonTable:
    days: dict[str, Solved] = {
        **{f"case {case}, cap {cap:g}": each for (case, cap), each in results.expected.items()},
        **{f"case {case}, {data.DRAWN} drawn days": each for case, each in results.drawn.items()},
        **{f"case {case}, {feeder}": each for (feeder, case), each in results.feeders.items()},
        **{
            f"case I, {feeder}, at least {data.TIGHT_VOLTAGE[feeder]:g} per unit": each
            for feeder, each in results.tight.items()
        },
    }
    rows = []
    for name, each in days.items():
        for quantity, value in (
            ("aggregator (cents)", each.profit),
            ("could gain at most (cents)", each.clearing.certificate.worst_regret),
            ("lot (cents)", each.lot_profit),
            ("generators (cents)", each.generator_profit),
            ("load retailer (cents)", each.retail_profit),
            ("charged (kWh)", float(each.charge.sum())),
            ("discharged (kWh)", float(each.discharge.sum())),
            ("reserve (kWh)", float(each.reserve.sum())),
        ):
            rows.append(Comparison(name, quantity, None, value, digits=2))
    return ComparisonTable("profits", "Profits and energies of every day", tuple(rows), in_terminal=False)


def _hourly(results: Results, case: str) -> ComparisonTable:
    """Return the data of the figures of one case: 9 to 13 for I, 14 to 19 for II."""
    key = ("I", data.CAP) if case == "I" else ("II", data.HIGH_CAP)
    each, figures = results.expected[key], "Figs. 9 to 13" if case == "I" else "Figs. 14 to 19"
    rows = tuple(
        Comparison(f"hour {hour + 1}", name, None, float(values[hour]), digits=3)
        for hour in range(24)
        for name, values in _series(each)
    )
    title = f"Case {case} by hour, the data of {figures} (cap {key[1]:g} cents)"
    return ComparisonTable(f"case-{case}", title, rows, in_terminal=False)


def _series(each: Solved) -> Iterator[tuple[str, FloatArray]]:
    yield "upstream energy price (cents/kWh)", each.day.energy_price
    yield "lot's energy price (cents/kWh)", each.price_in
    yield "generators' price (cents/kWh)", each.price("generators")
    yield "retailer's price (cents/kWh)", each.price("retailer")
    yield "upstream reserve price (cents/kWh)", each.day.reserve_price
    yield "reserve price, all in (cents/kWh)", each.all_in_reserve
    yield "charging (kW)", each.charge
    yield "discharging (kW)", each.discharge
    yield "reserve (kW)", each.reserve
    yield "energy of the vehicles (kWh)", each.stored
    for name, row in (("only charge", 0), ("also discharge", 1)):
        yield f"energy of vehicles that {name} (kWh)", each.pools[row]
        yield f"batteries of vehicles that {name} (kWh)", each.capacity[row]
    for name, row in (("flex1", 0), ("flex2", 1)):
        yield f"energy that {name} leaves with (kWh)", each.flexible[row]
        yield f"least energy that {name} leaves with (kWh)", each.flexible_least[row]
    for unit, output in zip(each.day.generators, each.output, strict=True):
        yield f"{unit.name} (kW)", output
    yield "interrupted load (kW)", each.interrupted


def _sweep(results: Results) -> ComparisonTable:
    rows = [
        Comparison(f"case {case}, G2V2 = {value:g}", quantity, None, amount, digits=1)
        for (case, value), each in results.sweep.items()
        for quantity, amount in (("aggregator (cents)", each.profit), ("lot (cents)", each.lot_profit))
    ]
    return ComparisonTable("sweep", "Profits by the tariff G2V2 (Figs. 20 and 21)", tuple(rows))


def draw(results: Results, folder: Path) -> tuple[tuple[str, str], ...]:
    """Draw figures laid out like the paper's; return file names and captions."""
    # here, because matplotlib is slow to import
    from sim.reproduce.aggregator import figures
    from sim.show import drawing

    drawn: list[tuple[str, Figure, str]] = []
    for case, key in (("I", ("I", data.CAP)), ("II", ("II", data.HIGH_CAP))):
        each = results.expected[key]
        label = f"case {case}, cap {key[1]:g} cents"
        drawn += [
            (f"case-{case}-prices", figures.prices(each), f"Prices, {label} (Figs. 9, 12, 14, 16)"),
            (f"case-{case}-energy", figures.energy(each), f"Powers, {label} (Figs. 10, 15)"),
            (f"case-{case}-lot", figures.lot(each), f"The lot, {label} (Figs. 11, 13, 17, 18)"),
        ]
    drawn.append(("sweep", figures.sweep(results), "Profits by the tariff G2V2 (Figs. 20 and 21)"))
    paths = []
    for name, figure, caption in drawn:
        drawing.save(figure, folder / "figures" / name)
        paths.append((f"figures/{name}.png", caption))
    return tuple(paths)
