"""What the words of a command line become, and the commands around stand-ins for their work."""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pandas as pd
import pytest

from equilibrium.errors import InputError, SeveralInputErrors
from sim import cli
from sim.commands import completion, explain, figures, inspect, new, report, run, scenarios
from sim.commands.base import Parser


def words(*given: str) -> dict[str, Any]:
    """The values of a command line, but for the command and the parser."""
    found = vars(cli._parser().parse_args(given))
    return {key: value for key, value in found.items() if key not in ("command", "parser", "version")}


RUN: dict[str, Any] = {
    **{"scenario": "town-33", "days": 7, "seed": 0, "out": None, "solver": "auto", "on_infeasible": None},
    **{"certify": "standard", "ac": False, "yardstick": False, "check": "off", "node_limit": None, "force": False},
    **{"resume": False, "no_figures": False, "json": False, "quiet": False, "verbose": False, "report": False},
    **{"prices": None, "sessions": None, "save_draws": None, "draws": None, "settings": []},
}
GAME: dict[str, Any] = {
    **{"game": Path("g"), "attitude": None, "certify": "standard", "json": False, "time_limit": 600.0},
    "node_limit": None,
}


@pytest.mark.parametrize(
    ("given", "values"),
    [
        ("run", RUN),
        ("run a --days 1 --seed 0 --node-limit 1 --set a=1 --set b=2 --verbose --json --report --resume", RUN | {
            "scenario": "a", "days": 1, "node_limit": 1, "settings": ["a=1", "b=2"], "verbose": True, "json": True,
            "report": True, "resume": True}),
        ("run --ac --yardstick --force --quiet --no-figures --check full --certify full --draws d --out o", RUN | {
            "ac": True, "yardstick": True, "force": True, "quiet": True, "no_figures": True, "check": "full",
            "certify": "full", "draws": Path("d"), "out": Path("o")}),
        ("run --prices p --sessions s --save-draws d --on-infeasible shed --solver gurobi", RUN | {
            "prices": Path("p"), "sessions": Path("s"), "save_draws": Path("d"), "on_infeasible": "shed",
            "solver": "gurobi"}),
        ("new town", {"name": "town"}),
        ("inspect x --set a=1", {"scenario": "x", "out": None, "no_figures": False, "settings": ["a=1"]}),
        ("inspect x --no-figures --out o", {"scenario": "x", "out": Path("o"), "no_figures": True, "settings": []}),
        ("study s.yaml", {"study": Path("s.yaml"), "out": None, "workers": 1, "dask": None, "no_figures": False}),
        ("study s.yaml --workers 1 --dask --no-figures", {"study": Path("s.yaml"), "out": None, "workers": 1,
         "dask": "local", "no_figures": True}),
        ("study s.yaml --dask tcp://h", {"study": Path("s.yaml"), "out": None, "workers": 1, "dask": "tcp://h",
         "no_figures": False}),
        ("scenarios", {"json": False}),
        ("scenarios --json", {"json": True}),
        ("figures d", {"folder": Path("d"), "day": None}),
        ("figures d --day 0", {"folder": Path("d"), "day": 0}),
        ("report d --day 0 --hour 0", {"folder": Path("d"), "day": 0, "hour": 0}),
        ("app d", {"source": "d", "port": 8765, "no_browser": False}),
        ("app d --port 0 --no-browser", {"source": "d", "port": 0, "no_browser": True}),
        ("explain d", {"folder": Path("d"), "day": None, "hour": None, "bus": None, "check": False, "scenario": None}),
        ("explain d --day 0 --hour 0 --bus 7 --check --scenario s", {"folder": Path("d"), "day": 0, "hour": 0,
         "bus": "7", "check": True, "scenario": "s"}),
        ("check t", {"target": "t", "examples": 100, "seed": 0, "level": "full", "solver": "auto",
         "out": Path("counterexample")}),
        ("check t --examples 1 --level cheap", {"target": "t", "examples": 1, "seed": 0, "level": "cheap",
         "solver": "auto", "out": Path("counterexample")}),
        ("reproduce epec-lots", {"name": "epec-lots", "out": None, "solver": "auto", "robustness": False}),
        ("reproduce epec-lots --robustness", {"name": "epec-lots", "out": None, "solver": "auto", "robustness": True}),
        ("reconfigure f", {"feeder": "f", "out": None, "force": False, "no_figures": False, "solver": "auto",
         "gap": 1e-4, "time_limit": 600.0, "node_limit": None, "voltage_min": None, "voltage_max": None,
         "rating": None}),
        ("reconfigure f --gap 0 --time-limit 0 --node-limit 1 --voltage-min 0 --force --no-figures", {
         "feeder": "f", "out": None, "force": True, "no_figures": True, "solver": "auto", "gap": 0.0,
         "time_limit": 0.0, "node_limit": 1, "voltage_min": 0.0, "voltage_max": None, "rating": None}),
        ("completion zsh", {"shell": "zsh"}),
        ("solve g", GAME | {"method": "auto", "solver": "auto", "seed": 0, "export": None, "force": False}),
        ("solve g --json --force --node-limit 1 --export e", GAME | {"method": "auto", "solver": "auto", "seed": 0,
         "export": Path("e"), "force": True, "json": True, "node_limit": 1}),
        ("verify g p", GAME | {"point": Path("p")}),
    ],
)  # fmt: skip
def test_words_and_what_is_taken_where_none_is_given(given: str, values: dict[str, Any]) -> None:
    assert words(*given.split()) == values


@pytest.mark.parametrize(
    ("given", "least"),
    [
        *((f"run --{name}", 1) for name in ("days", "node-limit")),
        *((text, 1) for text in ("study s --workers", "check t --examples", "solve g --node-limit")),
        ("reconfigure f --node-limit", 1),
        *((text, 0) for text in ("run --seed", "figures d --day", "report d --day", "report d --hour", "app d --port")),
        *((text, 0) for text in ("explain d --day", "explain d --hour", "check t --seed", "solve g --seed")),
    ],
)
def test_numbers_have_a_least_one(given: str, least: int, capsys: pytest.CaptureFixture[str]) -> None:
    words(*given.split(), str(least))
    with pytest.raises(SystemExit) as ended:
        words(*given.split(), str(least - 1))
    assert ended.value.code == 2
    name = given.split()[-1]
    said = capsys.readouterr().err
    assert said.startswith("equilot: error: argument ")
    assert name in said
    assert said.endswith(f"got '{least - 1}', expected a whole number, at least {least}\n")


@pytest.mark.parametrize(
    "given", ["", "run --quiet --verbose", "run --draws a --save-draws b", "completion fish", "ru"]
)
def test_words_that_are_none(given: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        words(*given.split())
    assert ended.value.code == 2
    assert capsys.readouterr().err.count("\n") == 1


def test_a_long_complaint_about_the_command_line_is_cut(capsys: pytest.CaptureFixture[str]) -> None:
    for size in (1500, 1501):
        with pytest.raises(SystemExit):
            Parser().error("x" * size)
        said = capsys.readouterr().err.removeprefix("equilot: error: ").rstrip("\n")
        assert len(said) == 1500
        assert (said == "x" * 1500) is (size == 1500)


def test_many_faults_fill_a_screen_and_no_more(capsys: pytest.CaptureFixture[str]) -> None:
    def fails(count: int) -> Callable[[object], int]:
        def command(_: object) -> int:
            raise SeveralInputErrors([InputError("f", f"key {k}", k, "more") for k in range(count)])

        return command

    for count in (20, 21, 25):
        assert cli._execute(argparse.Namespace(command=fails(count))) == 2
        lines = capsys.readouterr().err.splitlines()
        told = [f"equilot: error: f: key {k}: got {k}, expected more" for k in range(20)]
        more = [f"equilot: error: and {count - 20} more of the kind; mend these first"] * (count > 20)
        assert lines == told + more


# What the commands do


def test_lists(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    titles = {"a": "First", "longer": "Zürich"}
    monkeypatch.setattr("scenarios.loading.scenario_titles", lambda: titles)
    assert scenarios._scenarios(argparse.Namespace(json=False)) == 0
    assert capsys.readouterr().out == "a       First\nlonger  Zürich\n"
    assert scenarios._scenarios(argparse.Namespace(json=True)) == 0
    assert capsys.readouterr().out == json.dumps(titles, ensure_ascii=False) + "\n"
    monkeypatch.setattr("scenarios.starter.new_scenario", lambda name: (Path(name) / "a", Path(name) / "b"))
    assert new._new(argparse.Namespace(name="town")) == 0
    assert capsys.readouterr().out == "town/a\ntown/b\nlook at it: equilot inspect town\nrun it: equilot run town\n"
    monkeypatch.setattr("sim.store.Run", lambda folder: ("run", folder))
    monkeypatch.setattr("sim.output.draw_run", lambda run, day: [Path(f"{run[1]}-{day}.svg"), Path("x.png")])
    assert figures._figures(argparse.Namespace(folder="d", day=3)) == 0
    assert capsys.readouterr().out == "d-3.svg\nx.png\n"


def test_reports(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    files = [Path("d/report.html"), Path("d/report/a.svg"), Path("d/report/a.csv"), Path("d/report/b.svg")]
    for count, said in ((4, "2 figures as SVG with their numbers as CSV in d/report\n"), (1, "")):
        monkeypatch.setattr("sim.report.any.write_any_report", lambda *_, count=count: files[:count])
        assert report._report(argparse.Namespace(folder="d", day=None, hour=None)) == 0
        assert capsys.readouterr().out == f"d/report.html\n{said}"


def test_completions(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    def missing(name: str) -> Any:
        raise ImportError(name)

    given = argparse.Namespace(parser="parser", shell="bash")
    shtab = SimpleNamespace(complete=lambda parser, shell: f"{shell} of {parser}")
    monkeypatch.setattr("sim.commands.completion.importlib", SimpleNamespace(import_module=lambda _: shtab))
    assert completion._completion(given) == 0
    assert capsys.readouterr().out == "bash of parser\n"
    monkeypatch.setattr("sim.commands.completion.importlib", SimpleNamespace(import_module=missing))
    with pytest.raises(InputError, match=r"shtab: got 'not installed', expected the extra: pip install"):
        completion._completion(given)


@pytest.mark.parametrize(
    ("lines", "code"), [(["check: as in the run"], 0), (["check: as in the run", "the price does NOT lie"], 1)]
)
def test_explanations(
    lines: list[str], code: int, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    asked: list[Any] = []
    manifest: dict[str, Any] = {"scenario": "town", "settings": {"a": "1"}, "currency": "CHF"}
    made = SimpleNamespace(manifest=manifest)
    kind = SimpleNamespace(explain=lambda *_: SimpleNamespace(price=42.0))

    def again(_: Any, place: Any, scenario: Any) -> tuple[float, str]:
        asked.append((place, scenario))
        return 41.0, "around"

    def checked(price: float, cleared: float, around: Any, currency: str) -> list[str]:
        assert (price, cleared, around, currency) == (42.0, 41.0, "around", "CHF")
        return lines

    for name, stand_in in {
        "sim.store.Run": lambda _: made,
        "sim.explaining.explainable": lambda _: kind,
        "sim.explaining.checkable": lambda given: asked.append(given),
        "sim.explaining.place_of": lambda _, day, hour, bus: (day, hour, bus),
        "sim.explaining.told": lambda _, place, found: [f"{place} {found.price}"],
        "sim.explaining.check_price": again,
        "sim.explaining.told_check": checked,
        "scenarios.loading.load_scenario": lambda name, settings: (name, settings),
    }.items():
        monkeypatch.setattr(name, stand_in)
    given = {"folder": "d", "day": 2, "hour": 5, "bus": "b", "check": False, "scenario": None}
    assert explain._explain(argparse.Namespace(**given)) == 0
    assert (capsys.readouterr().out, asked) == ("(2, 5, 'b') 42.0\n", [])
    assert explain._explain(argparse.Namespace(**given | {"check": True})) == code
    assert capsys.readouterr().out == "\n".join(["(2, 5, 'b') 42.0", *lines, ""])
    assert asked == [made, ((2, 5, "b"), ("town", {"a": "1"}))]
    explain._explain(argparse.Namespace(**given | {"check": True, "scenario": "own.yaml"}))
    assert asked[-1][1] == ("own.yaml", {"a": "1"})


def test_what_is_inspected_as_a_grid(tmp_path: Path) -> None:
    for name in ("a.json", "a.m", "a.dss", "a.yaml", "a.csv"):
        (tmp_path / name).write_text("")
    assert [
        inspect._is_grid(str(tmp_path / name)) for name in ("a.json", "a.m", "a.dss", "a.yaml", "a.csv", "b.json")
    ] == [
        *(True, True, True, False, False, False),
    ]
    assert not inspect._is_grid(str(tmp_path))
    (tmp_path / "buses.csv").write_text("")
    assert inspect._is_grid(str(tmp_path))
    (tmp_path / "scenario.yaml").write_text("")
    assert not inspect._is_grid(str(tmp_path))
    (tmp_path / "net").mkdir()
    (tmp_path / "net" / "feeder.yaml").write_text("")
    assert inspect._is_grid(str(tmp_path / "net"))


# `equilot run`


class Stage:
    """Stand-ins for all that a run does, which note what they are told."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, **outcome: Any) -> None:
        self.did: list[Any] = []
        days = pd.DataFrame({"verdict": outcome.pop("verdicts", ["exact"])})
        made = SimpleNamespace(days=days)
        given = {"run": made, "status": "complete", "reasons": (), **outcome}
        self.broken: list[str] = []
        case = SimpleNamespace(name="town", title="A town", notes_of=lambda days: (f"{days} days",))

        @contextmanager
        def around(*_: Any) -> Any:
            yield "in"

        def note(name: str, answer: Any = None) -> Callable[..., Any]:
            def function(*args: Any, **named: Any) -> Any:
                self.did.append((name, args, named))
                return answer

            return function

        for name, stand_in in {
            "scenarios.loading.load_scenario": note("load", case),
            "scenarios.settings.read_settings": lambda texts: tuple(texts),
            "sim.commands.run._own_data": lambda _: "own data",
            "sim.draws.keep_draws": note("keep", case),
            "sim.draws.replay_draws": note("replay", case),
            "sim.run.run_scenario": note("run", SimpleNamespace(**given)),
            "sim.output.draw_run": note("draw"),
            "sim.report.write.write_report": note("report"),
            "sim.output.show_run": note("show"),
            "sim.output.run_json": lambda _: "{json}",
            "sim.commands.run.stop_signals": around,
            "sim.show.console.progress_bar": around,
            "sim.checks.violations": lambda _: self.broken,
            "sim.output.check_tables": lambda _: (),
            "sim.folder.check_folder": note("folder"),
        }.items():
            monkeypatch.setattr(name, stand_in)

    def of(self, name: str) -> list[Any]:
        return [(args, named) for what, args, named in self.did if what == name]


def ran(*given: str) -> int:
    return run._run(cli._parser().parse_args(["run", "town", *given]))


def test_a_run_as_it_is_asked_for(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    stage = Stage(monkeypatch)
    assert ran("--days", "3", "--seed", "4", "--set", "a=1") == 0
    assert stage.of("folder") == [((Path("runs/town-seed4"),), {"force": False})]
    assert stage.of("load") == [(("town", "own data"), {"settings": ("a=1",)})]
    ((case, folder, options), named) = stage.of("run")[0]
    assert (case.name, folder, options.days, options.seed) == ("town", Path("runs/town-seed4"), 3, 4)
    assert named == {"force": False, "resume": False, "progress": "in", "stop": "in"}
    assert (len(stage.of("draw")), len(stage.of("report")), len(stage.of("show"))) == (1, 0, 1)
    assert "town: A town\nnote: 3 days\n" in capsys.readouterr().out
    assert ran("--json", "--no-figures", "--report", "--out", "o", "--ac", "--node-limit", "5") == 0
    options = stage.of("run")[1][0][2]
    assert (options.ac, options.node_limit, options.yardstick, options.check) == (True, 5, False, "off")
    assert (len(stage.of("draw")), len(stage.of("report"))) == (1, 1)
    assert capsys.readouterr().out == "{json}\n"
    assert ran("--quiet") == 0
    assert capsys.readouterr().out == ""


def test_folders_and_draws_of_a_run(monkeypatch: pytest.MonkeyPatch) -> None:
    stage = Stage(monkeypatch)
    for given, force in ((("--force",), True), (("--resume",), True), ((), False)):
        ran(*given)
        assert stage.of("folder")[-1][1] == {"force": force}
    with pytest.raises(InputError, match=r"^--resume: with: got '--force', expected one of them"):
        ran("--force", "--resume")
    assert (stage.of("keep"), stage.of("replay")) == ([], [])
    ran("--save-draws", "d", "--days", "2")
    ran("--draws", "e", "--days", "2")
    assert [args[1:] for args, _ in (*stage.of("keep"), *stage.of("replay"))] == [(Path("d"),), (Path("e"), 2)]


@pytest.mark.parametrize(
    ("outcome", "given", "code", "drawn"),
    [
        ({}, (), 0, True),
        ({"verdicts": ["exact", "unproved"]}, (), 1, True),
        ({"status": "stopped: interrupted"}, (), 130, False),
        ({"status": "stopped: a day could not be served", "reasons": ("hour 3",)}, (), 3, True),
        ({"status": "stopped: a day could not be served", "reasons": ("hour 3",), "verdicts": []}, (), 3, False),
        ({"verdicts": []}, (), 0, False),
        ({"broken": ["x"]}, ("--check", "cheap"), 1, True),
        ({"broken": ["x"]}, (), 0, True),
        ({}, ("--check", "full"), 0, True),
    ],
)
def test_how_a_run_ends(
    outcome: dict[str, Any], given: tuple[str, ...], code: int, drawn: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    stage = Stage(monkeypatch, **{key: value for key, value in outcome.items() if key != "broken"})
    stage.broken = outcome.get("broken", [])
    assert ran(*given) == code
    assert bool(stage.of("draw")) is drawn


def test_what_of_a_checked_run_is_broken(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr("sim.checks.violations", lambda _: ["day 0: a"])
    found = [SimpleNamespace(name=name, holds=holds) for name, holds in (("b", True), ("c", False))]
    monkeypatch.setattr("sim.output.check_tables", lambda _: found)
    monkeypatch.setattr("sim.checks.broken", lambda each: f"{each.name} is broken")
    assert run._broken("run")  # type: ignore[arg-type]
    assert capsys.readouterr().err == "equilot: check: day 0: a\nequilot: check: tables: c is broken\n"
    assert not run._unproved(SimpleNamespace(days=pd.DataFrame({"x": [1]})))  # type: ignore[arg-type]


def test_own_data_of_a_run(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    asked: list[Any] = []
    monkeypatch.setattr("scenarios.loading.market_of", lambda name: f"market of {name}")
    monkeypatch.setattr("sim.kinds.market_kinds", lambda: {"market of town": "kind"})
    monkeypatch.setattr("sim.simulate.check_option", lambda *given: asked.append(given))
    (tmp_path / "a.csv").write_text("")

    def own(**given: Path) -> dict[str, object]:
        return run._own_data(argparse.Namespace(**{"scenario": "town", "prices": None, "sessions": None} | given))

    assert own() == {}
    assert own(prices=tmp_path) == {"prices": {"file": tmp_path.resolve(), "start": None}}
    assert asked == []
    file = tmp_path / "a.csv"
    assert own(sessions=file) == {"drivers": {"files": [file.resolve()]}}
    assert asked == [("kind", "sessions", str(file), "--sessions", "CSV")]
    for option, path in (("sessions", tmp_path), ("prices", tmp_path / "b"), ("sessions", tmp_path / "b")):
        with pytest.raises(InputError) as error:
            own(**{option: path})
        assert str(error.value) == f"--{option}: CSV: got '{path}', expected an existing file"
