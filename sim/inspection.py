"""A scenario before it runs: what was read as a table, and drawn."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from rich.console import Console
from rich.table import Table

from equilibrium.arrays import FloatArray
from equilibrium.grid.feeder import Feeder
from scenarios.assembly import GridData
from scenarios.case import Case, Contents
from scenarios.readers.prices import PriceSeries
from scenarios.readers.sessions import SessionLog
from sim.markets.charging.grid_figures import load_map
from sim.show.drawing import BLUE, CYCLE, GREEN, GREY, ORANGE, STYLE, save
from sim.show.telling import add_text_row

_PER_MWH = 1000.0
_SHOWN_BUSES, _SHOWN_DAYS = 16, 60
"""Most labels of buses in the table, and most days with a line of their own in the figure of prices."""

_ASSETS = ("lots", "generators", "microturbines", "renewables", "compensators", "storage")


def assets(case: Case[Any]) -> list[tuple[str, str, str]]:
    """Return what stands on the feeder: kind, name and label of the bus."""
    sections = [case.file, *getattr(case.file, "aggregators", ())]
    return [
        (kind, unit.name, unit.bus)
        for section in sections
        for kind in _ASSETS
        for unit in getattr(section, kind, ())
        if hasattr(unit, "bus")
    ]


def show_grid(screen: Console, grid: GridData) -> None:
    """Print what was read of a grid alone."""
    _show_rows(screen, _feeder_rows(grid.feeder))


def show_contents(screen: Console, case: Case[Any]) -> None:
    """Print what was read.

    Parameters
    ----------
    screen
        Where to print.
    case
        The scenario.
    """
    contents = case.contents()
    rows = [("market", case.file.market.kind), *_feeder_rows(contents.feeder), *_price_rows(case.prices)]
    if contents.load_kw is not None:
        load = contents.load_kw
        energy = load.mean() * 24.0 / 1000.0
        rows.append(("load of a day", f"{load.min():,.0f} to {load.max():,.0f} kW, {energy:,.2f} MWh, as expected"))
    for log in contents.sessions:
        rows += _session_rows(log)
    for kind, name, bus in assets(case):
        rows.append((kind.removesuffix("s"), f"{name} at bus {bus}"))
    _show_rows(screen, rows)


def _show_rows(screen: Console, rows: Sequence[tuple[str, str]]) -> None:
    table = Table(show_header=False, box=None, padding=(0, 1))
    for name in ("what", "how"):
        table.add_column(name, overflow="fold")
    for what, how in rows:
        add_text_row(table, what, how)
    screen.print(table)


def _feeder_rows(feeder: Feeder | None) -> list[tuple[str, str]]:
    """Return what is said of a feeder."""
    if feeder is None:
        return []
    loaded = int(np.count_nonzero(feeder.load_kw))
    rating = feeder.rating_kva[1:]
    rated = rating[np.isfinite(rating)]
    limits = f"{_span(rated, ',.0f')} kVA" if rated.size else "none"
    low, high = feeder.voltage_min_pu[1:], feeder.voltage_max_pu[1:]
    more = f" and {feeder.size - _SHOWN_BUSES} more" if feeder.size > _SHOWN_BUSES else ""
    rows = [
        ("feeder", f"{feeder.name}: {feeder.size} buses, fed at {feeder.buses[0]} with {feeder.base_kv:g} kV"),
        ("buses", ", ".join(feeder.buses[:_SHOWN_BUSES]) + more),
        (
            "base case",
            f"{feeder.load_kw.sum():,.0f} kW and {feeder.load_kvar.sum():,.0f} kvar of load at {loaded} buses",
        ),
        ("ratings", f"{rated.size} of {rating.size} branches: {limits}"),
    ]
    if feeder.size > 1:
        rows.append(("its flow", _flow_text(feeder)))
        band = f"at least {_span(low)}, at most {_span(high)}"
        rows.append(("voltages", f"{feeder.root_voltage_pu:g} per unit at the root, {band} elsewhere"))
    return rows


def _flow_text(feeder: Feeder) -> str:
    """Say how far the base-case load fills the limits, by the linear flow without losses."""
    active, reactive = feeder.subtree_sum(feeder.load_kw), feeder.subtree_sum(feeder.load_kvar)
    drop = (feeder.r_ohm * active + feeder.x_ohm * reactive) / (1000.0 * feeder.base_kv**2)
    voltage = feeder.root_voltage_pu - feeder.path_sum(drop)
    lowest, loading = int(voltage.argmin()), np.hypot(active, reactive) / feeder.rating_kva
    fullest = int(loading.argmax())
    said = f"lowest voltage {voltage[lowest]:.4f} at {feeder.buses[lowest]}"
    if loading[fullest] > 0.0:
        into = "the supply" if fullest == 0 else f"the branch into {feeder.buses[fullest]}"
        said += f", {into} at {100.0 * loading[fullest]:.0f} % of its rating"
    over, under = int((loading > 1.0).sum()), int((voltage < feeder.voltage_min_pu).sum())
    if over or under:
        said += f"; BEYOND THEIR LIMITS: {over} branches and {under} buses"
    return said


def _span(values: FloatArray, form: str = ".4g") -> str:
    """Return the range of some numbers, or the one that they all are."""
    low, high = format(float(values.min()), form), format(float(values.max()), form)
    return low if low == high else f"{low} to {high}"


def _price_rows(prices: PriceSeries) -> list[tuple[str, str]]:
    """Return what is said of prices."""
    every = _PER_MWH * np.concatenate(prices.price)
    span = f"{prices.dates[0]} to {prices.dates[-1]}" if prices.dates else "a typical day"
    lengths = " or ".join(map(str, sorted({axis.size for axis in prices.axes})))
    held = f"{prices.days} day{'s' * (prices.days != 1)}"
    return [
        ("prices", f"{_place(prices.source)}: {held}, {span}, {lengths} prices a day"),
        (
            "",
            f"{every.min():,.2f} to {every.max():,.2f}, {np.median(every):,.2f} in the middle, {prices.currency}/MWh",
        ),
    ]


def _place(source: str) -> str:
    """Return the path of a file below the folder in which the command runs; another one as it is."""
    path = Path(source)
    return str(path.relative_to(Path.cwd())) if path.is_absolute() and path.is_relative_to(Path.cwd()) else source


def _session_rows(log: SessionLog) -> list[tuple[str, str]]:
    """Return what is said of a log of sessions."""
    sites = sorted(set(log.site) - {""})
    where = f", sites {', '.join(sites[:8])}" if sites else ""
    return [
        ("sessions", f"{_place(log.source)}: {log.day.size} on {log.days} days from {log.first}{where}"),
        (
            "",
            f"in the middle {np.median(log.energy_kwh):.1f} kWh, {np.median(log.stay_h):.1f} h, arriving at "
            f"{_clock(float(np.median(log.arrival_h)))}",
        ),
    ]


def _clock(hours: float) -> str:
    minutes = round(60.0 * hours)
    return f"{minutes // 60:02d}:{minutes % 60:02d}"


def contents_figures(case: Case[Any]) -> dict[str, Figure]:
    """Return figures of the feeder, prices, load and sessions of a scenario, by name."""
    contents = case.contents()
    figures = {"prices": price_figure(case.prices)}
    if contents.feeder is not None:
        names: dict[str, str] = {}
        for _, name, bus in assets(case):
            names[bus] = f"{names[bus]}, {name}" if bus in names else name
        figures["feeder"] = load_map(contents.feeder, names, f"{contents.feeder.name}: base-case load")
    figures.update(_curves(contents))
    return figures


def draw_grid(feeder: Feeder, folder: Path) -> list[Path]:
    """Draw a feeder alone, and return the files; as :func:`draw_contents`."""
    return save(load_map(feeder, {}, f"{feeder.name}: base-case load"), folder / "feeder")


def draw_contents(case: Case[Any], folder: Path) -> list[Path]:
    """Draw feeder, prices, load and sessions of a scenario, and return the files.

    Parameters
    ----------
    case
        The scenario.
    folder
        Where the figures go; it is made if it is not there.
    """
    return [path for name, figure in contents_figures(case).items() for path in save(figure, folder / name)]


def price_figure(prices: PriceSeries) -> Figure:
    """Draw every day's prices over the clock, and their mean at each hour.

    Parameters
    ----------
    prices
        The series.
    """
    with mpl.rc_context(STYLE):
        figure = Figure(figsize=(7.2, 3.2), layout="constrained")
        axis = figure.subplots()
        shown_days = list(zip(prices.price, prices.axes, strict=True))[:_SHOWN_DAYS]
        for k, (price, day) in enumerate(shown_days):
            label = f"each of {len(shown_days)} days" if k == 0 else "_day"
            axis.plot(*_level(day.edge_h, _PER_MWH * price), color=GREY, linewidth=0.5, alpha=0.6, label=label)
        hours = np.array([day.to_clock(price) for price, day in zip(prices.price, prices.axes, strict=True)])
        mean = np.ma.masked_invalid(hours).mean(axis=0).filled(np.nan)
        axis.plot(*_level(np.arange(25.0), _PER_MWH * mean), color=BLUE, linewidth=1.6, label="mean at each hour")
        _of_a_day(axis, f"{prices.currency}/MWh", f"Prices of {Path(prices.source).name}")
        handles, labels = axis.get_legend_handles_labels()
        kept = [k for k, label in enumerate(labels) if label != "_day"]
        axis.legend([handles[k] for k in kept], [labels[k] for k in kept])
    return figure


def _curves(contents: Contents) -> Mapping[str, Figure]:
    """Return the figures of the load and of the sessions, where there are any."""
    figures = {}
    with mpl.rc_context(STYLE):
        if contents.load_kw is not None:
            figure = Figure(figsize=(7.2, 2.8), layout="constrained")
            axis = figure.subplots()
            edges = np.linspace(0.0, 24.0, contents.load_kw.size + 1)
            axis.plot(*_level(edges, contents.load_kw), color=ORANGE)
            _of_a_day(axis, "kW", "Expected load of all buses")
            figures["load"] = figure
        if contents.sessions:
            figures["sessions"] = _histograms(contents.sessions)
    return figures


def _histograms(logs: tuple[SessionLog, ...]) -> Figure:
    """Draw when sessions begin, how long they last and how much they take."""
    figure = Figure(figsize=(7.2, 2.8), layout="constrained")
    panels = figure.subplots(1, 3)
    for axis, name, label in zip(
        panels,
        ("arrival_h", "stay_h", "energy_kwh"),
        ("arrival, hour of the clock", "stay, h", "energy, kWh"),
        strict=True,
    ):
        values = [getattr(log, name) for log in logs]
        top = 24.0 if name == "arrival_h" else float(np.quantile(np.concatenate(values), 0.99))
        axis.hist(
            [np.minimum(each, top) for each in values],
            bins=24,
            range=(0.0, max(top, 1e-9)),
            stacked=True,
            color=[(GREEN, *CYCLE)[k % (1 + len(CYCLE))] for k in range(len(logs))],
            label=[Path(log.source).stem for log in logs],
        )
        axis.set_xlabel(label)
    panels[0].set_ylabel("sessions")
    panels[-1].legend()
    return figure


def _level(edges: FloatArray, values: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Return a line that is level between edges."""
    return np.repeat(edges, 2)[1:-1], np.repeat(values, 2)


def _of_a_day(axis: Axes, unit: str, title: str) -> None:
    axis.set_xticks(range(0, 25, 3))
    axis.set_xlabel("hours since midnight")
    axis.set_ylabel(unit)
    axis.set_title(title, loc="left")


def write_buses(feeder: Feeder, path: Path) -> Path:
    """Write the buses of a feeder with their loads and the branches that feed them, and return the file.

    Parameters
    ----------
    feeder
        The feeder.
    path
        The CSV file.
    """
    lines = ["bus,fed_from,load_kw,load_kvar,r_ohm,x_ohm,rating_kva,voltage_min_pu,voltage_max_pu"]
    for bus, label in enumerate(feeder.buses):
        above = "" if feeder.parent[bus] < 0 else feeder.buses[int(feeder.parent[bus])]
        rating = "" if np.isinf(feeder.rating_kva[bus]) else f"{feeder.rating_kva[bus]:.10g}"
        numbers = [feeder.load_kw[bus], feeder.load_kvar[bus], feeder.r_ohm[bus], feeder.x_ohm[bus]]
        band = [feeder.voltage_min_pu[bus], feeder.voltage_max_pu[bus]]
        cells = [*(f"{value:.10g}" for value in numbers), rating, *(f"{value:.10g}" for value in band)]
        lines.append(",".join([*(_quoted(each) for each in (label, above)), *cells]))
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


def _quoted(text: str) -> str:
    """Return a cell of a CSV file."""
    return '"' + text.replace('"', '""') + '"' if set(text) & set(',"\n') else text
