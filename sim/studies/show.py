"""What a study shows: the small table of its outputs, and figures of means and of their convergence."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import matplotlib as mpl
import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator
from rich.table import Table

from sim.show.drawing import BLUE, CYCLE, GREY, STYLE, panels_of, save
from sim.studies.claims import examined, verdicts
from sim.studies.specification import Specification
from sim.studies.statistics import convergence, summary
from sim.studies.storage import StudyResults

_PANEL_IN = 1.7
_LINES = len(CYCLE)
_ROWS = 30


def summary_table(specification: Specification, results: StudyResults, rows: int = _ROWS) -> Table:
    """Return the first rows of a study's summary for the terminal."""
    keys = list(results.points.columns[1:])
    parts = [key.replace(".", ".\n") for key in keys]
    table = Table(*parts, "output", box=None, pad_edge=False, padding=(0, 0, 0, 1))
    for title in ("runs", "mean", "95 % interval of it", "5 % and 95 % quantile"):
        table.add_column(title, justify="right", no_wrap=True)
    if not len(results.runs):
        return table
    points = results.points.set_index("point")
    for _, row in summary(specification, results).head(rows).iterrows():
        at = [str(points.loc[row["point"], key]) for key in keys]
        interval, spread = f"{row['t_low']:.5g} {row['t_high']:.5g}", f"{row['q05']:.5g} {row['q95']:.5g}"
        table.add_row(*at, str(row["output"]), str(row["runs"]), f"{row['mean']:.5g}", interval, spread)
    return table


def claim_lines(specification: Specification, results: StudyResults) -> list[str]:
    """Return a line for each claim: what is said of it, and the counts."""
    claims = specification.file.claims
    return [
        f"{row['claim']}: {row['verdict']}; {claims[str(row['claim'])].output} is larger in {row['holds']} of "
        f"{row['replications']} replications, in the mean at {row['held']} of {row['pairs']} pairs of points, "
        f"clearly at {row['clear']}"
        for _, row in verdicts(examined(specification, results), claims).iterrows()
    ]


def study_figures(specification: Specification, results: StudyResults) -> dict[str, Figure]:
    """Return the figures of a study by name; a study without a finished run has none."""
    if not len(results.runs):
        return {}
    means = means_figure(summary(specification, results), results.points)
    return {"means": means, "convergence": convergence_figure(specification, results)}


def draw_study(specification: Specification, results: StudyResults, folder: Path) -> list[Path]:
    """Draw the figures of a study into its ``figures`` folder."""
    figures = study_figures(specification, results)
    return [path for name, figure in figures.items() for path in save(figure, folder / "figures" / name)]


def means_figure(table: pd.DataFrame, points: pd.DataFrame) -> Figure:
    """Draw the mean of every output at every point, with its interval where there is one."""
    outputs = list(dict.fromkeys(table["output"]))
    with mpl.rc_context(STYLE):
        figure, axes = panels_of(len(outputs), _PANEL_IN)
        for axis, output in zip(axes, outputs, strict=True):
            rows = table[table["output"] == output]
            reach = np.array([rows["mean"] - rows["t_low"], rows["t_high"] - rows["mean"]])
            at, mean = rows["point"], rows["mean"]
            axis.errorbar(at, mean, np.nan_to_num(reach), fmt="o", markersize=3, color=BLUE, ecolor=GREY)
            axis.set_ylabel(output)
        axes[-1].xaxis.set_major_locator(MaxNLocator(integer=True))
        axes[-1].set_xlabel("Point")
        if len(points) <= _LINES:
            axes[-1].set_xticks(points["point"], [_settings_of(point) for _, point in points.iterrows()])
            axes[-1].set_xlabel(", ".join(points.columns[1:]) or "Point")
    return figure


def _settings_of(point: pd.Series[Any]) -> str:
    """Return a point by the values that are set there; by its number where none is."""
    return ", ".join(map(str, point.iloc[1:])) or str(point["point"])


def convergence_figure(specification: Specification, results: StudyResults) -> Figure:
    """Draw how the mean of every output of runs moves with the number of replications, at the first points."""
    outputs = [name for name, each in specification.file.outputs.items() if each.per == "run"]
    shown = [(int(point["point"]), _settings_of(point)) for _, point in results.points.head(_LINES).iterrows()]
    with mpl.rc_context(STYLE):
        figure, axes = panels_of(max(len(outputs), 1), _PANEL_IN)
        for axis, output in zip(axes, outputs, strict=False):
            for (point, name), colour in zip(shown, CYCLE, strict=False):
                values = results.runs.loc[results.runs["point"] == point, output].dropna().to_numpy(dtype=np.float64)
                moved = convergence(values)
                if not len(moved):
                    continue
                at, low, high = moved["replications"], moved["low"], moved["high"]
                axis.plot(at, moved["mean"], color=colour, linewidth=1.0, label=name)
                axis.fill_between(at, low, high, color=colour, alpha=0.12, linewidth=0)
            axis.set_ylabel(output)
        axes[-1].xaxis.set_major_locator(MaxNLocator(integer=True))
        axes[-1].set_xlabel("Replications")
        axes[0].legend(ncols=4, title=", ".join(results.points.columns[1:]) or None)
    return figure
