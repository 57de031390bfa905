"""What the page of the days shows, with stand-ins for the server's widgets and for Mesa's controls."""

from __future__ import annotations

import sys
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import ModuleType, SimpleNamespace
from typing import Any

import pandas as pd
import pytest
from rich.table import Table

from equilibrium.errors import InfeasibleError, InputError
from sim.web import days as days_module
from sim.web import serve
from sim.web.days import ScenarioDays
from sim.web.serve import SOURCE


class Widgets(ModuleType):
    """Notes what is shown; a state keeps what was chosen, by the order in which it is asked for."""

    def __init__(self) -> None:
        super().__init__("solara")
        self.shown: list[tuple[str, tuple[Any, ...], dict[str, Any]]] = []
        self.chosen: list[Any] = []
        self.inside: list[str] = []

    def __getattr__(self, name: str) -> Any:
        if not name[0].isupper():
            raise AttributeError(name)

        def show(*given: Any, **named: Any) -> None:
            self.shown.append((name, given, named))

        return show

    def component(self, part: Callable[..., Any]) -> Callable[..., Any]:
        return part

    def use_state(self, first: Any) -> tuple[Any, Callable[[Any], None]]:
        return (self.chosen.pop(0) if self.chosen else first), self.chosen.append

    def use_memo(self, make: Callable[[], Any], on: list[Any]) -> Any:
        self.shown.append(("memo", tuple(on), {}))
        return make()

    def use_reactive(self, value: Any) -> Any:
        return SimpleNamespace(value=value)

    @contextmanager
    def _within(self, name: str, *given: Any) -> Iterator[None]:
        self.shown.append((name, given, {}))
        yield
        self.shown.append((f"/{name}", (), {}))

    def Columns(self, *given: Any) -> Any:  # noqa: N802
        return self._within("Columns", *given)

    def Column(self) -> Any:  # noqa: N802
        return self._within("Column")

    def of(self, name: str) -> list[dict[str, Any]]:
        return [named for what, _, named in self.shown if what == name]

    def names(self) -> list[str]:
        return [name for name, *_ in self.shown]


@pytest.fixture
def page(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """The page's module, made anew over stand-ins, and ``widgets`` beside it."""
    widgets, updates = Widgets(), list[str]()
    viz, utils = ModuleType("mesa.visualization"), ModuleType("mesa.visualization.utils")
    viz.SolaraViz = widgets.SolaraViz  # type: ignore[attr-defined]
    utils.force_update = lambda: updates.append("force")  # type: ignore[attr-defined]
    utils.update_counter = SimpleNamespace(get=lambda: updates.append("get"))  # type: ignore[attr-defined]
    for name, module in (("solara", widgets), (viz.__name__, viz), (utils.__name__, utils)):
        monkeypatch.setitem(sys.modules, name, module)
    monkeypatch.delitem(sys.modules, "sim.web.page", raising=False)
    import sim.web.page  # noqa: F401 - over the stand-ins

    yield SimpleNamespace(module=sys.modules["sim.web.page"], widgets=widgets, updates=updates)
    sys.modules.pop("sim.web.page", None)


PRICES = pd.DataFrame(
    {"day": [0] * 4 + [1] * 4, "period": [0, 0, 1, 1, 0, 0, 1, 1], "price": [5.0, 9.0, 7.0, 8.0, 1.0, 2.0, 3.0, 2.5]}
)


def model(**changes: Any) -> Any:
    """Two days; the first one is shown."""
    table = Table("day", "profit")
    table.add_row("0", "7.5")
    days = pd.DataFrame({"day": [0, 1]})
    run = SimpleNamespace(manifest={"currency": "EUR"}, days=days, table=lambda _, day: PRICES[PRICES["day"] == day])

    def figures(of: Any, day: int, title: str, currency: str) -> dict[str, str]:
        assert of is run
        drawn = {name: f"{name}, {title}, {currency}" for name in (f"voltage-day-{day}", f"lots-day-{day}", "overview")}
        return {name: drawn[name] for name in drawn if name not in changes.get("without", ())}

    kind = SimpleNamespace(
        day_table=lambda _: table,
        remarks=lambda _: ["first line", "second line"],
        map_at=lambda of, day, period, title, currency: (of is run, day, period, title, currency),
        price_column="price",
        figures=figures,
    )
    given = {"run": run, "kind": kind, "days": [0, 1], "day": 0, "note": ""}
    found = SimpleNamespace(**given | {name: value for name, value in changes.items() if name != "without"})
    found.show = lambda day: setattr(found, "day", day)
    return found


def test_a_slider_through_the_days(page: Any) -> None:
    shown = model(days=[2, 3, 5], day=3, note="the end")
    page.module._day(shown)
    slider, told = page.widgets.shown
    assert slider[:2] == ("SliderInt", ("Day",))
    assert {key: slider[2][key] for key in ("value", "min", "max")} == {"value": 3, "min": 2, "max": 5}
    assert told == ("Info", ("the end",), {})
    assert page.updates == ["get"]
    slider[2]["on_value"](5)
    assert shown.day == 5
    assert page.updates == ["get", "force"]


def test_one_day_needs_no_slider_and_no_note_no_box(page: Any) -> None:
    page.module._day(model(days=[0]))
    assert page.widgets.shown == []


def test_the_table_of_the_days_and_the_remarks(page: Any) -> None:
    page.module._days(model())
    style, html, *lines = page.widgets.shown
    assert style[0] == "Style"
    assert ".days table" in style[1][0]
    assert html[0] == "HTML"
    assert "7.5" in html[2]["unsafe_innerHTML"]
    assert html[2]["classes"] == ["days"]
    assert lines == [("Text", ("first line",), {}), ("Text", ("second line",), {})]
    assert page.updates == ["get"]


@pytest.mark.parametrize(
    ("day", "chosen", "period"),
    [(0, [], 0), (1, [], 1), (0, [-1], 0), (0, [0], 0), (0, [1], 1), (1, [0], 0), (1, [9], 1)],
)
def test_the_map_is_that_of_the_highest_price_or_of_the_chosen_period(
    page: Any, day: int, chosen: list[int], period: int
) -> None:
    page.widgets.chosen = list(chosen)
    page.module._map(model(day=day))
    (slider,) = page.widgets.of("SliderInt")
    assert {key: slider[key] for key in ("value", "min", "max")} == {"value": period, "min": 0, "max": 1}
    (figure,) = [each for each in page.widgets.shown if each[0] == "FigureMatplotlib"]
    assert figure[1] == ((True, day, period, f"Day {day}", "EUR"),)
    assert figure[2] == {"dependencies": [day, period, 2]}
    slider["on_value"](1)
    assert page.widgets.chosen == [1]


def test_a_market_without_a_map_says_so(page: Any) -> None:
    shown = model()
    shown.kind.map_at = None
    page.module._map(shown)
    assert page.widgets.shown == [("Text", ("This market draws no map of its feeder.",), {})]


@pytest.mark.parametrize(
    ("without", "chosen", "name", "drawn"),
    [
        ((), [], "lots", "lots-day-1"),
        ((), ["voltage"], "voltage", "voltage-day-1"),
        ((), ["overview"], "overview", "overview"),
        (("lots-day-1",), [], "voltage", "voltage-day-1"),
        ((), ["no such"], "voltage", "voltage-day-1"),
    ],
)
def test_one_of_the_figures(page: Any, without: tuple[str, ...], chosen: list[str], name: str, drawn: str) -> None:
    page.widgets.chosen = list(chosen)
    page.module._figures(model(day=1, without=without))
    (select,) = page.widgets.of("Select")
    names = [each for each in ("voltage", "lots", "overview") if f"{each}-day-1" not in without]
    assert (select["value"], select["values"]) == (name, names)
    (figure,) = [each for each in page.widgets.shown if each[0] == "FigureMatplotlib"]
    assert figure[1] == (f"{drawn}, Day 1, EUR",)
    assert figure[2] == {"dependencies": [1, name, 2]}
    select["on_value"]("overview")
    assert page.widgets.chosen == ["overview"]


def test_a_run_that_names_no_currency_has_one(page: Any) -> None:
    shown = model()
    shown.run.manifest = {}
    page.module._map(shown)
    (figure,) = [each for each in page.widgets.shown if each[0] == "FigureMatplotlib"]
    assert figure[1][0][-1] == "currency"


@pytest.mark.parametrize("scenario", [False, True])
def test_the_whole_page(page: Any, monkeypatch: pytest.MonkeyPatch, scenario: bool) -> None:
    shown = model(note="the end")
    if scenario:
        shown.run.manifest["scenario"] = "week"
        given, shown = vars(shown), ScenarioDays.__new__(ScenarioDays)
        run = given.pop("run")
        monkeypatch.setattr(ScenarioDays, "run", run)
        for name, value in given.items():
            object.__setattr__(shown, name, value)
    opened: list[str] = []

    def open_days(source: str) -> Any:
        opened.append(source)
        return shown

    monkeypatch.setattr(page.module, "open_days", open_days)
    monkeypatch.setenv(SOURCE, "the source")
    page.module._page()
    assert opened == ["the source"]
    (controls,) = [each for each in page.widgets.shown if each[0] == "SolaraViz"]
    seed = {"type": "SliderInt", "value": 1, "label": "Seed", "min": 0, "max": 99, "step": 1}
    assert controls[1][0].value is shown
    assert controls[2] == {
        "components": [],
        "model_params": {"source": "the source"} | ({"seed": seed} if scenario else {}),
        "play_interval": 500,
        "name": "Equilot: week" if scenario else "Equilot: the source",
    }
    assert page.widgets.names() == [
        *("memo", "SolaraViz", "SliderInt", "Info", "Columns", "Column", "SliderInt", "FigureMatplotlib", "/Column"),
        *("Column", "Select", "FigureMatplotlib", "/Column", "/Columns", "Style", "HTML", "Text", "Text"),
    ]
    assert page.widgets.shown[0] == ("memo", ("the source",), {})
    assert next(each for each in page.widgets.shown if each[0] == "Columns")[1] == ([1, 1],)
    assert page.module.Page is page.module._page


# The server


@pytest.mark.parametrize(("browser", "word"), [(True, "--open"), (False, "--no-open")])
def test_the_server_is_started_with_its_settings(monkeypatch: pytest.MonkeyPatch, browser: bool, word: str) -> None:
    started: list[Any] = []
    widgets, entry = ModuleType("solara"), ModuleType("solara.__main__")
    main = SimpleNamespace(main=lambda words, standalone_mode: started.append((words, standalone_mode)))
    entry.run = main  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "solara", widgets)
    monkeypatch.setitem(sys.modules, "solara.__main__", entry)
    monkeypatch.setattr(serve, "check_source", lambda source: started.append(source))
    monkeypatch.setattr(serve, "os", SimpleNamespace(environ=(environ := {"HOME": "h"})))
    with warnings.catch_warnings():
        serve.serve("the source", 8123, browser=browser)
    words = ["sim.web.page", "--host", "127.0.0.1", "--port", "8123", word, "--production"]
    assert started == ["the source", (words, False)]
    assert environ == {
        "HOME": "h",
        "EQUILOT_APP": "the source",
        "SOLARA_CHECK_HOOKS": "off",
        "SOLARA_TELEMETRY_MIXPANEL_ENABLE": "false",
        "SOLARA_THEME_SHOW_BANNER": "false",
        "SOLARA_THEME_TITLE": "Equilot",
        "MPLBACKEND": "Agg",
    }


def test_what_is_opened_to_be_looked_at_is_closed(monkeypatch: pytest.MonkeyPatch) -> None:
    class Opened(ScenarioDays):
        def __init__(self) -> None:
            self.closed = 0

        def close(self) -> None:
            self.closed += 1

    days = Opened()
    monkeypatch.setattr("importlib.util.find_spec", lambda name: name)
    monkeypatch.setattr(serve, "open_days", lambda _: days)
    serve.check_source("a scenario")
    assert days.closed == 1
    monkeypatch.setattr(serve, "open_days", lambda _: object())
    serve.check_source("a run")
    for missing in ("solara", "altair"):
        monkeypatch.setattr("importlib.util.find_spec", lambda name, no=missing: None if name == no else name)
        with pytest.raises(InputError) as error:
            serve.check_source("a run")
        assert str(error.value) == f"equilot app: extra: got 'no {missing}', expected pip install 'equilot[app]'"


# The days of a scenario


class Simulated:
    """A market's model: the third day cannot be served."""

    def __init__(self) -> None:
        self.last: Any = None
        self.closed = False

    def step(self) -> None:
        day = 0 if self.last is None else self.last.index + 1
        if day == 2:
            raise InfeasibleError(("too much load",))
        self.last = SimpleNamespace(index=day)

    def close(self) -> None:
        self.closed = True


def scenario_days(monkeypatch: pytest.MonkeyPatch, last: int | None) -> tuple[ScenarioDays, Simulated, list[Any]]:
    made, written = Simulated(), list[Any]()
    case = SimpleNamespace(days=last, name="week", title="A week", currency="EUR", notes=("one", "two"))
    tables = (
        SimpleNamespace(name="days", of=lambda day: {"day": [day.index]}),
        SimpleNamespace(name="none", of=lambda _: None),
    )

    def opened(kind: Any, of: Any, options: Any) -> Simulated:
        written.append((kind.name, of is case, options.days, options.seed))
        return made

    class Writer:
        def __init__(self, folder: Any, name: str, columns: Any, *, days_per_part: int) -> None:
            written.append((folder.is_dir(), name, columns is tables, days_per_part))

        def add(self, index: int, rows: Any) -> None:
            written.append((index, rows))

    monkeypatch.setattr(days_module, "load_scenario", {"week-file": case}.__getitem__)
    monkeypatch.setattr(days_module, "kind_of", lambda _: SimpleNamespace(name="market"))
    monkeypatch.setattr(days_module, "opened", opened)
    monkeypatch.setattr(days_module, "tables_of", lambda *_: tables)
    monkeypatch.setattr(days_module, "RunWriter", Writer)
    monkeypatch.setattr(days_module, "write_manifest", lambda _, content: written.append(content))
    return ScenarioDays("week-file", 4), made, written


def test_a_day_that_cannot_be_served_ends_the_days(monkeypatch: pytest.MonkeyPatch) -> None:
    days, made, written = scenario_days(monkeypatch, None)
    assert written == [
        ("market", True, 1, 4),
        (True, "market", True, 1),
        {"scenario": "week", "title": "A week", "currency": "EUR", "seed": 4, "notes": ["one", "two"]},
        (0, {"days": {"day": [0]}}),
    ]
    assert (days.day, days.days, days.running, days.note) == (0, [0], True, "")
    days.step()
    assert (days.day, days.days, days.running, days.note) == (1, [0, 1], True, "")
    assert written[4:] == [(1, {"days": {"day": [1]}})]
    days.show(0)
    days.step()
    assert (days.day, days.days, days.running, days.note) == (0, [0, 1], False, "too much load")
    days.step()
    assert made.last.index == 1
    folder = days._folder
    assert folder.is_dir()
    days.close()
    assert made.closed
    assert not folder.exists()


@pytest.mark.parametrize("last", [1, 2])
def test_the_days_end_with_the_prices(monkeypatch: pytest.MonkeyPatch, last: int) -> None:
    days, *_ = scenario_days(monkeypatch, last)
    for _ in range(last - 1):
        assert (days.running, days.note) == (True, "")
        days.step()
    assert (days.days, days.running, days.note) == ([*range(last)], False, "the scenario's prices end here")
    days.close()
