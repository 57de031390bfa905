"""``equilot reconfigure``: the answer for one feeder, printed, written and drawn."""

from __future__ import annotations

import argparse
import csv
import io
from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
from rich.console import Console
from rich.table import Table

from equilibrium.arrays import BoolArray
from equilibrium.deadline import Deadline
from equilibrium.errors import InputError
from equilibrium.grid.meshed import MeshedGrid
from equilibrium.grid.radial_flow import RadialFlow, radial_flow
from equilibrium.grid.reconfiguration import Reconfiguration, reconfigure
from scenarios.files import own_path
from scenarios.readers.meshed import Limits, load_meshed
from sim.folder import check_folder
from sim.manifest import put, read_json, versions, write_json
from sim.show.console import console
from sim.show.drawing import save
from sim.show.switching import switching_figure
from sim.show.telling import add_text_row

_ANSWER, _BRANCHES, _BUSES, _MAP = "reconfiguration.json", "switching.csv", "voltages.csv", "configuration"
_FILES = (_ANSWER, _BRANCHES, _BUSES, f"{_MAP}.svg", f"{_MAP}.png")
_FEW = 3  # broken limits that are named on the screen


def reconfigure_feeder(given: argparse.Namespace) -> int:
    """Reconfigure ``given.feeder``; return the exit code."""
    grid = load_meshed(given.feeder, _limits(given))
    folder = own_path(str(given.out)) if given.out else Path("runs") / f"reconfigure-{grid.name}"
    _check_folder(folder, force=given.force)
    deadline = Deadline(given.time_limit, np.inf if given.node_limit is None else given.node_limit)
    screen = console()
    roots = f"{len(grid.roots)} root{'s' * (len(grid.roots) != 1)}"
    screen.print(f"{grid.name}: {grid.size} buses, {grid.branches} branches, {roots}", soft_wrap=True)
    screen.print(f"search: until {given.gap:.3%} are left (--gap), at most {given.time_limit:g} s (--time-limit)")
    answer = reconfigure(grid, gap=given.gap, deadline=deadline, solver=given.solver)
    flows = _flow(grid, grid.closed), _flow(grid, answer.closed)
    _write(folder, grid, answer, flows)
    if not given.no_figures:
        save(switching_figure(grid, answer), folder / _MAP)
    _tell(screen, grid, answer, flows, folder)
    return 0 if answer.finished else 1


def _check_folder(folder: Path, *, force: bool) -> None:
    """Make sure that an answer can be written: only an earlier answer is written over, and only if that is wanted."""
    check_folder(folder, force=False)
    found = [name for name in _FILES if (folder / name).exists()]
    if found and not read_json(folder / _ANSWER).keys() >= {"feeder", "bound_kw"}:
        expected = "a folder without it: no answer of this command wrote it, so it is not overwritten"
        raise InputError(str(folder), "output folder", found[0], expected)
    if found and not force:
        raise InputError(str(folder), "output folder", found[0], "an empty or new folder, or --force to overwrite")


def _limits(given: argparse.Namespace) -> Limits:
    """Return the limits that the command line names."""
    named = {
        "rating_kva": given.rating,
        "voltage_min_pu": given.voltage_min,
        "voltage_max_pu": given.voltage_max,
    }
    return replace(Limits(), **{name: value for name, value in named.items() if value is not None})


def _flow(grid: MeshedGrid, closed: BoolArray) -> RadialFlow | None:
    return radial_flow(grid, closed) if grid.is_radial(closed) else None


def _number(value: float | None) -> float | None:
    """Return a number that JSON can hold."""
    return None if value is None or not np.isfinite(value) else value


def _write(
    folder: Path, grid: MeshedGrid, answer: Reconfiguration, flows: tuple[RadialFlow | None, RadialFlow | None]
) -> None:
    """Write the answer as JSON, and branches and buses before and after as CSV."""
    folder.mkdir(parents=True, exist_ok=True)
    write_json(
        folder / _ANSWER,
        {
            "feeder": grid.name,
            "roots": [grid.buses[root] for root in grid.roots],
            "base_loss_kw": _number(answer.base_loss_kw),
            "base_breaks": list(answer.base_breaks),
            "loss_kw": answer.loss_kw,
            "bound_kw": answer.bound_kw,
            "gap": answer.gap,
            "finished": answer.finished,
            "open_branches": _open(grid, answer.closed),
            "lowest_voltage_pu": [None if flow is None else float(flow.voltage_pu.min()) for flow in flows],
            "power_flows": answer.flows,
            "nodes": answer.nodes,
            "cuts": answer.cuts,
            "versions": versions(),
        },
    )
    before, after = flows
    _write_table(
        folder / _BRANCHES,
        ("from_bus", "to_bus", "closed_before", "closed_after", "flow_before_kva", "flow_after_kva", "rating_kva"),
        zip(
            (grid.buses[bus] for bus in grid.start),
            (grid.buses[bus] for bus in grid.end),
            grid.closed.astype(int).tolist(),
            answer.closed.astype(int).tolist(),
            [None] * grid.branches if before is None else before.flow_kva.tolist(),
            [None] * grid.branches if after is None else after.flow_kva.tolist(),
            [_number(rating) for rating in grid.rating_kva.tolist()],
            strict=True,
        ),
    )
    _write_table(
        folder / _BUSES,
        ("bus", "voltage_before_pu", "voltage_after_pu"),
        zip(
            grid.buses,
            [None] * grid.size if before is None else before.voltage_pu.tolist(),
            [None] * grid.size if after is None else after.voltage_pu.tolist(),
            strict=True,
        ),
    )


def _write_table(path: Path, header: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    text = io.StringIO(newline="")
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(header)
    writer.writerows(rows)
    put(path, text.getvalue().encode())


def _open(grid: MeshedGrid, closed: BoolArray) -> list[str]:
    return [grid.label(branch) for branch in np.flatnonzero(~closed).tolist()]


def _tell(
    screen: Console,
    grid: MeshedGrid,
    answer: Reconfiguration,
    flows: tuple[RadialFlow | None, RadialFlow | None],
    folder: Path,
) -> None:
    """Print the answer."""
    table = Table("", "base", "found", box=None)
    losses = [f"{loss:.3f}" if np.isfinite(loss) else "-" for loss in (answer.base_loss_kw, answer.loss_kw)]
    add_text_row(table, "loss, kW", *losses)
    lowest = ["-" if flow is None else f"{flow.voltage_pu.min():.5f}" for flow in flows]
    add_text_row(table, "lowest voltage, p.u.", *lowest)
    screen.print(table)

    def tell(text: str) -> None:
        screen.print(text, soft_wrap=True)

    tell(f"open branches: {', '.join(_open(grid, answer.closed)) or 'none'}")
    moved = [grid.label(branch) for branch in np.flatnonzero(answer.closed & ~grid.closed).tolist()]
    tell(f"closed of those open in the base: {', '.join(moved) or 'none'}")
    word = "proved" if answer.finished else "a limit came first"
    tell(f"lower bound: {answer.bound_kw:.3f} kW, gap {answer.gap:.4%} ({word})")
    tell(f"{answer.flows} power flows, {answer.nodes} nodes, {answer.cuts} cuts")
    for text in answer.base_breaks[:_FEW]:
        tell(f"note: base: {text}")
    if len(answer.base_breaks) > _FEW:
        tell(f"note: base: {len(answer.base_breaks) - _FEW} more limits are broken")
    tell(f"results in {folder}")
