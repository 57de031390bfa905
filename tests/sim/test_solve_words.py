"""What `equilot solve` and `equilot verify` print of answers that are made up, and what they hand on."""

from __future__ import annotations

import argparse
import json
import math
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from equilibrium.errors import InputError
from equilibrium.games import Equilibrium, GameVerdict
from equilibrium.games.answer import GameCertificate, PlayerReport
from sim import solve


def answer(verdict: GameVerdict = GameVerdict.EXACT, **changes: Any) -> Equilibrium:
    given: dict[str, Any] = {
        **{"verdict": verdict, "method": "kkt", "why": "one leader", "seconds": 1.2345},
        "players": {"a": PlayerReport(-0.0, (0.0, 0.0012345)), "b": PlayerReport(1234567.891, (0.0, math.inf))},
        "variables": {"x": 0.1 + 0.2, "y": -math.inf},
        **{"duals": {}, "multipliers": {}, "notes": (), "solver": ""},
        "certificate": GameCertificate(1.23e-9, 4.5e-10, 0.0, 6.7e-8, "valid", 0.0012345, distance=None),
    }
    return Equilibrium(**given | changes)


GAME: Any = SimpleNamespace(
    name="made",
    players={
        "a": SimpleNamespace(name="a", level="leader", sense="max", variables=("x",)),
        "b": SimpleNamespace(name="b", level="follower", sense="min", variables=("y",)),
    },
)


def shown(found: Equilibrium, capsys: pytest.CaptureFixture[str], *, as_json: bool = False) -> list[str]:
    solve._show(GAME, found, as_json=as_json)
    return [" ".join(line.split()) for line in capsys.readouterr().out.splitlines()]


def test_an_answer_line_by_line(capsys: pytest.CaptureFixture[str]) -> None:
    assert shown(answer(), capsys) == [
        "made: exact (certified: no player can gain anything alone)",
        "by kkt in 1.23 s: one leader",
        "player level sense objective may gain at most",
        "a leader max 0 0.00123",
        "b follower min 1234567.9 inf",
        "variable of value",
        "x a 0.3",
        "y b -inf",
        "residuals: primal 1.2e-09, dual 4.5e-10, complementarity 0.0e+00, gap 6.7e-08",
        "bounds on multipliers: valid; epsilon: 0.0012345",
    ]


def test_an_answer_with_duals_ranges_and_notes(capsys: pytest.CaptureFixture[str]) -> None:
    players = {"a": PlayerReport(2.0, (0.0, 0.5), (1.5, -0.0)), "b": PlayerReport(3.0, (0.0, 0.25))}
    found = answer(
        GameVerdict.EPSILON_NASH,
        players=players,
        duals={"price": (1.0, -math.inf, 2.5)},
        certificate=GameCertificate(0.0, 0.0, 0.0, 0.0, "assumed", math.inf, distance=0.123),
        notes=("first", "second"),
        solver="highs",
    )
    assert shown(found, capsys) == [
        "made: epsilon-nash (certified: no player can gain more than inf alone)",
        "by kkt in 1.23 s, highs: one leader",
        "player level sense objective may gain at most at best .. worst answer",
        "a leader max 2 0.5 1.5 .. 0",
        "b follower min 3 0.25",
        "variable of value",
        "x a 0.3",
        "y b -inf",
        "dual value lowest .. highest possible",
        "price 1 -inf .. 2.5",
        "at best .. worst answer: the leader's objective if indifferent followers chose its best, or worst",
        "residuals: primal 0.0e+00, dual 0.0e+00, complementarity 0.0e+00, gap 0.0e+00",
        "bounds on multipliers: assumed, closest multiplier 0.12 of its bound away; epsilon: inf",
        "note: first",
        "note: second",
    ]


def test_an_answer_without_a_point(capsys: pytest.CaptureFixture[str]) -> None:
    found = answer(GameVerdict.NO_PURE_EQUILIBRIUM, variables={}, notes=("why",))
    assert shown(found, capsys) == [
        "made: no-pure-equilibrium (proved: no pure equilibrium exists)",
        "by kkt in 1.23 s: one leader",
        "note: why",
    ]
    (line,) = shown(answer(), capsys, as_json=True)
    assert json.loads(line) == answer().to_dict()


@pytest.mark.parametrize(
    ("verdict", "with_point", "without"),
    [
        (GameVerdict.NO_PURE_EQUILIBRIUM, "proved: no pure equilibrium exists; from the best point met some player may "
         "gain 0.00123 alone", "proved: no pure equilibrium exists"),
        *((verdict, f"not certified: {why}; from the best point met some player may gain 0.00123 alone",
           "not certified: no point was found")
          for verdict, why in ((GameVerdict.TIME_LIMIT, "the limit was reached"),
                               (GameVerdict.UNDECIDED, "no method came to an end"),
                               (GameVerdict.NONE_FOUND, "no pure equilibrium was found, and that there is none is not "
                                "proved"))),
        (GameVerdict.INFEASIBLE, "not certified: a row is violated at this point, or a follower could do better",
         "not certified: no point meets the rows of all leaders while all followers respond"),
        (GameVerdict.UNBOUNDED, *["not certified: a leader improves without end"] * 2),
        (GameVerdict.KKT_CONSISTENT, *["not certified: some player may gain up to 0.00123 alone"] * 2),
    ],
)  # fmt: skip
def test_what_a_verdict_means(verdict: GameVerdict, with_point: str, without: str) -> None:
    assert solve._meaning(answer(verdict)) == with_point
    assert solve._meaning(answer(verdict, variables={})) == without


def test_numbers() -> None:
    values = (-0.0, 1.0 / 3.0, 123456789.0, math.inf, -math.inf)
    assert [solve._number(value) for value in values] == ["0", "0.33333333", "1.2345679e+08", "inf", "-inf"]


@pytest.fixture
def handed(monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """What the commands hand on, around stand-ins for games and methods."""
    found: dict[str, Any] = {}
    game = SimpleNamespace(name="made", attitude="optimistic", players={})
    monkeypatch.setattr(solve, "read_game", lambda path: found.update(read=path) or game)
    monkeypatch.setattr(solve, "read_point", lambda path: found.update(point=path) or ({"x": 1.0}, {"d": 2.0}))
    monkeypatch.setattr(solve, "Options", lambda **named: found.update(options=named) or "options")
    monkeypatch.setattr(solve, "write_bilevel", lambda *given, **named: found.update(export=(given, named)))
    monkeypatch.setattr(solve, "solve_game", lambda *given: found.update(solved=given) or answer(GameVerdict.UNPROVED))
    monkeypatch.setattr(solve, "verify_point", lambda *given: found.update(checked=given) or answer())
    monkeypatch.setattr(solve, "_show", lambda *given, **named: found.update(shown=(given[1].verdict, named)))
    found["game"] = game
    return found


def words(**changes: Any) -> argparse.Namespace:
    given = {
        **{"game": Path("g.json"), "point": Path("p.json"), "method": "auto", "solver": "highs", "attitude": None},
        **{"time_limit": 7.0, "certify": "full", "seed": 3, "node_limit": 9, "export": None, "force": True},
    }
    return argparse.Namespace(**given | {"json": True} | changes)


def test_what_the_commands_hand_on(handed: dict[str, Any]) -> None:
    assert solve.solve(words()) == 1
    assert handed["options"] == {
        **{"method": "auto", "solver": "highs", "attitude": "optimistic", "time_limit_s": 7.0, "certify": "full"},
        **{"seed": 3, "node_limit": 9},
    }
    assert handed["solved"] == (handed["game"], "options")
    assert handed["shown"] == (GameVerdict.UNPROVED, {"as_json": True})
    assert "export" not in handed
    solve.solve(words(export=Path("out"), attitude="pessimistic", json=False))
    assert handed["export"] == ((handed["game"], Path("out")), {"force": True})
    assert (handed["options"]["attitude"], handed["shown"][1]) == ("pessimistic", {"as_json": False})
    assert solve.verify(words()) == 0
    assert handed["options"] == {
        **{"attitude": "optimistic", "time_limit_s": 7.0, "certify": "full", "node_limit": 9},
    }
    assert handed["checked"] == (handed["game"], {"x": 1.0}, {"d": 2.0}, "options")
    assert (handed["read"], handed["point"]) == (Path("g.json"), Path("p.json"))


def raising(error: InputError) -> Callable[..., Any]:
    def function(*_: Any) -> Any:
        raise error

    return function


@pytest.mark.usefixtures("handed")
@pytest.mark.parametrize(
    ("error", "of_game", "of_point"),
    [
        (InputError("g.json", "players", 1, "2"), "g.json: players: got 1, expected 2", None),
        (InputError("method kkt", "bounds", 1, "2"), "g.json: method kkt bounds: got 1, expected 2", None),
        (InputError("game made", "point: x", 1, "2"), "g.json: game made point: x: got 1, expected 2",
         "p.json: x: got 1, expected 2"),
    ],
)  # fmt: skip
def test_errors_name_the_file(
    error: InputError, of_game: str, of_point: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, command, said in (
        ("solve_game", solve.solve, of_game),
        ("verify_point", solve.verify, of_point or of_game),
    ):
        monkeypatch.setattr(solve, name, raising(error))
        with pytest.raises(InputError) as raised:
            command(words())
        assert str(raised.value) == said
