"""The commands around their work, which is a stand-in here: what they say, hand on, and end with."""

from __future__ import annotations

import argparse
import errno
import io
import sys
from collections import Counter
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pandas as pd
import pytest
from rich.console import Console
from rich.table import Table

from equilibrium.errors import InfeasibleError, InputError, SolverError
from equilibrium.games.answer import GameVerdict
from equilibrium.invariants import Finding
from sim import cli, solve
from sim.commands import base, check, reproduce, study
from sim.search import Searched
from sim.show import streams

# How a command ends


@pytest.mark.parametrize(
    ("error", "code", "said"),
    [
        (InputError("file", "key", 1, "two"), 2, "error: file: key: got 1, expected two"),
        (SolverError("no answer"), 1, "error: no answer"),
        (InfeasibleError(("hour 3", "hour 4")), 3, "infeasible: hour 3|infeasible: hour 4"),
        (InfeasibleError(()), 3, "infeasible: the day is infeasible"),
        (KeyboardInterrupt(), 130, "interrupted"),
        (OSError(errno.ENOSPC, "No space left on device", "runs/a"), 1, "error: runs/a: No space left on device"),
        (OSError(errno.ENOSPC, "No space left on device"), 1, "error: No space left on device"),
        (OSError("odd"), 1, "error: odd"),
    ],
)
def test_what_goes_wrong_is_a_line_and_a_code(
    error: BaseException, code: int, said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    def fails(_: object) -> int:
        raise error

    assert cli._execute(argparse.Namespace(command=fails)) == code
    assert capsys.readouterr() == ("", "".join(f"equilot: {line}\n" for line in said.split("|")))


class Output(io.StringIO):
    """Standard output that fails when it is flushed."""

    def __init__(self, error: OSError | None) -> None:
        super().__init__()
        self.error = error

    def flush(self) -> None:
        if self.error is not None:
            raise self.error


@pytest.mark.parametrize(
    ("error", "code", "ends", "discarded", "said"),
    [
        (None, 0, 0, 0, ""),
        (None, 3, 3, 0, ""),
        (BrokenPipeError(), 3, 3, 1, ""),
        (BrokenPipeError(), 0, 0, 1, ""),
        (OSError(errno.ENOSPC, "full"), 0, 1, 1, "equilot: error: standard output: full\n"),
        (OSError(errno.ENOSPC, "full"), 3, 3, 1, "equilot: error: standard output: full\n"),
    ],
)
def test_output_that_nobody_takes(
    error: OSError | None,
    code: int,
    ends: int,
    discarded: int,
    said: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    calls: list[None] = []
    monkeypatch.setattr(cli, "_parser", lambda: SimpleNamespace(parse_args=lambda words: words))
    monkeypatch.setattr(cli, "_execute", lambda given: code if given == ["a"] else -1)
    monkeypatch.setattr(cli, "collect_seldom", lambda: None)
    monkeypatch.setattr(cli, "discard_output", lambda: calls.append(None))
    monkeypatch.setattr(sys, "stdout", Output(error))
    assert cli.main(["a"]) == ends
    assert (len(calls), capsys.readouterr().err) == (discarded, said)


def test_a_list_whose_reader_has_gone_is_done(monkeypatch: pytest.MonkeyPatch) -> None:
    calls: list[None] = []

    def fails(_: object) -> int:
        raise BrokenPipeError

    monkeypatch.setattr(cli, "discard_output", lambda: calls.append(None))
    assert cli._execute(argparse.Namespace(command=fails)) == 0
    assert len(calls) == 1


def test_output_goes_nowhere_when_its_reader_has_gone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with (tmp_path / "out").open("w") as file:
        monkeypatch.setattr(sys, "stdout", file)
        file.write("kept ")
        file.flush()
        streams.discard_output()
        file.write("lost")
        file.flush()
    assert (tmp_path / "out").read_text() == "kept "


def test_a_closed_output_is_opened_and_takes_every_name(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(sys, "stdout", None)
    streams.open_output()
    assert sys.stdout.write("nobody") == 6
    sys.stdout.close()
    with (tmp_path / "ascii").open("w", encoding="ascii") as file:
        monkeypatch.setattr(sys, "stdout", file)
        streams.open_output()
        file.write("Zürich")
    assert (tmp_path / "ascii").read_text() == "Z\\xfcrich"
    monkeypatch.setattr(sys, "stdout", bare := io.StringIO())
    streams.open_output()  # it has no encoding to change
    assert sys.stdout is bare


# Words of the command line


@pytest.mark.parametrize(
    ("minimum", "text", "value"), [(0, "0", 0), (1, "1", 1), (1, "007", 7), (0, "9" * 18, 10**18 - 1)]
)
def test_counts(minimum: int, text: str, value: int) -> None:
    assert base.count(minimum)(text) == value


@pytest.mark.parametrize(
    ("minimum", "text", "more"),
    [
        *((1, text, "") for text in ("0", "-1", "1.5", "", "a", "1 ")),
        (0, "1" * 19, " and of 18 digits at most"),
        (0, "x" * 19, ""),
        (20, "1" * 18, None),
    ],
)
def test_what_is_no_count(minimum: int, text: str, more: str | None) -> None:
    if more is None:
        assert base.count(minimum)(text) == int(text)
        return
    with pytest.raises(argparse.ArgumentTypeError) as error:
        base.count(minimum)(text)
    assert str(error.value) == f"got {text!r}, expected a whole number, at least {minimum}{more}"


@pytest.mark.parametrize(("text", "value"), [("0.5", 0.5), ("0", 0.0), ("1", 1.0), ("1e-3", 1e-3)])
def test_numbers(text: str, value: float) -> None:
    assert base.number(0.0, 1.0)(text) == value


@pytest.mark.parametrize(
    ("minimum", "maximum", "text", "said"),
    [
        (0.0, 1.0, "1.001", "got '1.001', expected a number, at least 0 and at most 1"),
        (0.0, 1.0, "-0.001", "got '-0.001', expected a number, at least 0 and at most 1"),
        (0.5, float("inf"), "0.25", "got '0.25', expected a number, at least 0.5"),
        (0.5, float("inf"), "inf", "got 'inf', expected a number, at least 0.5"),
        (0.5, float("inf"), "x", "got 'x', expected a number, at least 0.5"),
    ],
)
def test_what_is_no_number(minimum: float, maximum: float, text: str, said: str) -> None:
    with pytest.raises(argparse.ArgumentTypeError) as error:
        base.number(minimum, maximum)(text)
    assert str(error.value) == said


def test_folders() -> None:
    assert base.directory(" a b") == Path(" a b")
    for text in ("", "  "):
        with pytest.raises(argparse.ArgumentTypeError) as error:
            base.directory(text)
        assert str(error.value) == f"got {text!r}, expected the path of a folder"


# `equilot check`


BROKEN = (
    Finding("balance", "what comes is what goes", "a.py", 1e-6, 0.5),
    Finding("cap", "no price is above it", "b.py", 1e-3, 1e-4),
)


def searched(monkeypatch: pytest.MonkeyPatch, found: Searched, folder: Path) -> int:
    class Search:
        def __init__(self, *given: Any) -> None:
            assert given[:2] == ("full", "highs")

        def run(self, drafts: str, examples: int, seed: int) -> Searched:
            assert (drafts, examples, seed) == ("drafts of town", 7, 5)
            return found

    monkeypatch.setattr("sim.search.Search", Search)
    monkeypatch.setattr("sim.search.drafts_of", lambda target: f"drafts of {target}")
    given = argparse.Namespace(target="town", out=folder, examples=7, seed=5, level="full", solver="highs")
    return check._check(given)


def test_a_search_that_finds_nothing(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    refused = Counter({"lots: places": 2, "feeder: name": 1})
    assert searched(monkeypatch, Searched(4, 3, refused, None, ()), tmp_path) == 0
    assert capsys.readouterr().out == (
        "4 days checked, 3 had no dispatch\nrefused 2 times: lots: places\nrefused 1 times: feeder: name\n"
    )
    with pytest.raises(InputError, match=r"^town: days: got 'none that could be cleared', expected days with a disp"):
        searched(monkeypatch, Searched(0, 3, Counter(), None, ()), tmp_path)


def test_a_search_that_finds_a_day(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    draft: Any = SimpleNamespace(seed=11, write=lambda folder: folder / "scenario.yaml")
    assert searched(monkeypatch, Searched(4, 0, Counter(), draft, BROKEN), tmp_path / "new") == 1
    assert capsys.readouterr().out == (
        "4 days checked, 0 had no dispatch\n"
        "FAILS  balance  5.0e-01 of 1e-06  what comes is what goes (a.py)\n"
        "holds  cap      1.0e-04 of 1e-03  no price is above it (b.py)\n"
        f"the smallest scenario that was found is {tmp_path}/new/scenario.yaml; see it again with\n"
        f"  equilot run {tmp_path}/new --days 1 --seed 11 --check full\n"
    )
    (tmp_path / "mine").write_text("x")
    for taken in (tmp_path, tmp_path / "mine"):
        with pytest.raises(InputError, match=r"--out: DIR: got .*, expected a new or an empty folder"):
            searched(monkeypatch, Searched(4, 0, Counter(), draft, BROKEN), taken)


# `equilot study`


LONG = "a word of many that do not stand in a line of 80 letters, [bold]as they are[/bold] " * 2
CLAIM = f"claim: {LONG}".strip()


class Study:
    """A study whose runs are what they are told to be."""

    def __init__(self, title: str | None, results: Any) -> None:
        self.results, self.asked = results, []  # type: tuple[Any, list[Any]]
        file = SimpleNamespace(title=title)
        self.specification = SimpleNamespace(file=file, points=[1, 2, 3], runs=6)

    def run(self, workers: Any, folder: Path, **_: Any) -> Any:
        self.asked.append((workers.name, folder))
        return self.results


def studied(monkeypatch: pytest.MonkeyPatch, made: Study, tmp_path: Path, **options: Any) -> int:
    path = tmp_path / "mine.yaml"
    path.write_text("")
    monkeypatch.setattr("sim.studies.study.Study.from_file", lambda given: made if given == path else None)
    monkeypatch.setattr("sim.studies.show.summary_table", lambda *_: Table())
    monkeypatch.setattr("sim.studies.show.claim_lines", lambda *_: [CLAIM])
    monkeypatch.setattr("sim.studies.show.draw_study", lambda *given: made.asked.append(("drawn", given[2])))
    monkeypatch.setattr("sim.studies.stored.read_study", lambda folder: ("read", folder))
    monkeypatch.setattr("sim.report.study.write_study_report", made.asked.append)
    given = {"study": path, "out": None, "workers": 1, "dask": None, "no_figures": False}
    return study._study(argparse.Namespace(**given | options))


FAILED_ROWS = [
    {"point": 2, "replication": 1, "type": "SolverError", "message": f"{LONG}[x]"},
    {"point": 3, "replication": 0, "type": "InputError", "message": "other"},
]


@pytest.mark.parametrize(
    ("title", "failures", "complete", "code", "more"),
    [
        (f"{LONG}Places", [], True, 0, []),
        (None, [], True, 0, []),
        (None, FAILED_ROWS, True, 1, [f"2 runs failed; the first: point 2, replication 1, SolverError: {LONG}[x]"]),
        (None, [], False, 130, []),
        (None, FAILED_ROWS[1:], False, 130, ["1 runs failed; the first: point 3, replication 0, InputError: other"]),
    ],
)
def test_what_a_study_says(
    title: str | None,
    failures: list[Any],
    complete: bool,
    code: int,
    more: list[str],
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    made = Study(title, SimpleNamespace(failures=pd.DataFrame(failures), complete=complete))
    monkeypatch.chdir(tmp_path)
    folder = Path("runs") / "study-mine" if code else tmp_path / ("long name " * 9).strip()
    assert studied(monkeypatch, made, tmp_path, out=None if code else folder) == code
    assert made.asked == [("in-process", folder), ("drawn", folder), ("read", folder)]
    lines = [line for line in capsys.readouterr().out.splitlines() if line.strip()]
    stopped = [] if complete else ["stopped: give the same command again to go on"]
    assert lines == [
        f"{title or 'mine'}: 3 points, 6 runs, in-process",
        CLAIM,
        *more,
        f"results in {folder}",
        *stopped,
    ]


def test_where_a_study_is_worked_at_and_kept(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    made = Study(None, SimpleNamespace(failures=pd.DataFrame(), complete=True))
    assert studied(monkeypatch, made, tmp_path, out=tmp_path / "out", workers=3, no_figures=True) == 0
    assert made.asked == [("3 processes", tmp_path / "out")]
    asked: list[Any] = []
    monkeypatch.setattr("sim.studies.executors.dask", lambda *given: asked.append(given))
    for address in ("local", "tcp://host:8786"):
        study._workers(argparse.Namespace(dask=address, workers=4))
    assert asked == [(None, 4), ("tcp://host:8786", 4)]
    missing = tmp_path / "missing.yaml"
    with pytest.raises(InputError) as error:
        study._study(argparse.Namespace(study=missing))
    assert str(error.value) == f"{missing}: study: got '{missing}', expected a YAML file"


# `equilot reproduce`


@pytest.mark.parametrize("robust", [True, False])
def test_a_reproduction_with_and_without_variations(
    robust: bool, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    told: list[Any] = []
    report = SimpleNamespace(
        name="paper",
        exit_code=1,
        statements=("s",),
        write=lambda folder: [folder / "paper.md"],
        show=lambda _, where: told.append(where.name),
    )
    screen = Console(width=200, file=io.StringIO(), record=True)
    examined = [SimpleNamespace(row=lambda k=k: (k, "robust")) for k in range(2)]

    def examine(statements: Any, variations: Any, solver: str, tell: Any) -> Any:
        assert (statements, variations, solver) == (("s",), ("v", "w", "x"), "highs")
        tell("first")
        return examined, ["seed [3]"]

    known = {"paper": lambda *asked: {(tmp_path, "highs"): report}[asked]}
    monkeypatch.setattr("sim.reproduce.load_reproduction", known.__getitem__)
    monkeypatch.setattr("sim.reproduce.robustness.variations_of", {"paper": ("v", "w", "x")}.__getitem__)
    monkeypatch.setattr("sim.reproduce.robustness.examine", examine)
    monkeypatch.setattr("sim.reproduce.robustness.counted", lambda found: f"{len(found)} robust")
    monkeypatch.setattr("sim.reproduce.robustness.HEAD", ("number", "verdict"))
    monkeypatch.setattr("sim.report.reproduction.write_reproduction_report", lambda *given: told.append(given))
    monkeypatch.setattr("sim.show.console.console", lambda: screen)
    given = argparse.Namespace(name="paper", robustness=robust, out=tmp_path, solver="highs")
    assert reproduce._reproduce(given) == 1
    assert told == [(tmp_path, "paper"), "paper.md"]
    path = tmp_path / "paper-robustness.csv"
    assert path.exists() == robust
    said = screen.export_text().splitlines()
    if robust:
        assert path.read_text() == "number,verdict\n0,robust\n1,robust\n"
        assert said == [
            "first",
            "paper: of 2 claims 2 robust over 3 variations",
            "not served: seed [3]",
            f"claim by claim in {path}",
        ]
    else:
        assert said == []


# `equilot solve`


@pytest.mark.parametrize(
    ("verdict", "variables", "said"),
    [
        (GameVerdict.NO_PURE_EQUILIBRIUM, {}, "proved: no pure equilibrium exists"),
        (
            GameVerdict.NO_PURE_EQUILIBRIUM,
            {"x": 1},
            "proved: no pure equilibrium exists; from the best point met some player may gain 0.123 alone",
        ),
        (GameVerdict.TIME_LIMIT, {}, "not certified: no point was found"),
        (GameVerdict.NONE_FOUND, {}, "not certified: no point was found"),
        (GameVerdict.UNDECIDED, {}, "not certified: no point was found"),
        (
            GameVerdict.TIME_LIMIT,
            {"x": 1},
            "not certified: the limit was reached; from the best point met some player may gain 0.123 alone",
        ),
        (
            GameVerdict.INFEASIBLE,
            {},
            "not certified: no point meets the rows of all leaders while all followers respond",
        ),
        (
            GameVerdict.INFEASIBLE,
            {"x": 1},
            "not certified: a row is violated at this point, or a follower could do better",
        ),
        (GameVerdict.EXACT, {"x": 1}, "certified: no player can gain anything alone"),
        (GameVerdict.EPSILON_NASH, {"x": 1}, "certified: no player can gain more than 0.123 alone"),
    ],
)
def test_what_a_verdict_proves(verdict: GameVerdict, variables: Any, said: str) -> None:
    certificate = SimpleNamespace(epsilon=0.12345)
    answer: Any = SimpleNamespace(verdict=verdict, variables=variables, certificate=certificate)
    assert solve._meaning(answer) == said
