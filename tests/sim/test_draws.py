"""Draws that are kept: the same digits when they are replayed, and what cannot be replayed."""

from __future__ import annotations

import shutil
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from equilibrium.errors import InputError
from scenarios.loading import load_scenario
from scenarios.streams import Streams
from sim import cli
from sim.draws import HEAD, keep_draws, replay_draws
from sim.options import RunOptions
from sim.simulate import SimulatedDay, simulate


def rows_of(days: Iterable[SimulatedDay]) -> list[str]:
    """Every table of every day as text, to the last digit; what a clock says is left out."""
    return [
        f"{name}: { {column: list(values) for column, values in columns.items() if not column.endswith('seconds')} }"
        for day in days
        for name, columns in day.tables.items()
    ]


SMALL = {"scenarios": {"draws": 3, "kept": 1}}


@pytest.mark.parametrize(
    ("name", "overrides"),
    [
        ("town-33", {"prices": {"draw": "sarima", "sarima": {"values": "level"}}}),
        pytest.param("disco-15", SMALL, marks=pytest.mark.long),
    ],
)
def test_a_replayed_run_has_the_same_digits(name: str, overrides: dict, tmp_path: Path) -> None:
    case, options, folder = load_scenario(name, overrides), RunOptions(days=2, seed=0), tmp_path / "draws"
    plain = rows_of(simulate(case, options))
    kept = rows_of(simulate(keep_draws(case, folder), options))
    again = rows_of(simulate(replay_draws(case, folder, 2), options))
    assert plain == kept == again


def test_every_aggregator_has_its_own_draws(tmp_path: Path) -> None:
    case, folder = load_scenario("aggregators-37", SMALL), tmp_path / "draws"

    def drawn(one: Any, seed: int) -> list[np.ndarray]:
        one.day(0, Streams(seed))
        everybody = [[1.0] * len(part.file.lots) for part in one.parts]
        came = [part.outcome(0, Streams(seed), who) for part, who in zip(one.parts, everybody, strict=True)]
        came += [part.forecast(0, Streams(seed), who) for part, who in zip(one.parts, everybody, strict=True)]
        return [stays.count for each in came for lots in each.stays for stays in lots]

    mine, theirs = drawn(keep_draws(case, folder), 1), drawn(replay_draws(case, folder, 1), 2)
    assert len(mine) == len(theirs) > 2
    for one, other in zip(mine, theirs, strict=True):
        np.testing.assert_array_equal(one, other)


def test_the_seed_of_a_replay_moves_the_agents_alone(tmp_path: Path) -> None:
    case = load_scenario("nodal-33", {"loads": {"hour_sigma": 0.2}})
    mine = [keep_draws(case, tmp_path / "draws").day(k, Streams(1)) for k in range(2)]
    theirs = [replay_draws(case, tmp_path / "draws", 2).day(k, Streams(9)) for k in range(2)]
    for one, other in zip(mine, theirs, strict=True):
        np.testing.assert_array_equal(one.load_kw, other.load_kw)
        assert one.sessions == other.sessions
        assert one.axis.starts == other.axis.starts


def test_replay_draws_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    case = load_scenario("nodal-33")
    keep_draws(case, tmp_path / "draws").day(0, Streams(1))
    replayed = replay_draws(case, tmp_path / "draws", 1)
    monkeypatch.setattr(Streams, "generator", lambda *_: pytest.fail("a draw"))
    replayed.day(0, Streams(1))
    assert replayed.notes[-1] == f"draws are those of {tmp_path / 'draws'} (nodal-33)"


def test_draws_that_do_not_fit_are_refused(tmp_path: Path) -> None:
    case, folder = load_scenario("nodal-33"), tmp_path / "draws"
    with pytest.raises(InputError, match=r"draws: got 'none', expected a folder that `equilot run --save-draws`"):
        replay_draws(case, folder, 1)
    kept = keep_draws(case, folder)
    kept.day(0, Streams(1))
    with pytest.raises(InputError, match="days: got 1, expected the draws of 2 days"):
        replay_draws(case, folder, 2)
    other = load_scenario("nodal-33", {"time": {"step_minutes": 15}})
    for refused in (replay_draws, keep_draws):
        with pytest.raises(InputError, match="draws of another scenario, time"):
            refused(other, folder, *([1] if refused is replay_draws else []))
    with pytest.raises(InputError, match="draws of another scenario, market"):
        replay_draws(load_scenario("week-33"), folder, 1)
    (folder / "day-1-0.npz").write_bytes(b"PK")
    with pytest.raises(InputError, match="expected a file as the run wrote it"):
        replay_draws(case, folder, 1).day(0, Streams(1))
    (folder / HEAD).write_text('{"schema": 2}')
    with pytest.raises(InputError, match="schema: got 2, expected 1"):
        replay_draws(case, folder, 1)
    shutil.rmtree(folder)
    folder.mkdir()
    (folder / "mine.txt").write_text("x")
    with pytest.raises(InputError, match="got 'something else', expected a new or empty folder"):
        keep_draws(case, folder)


def test_the_command_keeps_and_replays(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    arguments = ["run", "nodal-33", "--days", "1", "--no-figures", "--quiet"]
    draws = str(tmp_path / "draws")
    assert cli.main([*arguments, "--out", str(tmp_path / "a"), "--save-draws", draws]) == 0
    assert cli.main([*arguments, "--out", str(tmp_path / "b"), "--draws", draws]) == 0
    assert cli.main([*arguments, "--out", str(tmp_path / "c"), "--draws", draws, "--days", "2"]) == 2
    assert "expected the draws of 2 days" in capsys.readouterr().err
