"""Reproduction of two settlements on 70 buses (docs/two_settlement.md).

Tables 3, 6 and 8 beside ours, the front, the budget against prices, scenario counts, policies, and Fig. 18.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from equilibrium.markets.two_settlement.clearing import DayAheadClearing
from sim.reproduce.closeness import Comparison, ComparisonTable
from sim.reproduce.report import Report
from sim.reproduce.two_settlement import published as data
from sim.reproduce.two_settlement.compute import MORE, Results, compute
from sim.reproduce.two_settlement.constants import constants
from sim.reproduce.two_settlement.errors import documented_errors
from sim.reproduce.two_settlement.statements import statements

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_CANNOT = (
    "The paper's numbers rest on prices, units, aggregators and values of lost load that it does not print: nothing "
    "but an accident could meet them."
)


def reproduce(folder: Path, solver: str = "auto") -> Report:
    """Make the report and draw its figures.

    Parameters
    ----------
    folder
        Where the figures go (``figures`` inside it).
    solver
        Who solves the linear programs.

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
        name="two-settlement",
        title="Reproduction: two settlements with aggregators, outages and switching on 70 buses",
        introduction=data.INTRODUCTION,
        tables=(_cases(results), _sensitivity(results), _more(results), _front(results), _hours(results)),
        statements=statements(results),
        constants=constants(),
        errors=documented_errors(),
        figures=figures,
    )


def _values(each: DayAheadClearing) -> tuple[float, float, float]:
    return each.profit, each.interruption, each.accounts["deviations"]


def _rows(name: str, published: tuple[float, ...], each: DayAheadClearing) -> list[Comparison]:
    pairs = zip(data.OBJECTIVES, published, _values(each), strict=True)
    return [Comparison(name, f"{quantity} (MU)", printed, own, digits=2) for quantity, printed, own in pairs]


def _cases(results: Results) -> ComparisonTable:
    rows = [row for case, name in data.CASES.items() for row in _rows(name, data.TABLE_3[case], results.profit[case])]
    title = "Table 3: the proposed scheme and cases 1 to 4, each at its most profit"
    return ComparisonTable("table-3", title, tuple(rows), note=_CANNOT)


def _sensitivity(results: Results) -> ComparisonTable:
    rows = [row for name in data.SENSITIVITY for row in _rows(name, data.TABLE_6[name], results.prices[name])]
    return ComparisonTable("table-6", "Table 6: sensitivity to prices", tuple(rows), note=_CANNOT)


def _more(results: Results) -> ComparisonTable:
    rows = (
        Comparison("proposed", "F1 (MU)", data.TABLE_8[0][0], results.more.profit, digits=2),
        Comparison("proposed, fewer scenarios", "F1 (MU)", data.TABLE_3[0][0], results.profit[0].profit, digits=2),
    )
    count = len(results.day.scenarios)
    title = f"Table 8: more scenarios of each source (15 for 10; here {MORE} for {count} joint ones)"
    return ComparisonTable("table-8", title, rows, note=_CANNOT)


def _front(results: Results) -> ComparisonTable:
    rows = []
    for k, (profit, lost) in enumerate(results.compromise.front):
        name = f"point {k + 1}" + (", chosen" if k == results.compromise.chosen else "")
        rows += [Comparison(name, "F1 (MU)", None, float(profit), 2), Comparison(name, "F2 (MU)", None, float(lost), 2)]
    policies = results.policies
    for name, value in (
        ("wait and see, at most", policies.wait_and_see),
        ("recourse", policies.value),
        ("mean scenario", policies.mean_value),
        ("published loop, best round", float(policies.feedback.max())),
    ):
        rows.append(Comparison(name, "expected F1 (MU)", None, value, digits=2))
    for gamma, each in results.budgets.items():
        rows.append(Comparison(f"budget of {gamma:g} hours", "F1 in the worst case (MU)", None, each.objective, 2))
    return ComparisonTable("front", "The front, policies, and budgets against prices", tuple(rows), counted=False)


def _hours(results: Results) -> ComparisonTable:
    positions = results.compromise.positions
    series = {
        "units on": positions.on.sum(axis=1),
        "bought, negative: sold (kW)": positions.trade_kw,
        "spinning reserve sold (kW)": positions.spinning_kw,
        "accepted of bids (kW)": positions.accepted_kw.sum(axis=1),
        "accepted regulating reserve (kW)": positions.accepted_regulating_kw.sum(axis=1),
        "F2 (MU)": results.compromise.interruption_by_period,
    }
    rows = [
        Comparison(f"hour {hour + 1}", name, None, float(values[hour]), digits=2)
        for hour in range(positions.on.shape[0])
        for name, values in series.items()
    ]
    return ComparisonTable("hours", "The chosen schedule by hour", tuple(rows), in_terminal=False, counted=False)


def draw(results: Results, folder: Path) -> tuple[tuple[str, str], ...]:
    """Draw figures; return file names and captions."""
    # here, because matplotlib is slow to import
    from sim.reproduce.two_settlement import figures
    from sim.show import drawing

    drawn: list[tuple[str, Figure, str]] = [
        ("front", figures.front(results), "Profit against the cost of outages; the chosen point is marked"),
        ("schedule", figures.schedule(results), "The chosen schedule by hour"),
        ("voltages", figures.voltages(results), "Linear and AC voltages without units (layout of Fig. 18)"),
    ]
    for name, figure, _ in drawn:
        drawing.save(figure, folder / "figures" / name)
    return tuple((f"figures/{name}.png", caption) for name, _, caption in drawn)
