"""The page of ``equilot app``: feeder, prices and lots day by day, on Mesa's SolaraViz.

Solara imports this module in its server and shows :data:`Page`; :data:`sim.web.serve.SOURCE` in the
environment names what is shown.
"""

from __future__ import annotations

import os
from typing import Any

import solara
from mesa.visualization import SolaraViz
from mesa.visualization.utils import force_update, update_counter

from sim.report.sections import as_shown
from sim.show.drawing import day_title
from sim.web.days import Days, ScenarioDays, open_days
from sim.web.serve import SOURCE

_SEED: dict[str, Any] = {"type": "SliderInt", "value": 1, "label": "Seed", "min": 0, "max": 99, "step": 1}

_TABLE = """
.days table { border-collapse: collapse; } .days th, .days td { padding: 2px 8px; text-align: right; }
.days th { border-bottom: 1px solid; vertical-align: bottom; } .days td { white-space: nowrap; }
"""
"""How the table of the days looks: as in a report."""


def _currency(model: Days) -> str:
    return str(model.run.manifest.get("currency", "currency"))


def _day(model: Days) -> None:
    """Show a slider through the days that have passed."""
    update_counter.get()

    def show(day: int) -> None:
        model.show(day)
        force_update()

    if len(model.days) > 1:
        solara.SliderInt("Day", value=model.day, min=model.days[0], max=model.days[-1], on_value=show)
    if model.note:
        solara.Info(model.note)


def _days(model: Days) -> None:
    """Show the table of the days that have passed, and the remarks."""
    update_counter.get()
    run = model.run
    solara.Style(_TABLE)
    solara.HTML(unsafe_innerHTML=as_shown(model.kind.day_table(run)), classes=["days"], style="overflow-x: auto")
    for line in model.kind.remarks(run):
        solara.Text(line)


def _map(model: Days) -> None:
    """Show the feeder in a period of the day: that of the highest price until the slider chooses another."""
    update_counter.get()
    run, kind, day = model.run, model.kind, model.day
    chosen, choose = solara.use_state(-1)
    if kind.map_at is None:
        solara.Text("This market draws no map of its feeder.")
        return
    prices = run.table("prices", day)
    last = int(prices["period"].max())
    highest = int(prices["period"].iloc[int(prices[kind.price_column].argmax())])
    period = min(chosen, last) if chosen >= 0 else highest
    solara.SliderInt("Period of the day", value=period, min=0, max=last, on_value=choose)
    figure = kind.map_at(run, day, period, day_title(run.days, day), _currency(model))
    solara.FigureMatplotlib(figure, dependencies=[day, period, len(model.days)])


def _figures(model: Days) -> None:
    """Show one of the figures of the day or of the run."""
    update_counter.get()
    run, day = model.run, model.day
    ending = f"-day-{day}"
    drawn = dict(model.kind.figures(run, day, day_title(run.days, day), _currency(model)))
    names = [name.removesuffix(ending) for name in drawn]
    chosen, choose = solara.use_state("lots")
    shown = chosen if chosen in names else names[0]
    solara.Select("Figure", value=shown, values=names, on_value=choose)
    figure = drawn.get(f"{shown}{ending}", drawn.get(shown))
    solara.FigureMatplotlib(figure, dependencies=[day, shown, len(model.days)])


_DAY, _DAYS, _MAP, _FIGURES = (solara.component(part) for part in (_day, _days, _map, _figures))


def _page() -> None:
    """Show Mesa's controls at the side, and beside them the day, its feeder, a figure, and the table of all days."""
    source = os.environ[SOURCE]
    opened = solara.use_memo(lambda: open_days(source), [source])
    model = solara.use_reactive(opened)  # a reset puts another one in its place
    parameters: dict[str, Any] = {"source": source}
    if isinstance(opened, ScenarioDays):
        parameters["seed"] = _SEED
    name = f"Equilot: {opened.run.manifest.get('scenario', source)}"
    SolaraViz(model, components=[], model_params=parameters, play_interval=500, name=name)
    _DAY(model.value)
    with solara.Columns([1, 1]):
        for part in (_MAP, _FIGURES):
            with solara.Column():
                part(model.value)
    _DAYS(model.value)


Page = solara.component(_page)
"""What Solara shows."""
