"""Reproduction of the risk-based DISCO with 500 vehicles on 33 buses (docs/disco.md, paper A).

Tables 6 to 9 and Fig. 8 beside the paper's, every claim of its section 4, the four behaviour modes, purchases made
before the outcome is known, and figures laid out like the paper's Figs. 5 to 8.
"""

from __future__ import annotations

from pathlib import Path

from equilibrium.arrays import FloatArray
from sim.reproduce.closeness import Comparison, ComparisonTable
from sim.reproduce.disco.totals import Run, modes_table, objective, paired, profit
from sim.reproduce.disco_cvar import published as data
from sim.reproduce.disco_cvar.compute import Results, compute
from sim.reproduce.disco_cvar.constants import constants
from sim.reproduce.disco_cvar.errors import documented_errors
from sim.reproduce.disco_cvar.statements import statements
from sim.reproduce.report import Report

_ENERGIES = ("profit", "charge_mwh", "discharge_mwh", "import_mwh", "loss_mwh")


def reproduce(folder: Path, solver: str = "auto") -> Report:
    """Make the report and draw its figures.

    Parameters
    ----------
    folder
        Where the figures go (``figures`` inside it).
    solver
        ``"auto"``, ``"highs"`` or ``"gurobi"``.
    """
    results = compute(solver)
    return make_report(results, draw(results, folder))


def make_report(results: Results, figures: tuple[tuple[str, str], ...] = ()) -> Report:
    """Put results beside the published numbers and evaluate every statement."""
    return Report(
        name="disco-cvar",
        title="Reproduction: a risk-based DISCO with a parking lot of 500 vehicles",
        introduction=data.INTRODUCTION,
        tables=(
            _profits(results),
            _other_reading(results),
            _accounts(results),
            _losses(results),
            _weights(results),
            _times(results),
            _prices(results),
            _ahead(results),
            modes_table(
                results.modes,
                data.PROGRAMS,
                {},
                f"The four behaviour modes, one scenario (the forecast), voltages from {data.MODES_VOLTAGE_PU:g} p.u.",
            ),
        ),
        statements=statements(results),
        constants=constants(),
        errors=documented_errors(results),
        figures=figures,
    )


def _profits(results: Results) -> ComparisonTable:
    rows = tuple(
        Comparison(
            f"{label}, beta = {beta}",
            "profit (USD)",
            data.TABLE_6[program][beta],
            computed,
            digits=2,
            equilibrium=other,
        )
        for program, label in data.PROGRAMS.items()
        for beta, attitude in data.ATTITUDES.items()
        for computed, other in paired(results.programs[program], profit, attitude)
    )
    return ComparisonTable("table-6", "Table 6: the company's profit", rows, equilibrium_name=data.EQUILIBRIUM_NAME)


def _other_reading(results: Results) -> ComparisonTable:
    rows = tuple(
        Comparison(
            f"{data.PROGRAMS[program]}, beta = {beta}",
            "profit (USD)",
            data.TABLE_6[program][beta],
            results.programs[program].totals(attitude).profit + change,
            digits=2,
        )
        for program, change in results.as_income.items()
        for beta, attitude in data.ATTITUDES.items()
    )
    title = f"Table 6 with penalties an income and a contract of {data.CONTRACTED_ELSEWHERE:g} of the on-peak load"
    return ComparisonTable("table-6-income", title, rows, counted=False)


def _booked(run: Run, attitude: str) -> list[float]:
    """Return a day's numbers of Table 7."""
    found = run.totals(attitude)
    accounts = {**found.accounts, **{name: getattr(found, name) for name in _ENERGIES}}
    return [accounts[name] for name in data.Account._fields]


def _lost(run: Run, attitude: str) -> list[float]:
    """Return a day's losses by hour, kW."""
    return [float(value) for value in run.totals(attitude).loss_kw]


def _accounts(results: Results) -> ComparisonTable:
    rows = []
    for beta, published in data.TABLE_7.items():
        pairs = paired(results.programs["tou"], _booked, data.ATTITUDES[beta])
        rows += [
            Comparison(f"beta = {beta}", name.replace("_", " "), wanted, value, digits=2, equilibrium=other)
            for name, wanted, (value, other) in zip(published._fields, published, pairs, strict=True)
        ]
    title = "Table 7 and the energies of its discussion: TOU (USD, MWh)"
    return ComparisonTable("table-7", title, tuple(rows), equilibrium_name=data.EQUILIBRIUM_NAME)


def _losses(results: Results) -> ComparisonTable:
    rows = []
    for beta, published in data.TABLE_8.items():
        pairs = paired(results.programs["tou"], _lost, data.ATTITUDES[beta])
        rows += [
            Comparison(f"hour {hour}, beta = {beta}", "losses (kW)", wanted, value, digits=2, equilibrium=other)
            for hour, (wanted, (value, other)) in enumerate(zip(published, pairs, strict=True), start=1)
        ]
    title = "Table 8: losses by hour, TOU"
    return ComparisonTable("table-8", title, tuple(rows), in_terminal=False, equilibrium_name=data.EQUILIBRIUM_NAME)


def _weights(results: Results) -> ComparisonTable:
    """Return Table 9, whose "expected value" is the weighted objective (E1)."""
    rows = []
    for beta, published in data.TABLE_9.items():
        label, values = f"beta = {beta:g}", [("weighted objective (USD)", published.profit, beta)]
        if beta > 0.0:
            values.append(("CVaR (USD)", published.cvar, 1.0))
        rows += [
            Comparison(label, name, wanted, computed, digits=2, equilibrium=other)
            for name, wanted, weight in values
            for computed, other in paired(results.programs["tou"], objective, weight)
        ]
    title = "Table 9: weight of risk, TOU; one clearing serves every beta"
    return ComparisonTable("table-9", title, tuple(rows), equilibrium_name=data.EQUILIBRIUM_NAME)


def _times(results: Results) -> ComparisonTable:
    ours = results.programs["tou"].clearing.seconds
    rows = tuple(
        Comparison(f"beta = {beta:g}", "time (s)", published.seconds, ours, digits=1)
        for beta, published in data.TABLE_9.items()
    )
    title = "Table 9: computing time, on the paper's machine and on this one (one clearing, proved)"
    return ComparisonTable("times", title, rows, in_terminal=False, counted=False)


def _prices(results: Results) -> ComparisonTable:
    ((base, base_beside),) = paired(results.prices[1.0], objective, 1.0)
    rows = []
    for factor, run in results.prices.items():
        name, published = f"price x {factor:g}", data.FIGURE_8.get(factor)
        if published is None and factor != 1.0:
            rows.append(Comparison(name, "profit over base", published, run.objective(1.0) / base, digits=3))
            continue
        ((computed, other),) = paired(run, objective, 1.0)
        rows.append(Comparison(name, "profit over base", published, computed / base, 3, other / base_beside))
    title = "Fig. 8: profit at beta = 1 against the market price, TOU"
    return ComparisonTable("fig-8", title, tuple(rows), equilibrium_name=data.EQUILIBRIUM_NAME)


def _ahead(results: Results) -> ComparisonTable:
    rows = []
    for beta, run in results.ahead.items():
        label = "recourse" if beta is None else f"here-and-now, beta = {beta:g}"
        rows += [
            Comparison(label, "expected profit (USD)", None, run.clearing.expected_profit, digits=2),
            Comparison(label, "CVaR (USD)", None, run.clearing.cvar, digits=2),
        ]
    size = f"{data.SMALL['vehicles']} vehicles, {data.SMALL['scenarios']} scenarios"
    title = f"Purchases made before the outcome is known: a real trade-off ({size}, TOU)"
    return ComparisonTable("here-and-now", title, tuple(rows))


def draw(results: Results, folder: Path) -> tuple[tuple[str, str], ...]:
    """Draw the look-alikes of the paper's figures; return file names and captions."""
    from sim.reproduce.disco import figures as disco_figures
    from sim.show import drawing  # here, because matplotlib is slow to import

    columns = {f"beta = {beta}": results.programs["tou"].totals(data.ATTITUDES[beta]) for beta in data.ATTITUDES}
    loads: dict[str, FloatArray] = {
        name: results.programs[program].day.load_kw.sum(axis=1)
        for program, name in (("flat", "without TOU"), ("tou", "with TOU"))
    }
    base = results.prices[1.0].objective(1.0)
    prices = ([f * 100 - 100 for f in results.prices], [r.objective(1.0) for r in results.prices.values()])
    drawn = (
        ("fig-5", disco_figures.load_figure(loads), "Load with and without TOU (layout of Fig. 5)"),
        (
            "fig-6",
            disco_figures.load_figure({name: run.import_kw for name, run in columns.items()}, "Purchase (MW)"),
            "Power bought in the market, TOU (layout of Fig. 6)",
        ),
        (
            "fig-7",
            disco_figures.exchange_figure({n: (run.charge_kw, run.discharge_kw) for n, run in columns.items()}),
            "Charging and discharging of 500 vehicles, TOU (layout of Fig. 7)",
        ),
        (
            "fig-8",
            disco_figures.lines_figure({"CVaR": prices}, "Change of the market price (%)", "Profit, beta = 1 (USD)"),
            f"Profit against the market price (layout of Fig. 8); {base:.0f} USD at the given prices",
        ),
    )
    for name, figure, _ in drawn:
        drawing.save(figure, folder / "figures" / name)
    return tuple((f"figures/{name}.png", caption) for name, _, caption in drawn)
