"""Files for others: names stay apart and can be read back, and nothing is lost or overwritten."""

from pathlib import Path

import highspy
import pytest

from equilibrium.errors import InputError
from equilibrium.games import Game, write_game
from equilibrium.games.export import stated_name, write_bilevel, written_name
from sim.cli import main

NAMES = [
    "x y",
    "x_y",
    "x\nRHS",
    "x%20y",
    "$x",
    "1e5",
    "MARKER",
    "RHS",
    "é[1,2]",
    "x\ty",
    "-x",
    "COST",
    "'q'",
    "x" * 255,
]


def named(names: list[str]) -> Game:
    game = Game("a name\nENDATA")
    leader, follower = game.leader("leader", "max"), game.follower("follower")
    x = [leader.variable(name, 0, k + 1) for k, name in enumerate(names)]
    z = follower.variable("z", 0, 100)
    total = x[0] * 1.0
    for k, each in enumerate(x[1:], start=2):
        total = total + k * each
    leader.objective = total - 2 * z
    follower.objective = 1.0 * z
    follower.row("a row\nwith $", z - total >= 0)
    return game


@pytest.mark.parametrize("name", NAMES)
def test_a_name_comes_back(name: str) -> None:
    written = written_name(name)
    assert stated_name(written) == name
    assert not set(written) & set(' \t\n$*"')


def test_names_stay_apart_in_what_a_solver_reads(tmp_path: Path) -> None:
    write_bilevel(named(NAMES), tmp_path / "game")
    solver = highspy.Highs()
    solver.setOptionValue("output_flag", False)
    assert solver.readModel(str(tmp_path / "game.mps")) == highspy.HighsStatus.kOk
    model = solver.getLp()
    assert [stated_name(name) for name in model.col_names_] == [*NAMES, "z"]
    assert list(model.col_upper_) == [*(k + 1.0 for k in range(len(NAMES))), 100.0]
    assert list(model.col_cost_) == [*(-(k + 1.0) for k in range(len(NAMES))), 2.0]
    lines = (tmp_path / "game.aux").read_text(encoding="utf-8").splitlines()
    assert lines[lines.index("@VARSBEGIN") + 1] == "z 1.0"
    assert stated_name(lines[lines.index("@CONSTRSBEGIN") + 1]) == "f0_a row\nwith $"


def test_what_exists_is_kept_unless_it_may_go(tmp_path: Path) -> None:
    (tmp_path / "game.aux").write_text("mine")
    with pytest.raises(InputError, match="exists"):
        write_bilevel(named(["x"]), tmp_path / "game")
    assert sorted(file.name for file in tmp_path.iterdir()) == ["game.aux"]  # not the other one either
    assert (tmp_path / "game.aux").read_text() == "mine"
    write_bilevel(named(["x"]), tmp_path / "game", force=True)
    assert (tmp_path / "game.aux").read_text().startswith("@NUMVARS")


def test_a_file_that_cannot_be_written_says_why(tmp_path: Path) -> None:
    (tmp_path / "game.mps").mkdir()
    with pytest.raises(InputError, match="Is a directory") as error:
        write_bilevel(named(["x"]), tmp_path / "game", force=True)
    assert str(tmp_path / "game.mps") in str(error.value)


def test_the_name_of_the_files_is_the_one_that_was_given(tmp_path: Path) -> None:
    write_bilevel(named(["x"]), tmp_path / "version 1.2")
    write_bilevel(named(["x"]), tmp_path / "other.mps")
    names = ["other.aux", "other.mps", "version 1.2.aux", "version 1.2.mps"]
    assert sorted(file.name for file in tmp_path.iterdir()) == names
    assert (tmp_path / "version 1.2.aux").read_text().endswith("@MPS\nversion 1.2.mps\n")


def test_a_folder_that_is_not_there(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "game.json"
    write_game(named(["x"]), path)
    assert main(["solve", str(path), "--export", str(tmp_path / "no" / "dir")]) == 2
    printed = capsys.readouterr()
    assert (printed.out, printed.err.count("\n")) == ("", 1)
    assert "a folder that exists" in printed.err
    assert main(["solve", str(path), "--export", str(tmp_path / "game")]) == 0
    capsys.readouterr()
    assert main(["solve", str(path), "--export", str(tmp_path / "game")]) == 2
    assert "--force" in capsys.readouterr().err
    assert main(["solve", str(path), "--export", str(tmp_path / "game"), "--force"]) == 0


def test_every_bound_kind_and_number_comes_back(tmp_path: Path) -> None:
    """Free, half-bounded, fixed and integer variables, rows of each sense, a constant: as a solver reads them."""
    inf = float("inf")
    bounds = [(-inf, inf), (-inf, 2.5), (-3.5, inf), (-1.25, 4.75), (2.0, 2.0), (0.0, inf), (-7.0, -2.0), (-inf, 0.0)]
    game = Game("bounds")
    leader, follower = game.leader("leader"), game.follower("follower")
    x = [leader.variable(f"x{k}", low, high) for k, (low, high) in enumerate(bounds)]
    whole = leader.variable("n", -2, 6, integer=True)
    y, z = follower.variable("y", 0, 10), follower.variable("z", -inf, 9)
    leader.objective = sum((k + 1.5) * each for k, each in enumerate(x)) + 0.25 * whole - y + 12.75
    leader.row("most", x[0] + 2 * whole <= 7)
    leader.row("same", x[1] - 3 * y == -4)
    follower.objective = 2.5 * y - 0.5 * z
    follower.row("least", y + z - x[2] >= 1.5)
    write_bilevel(game, tmp_path / "game")
    solver = highspy.Highs()
    solver.setOptionValue("output_flag", False)
    assert solver.readModel(str(tmp_path / "game.mps")) == highspy.HighsStatus.kOk
    model = solver.getLp()
    place = {name: k for k, name in enumerate(model.col_names_)}
    read = {name: (model.col_lower_[k], model.col_upper_[k]) for name, k in place.items()}
    wanted = {f"x{k}": pair for k, pair in enumerate(bounds)} | {"n": (-2.0, 6.0), "y": (0.0, 10.0), "z": (-inf, 9.0)}
    assert read == wanted
    cost = {name: model.col_cost_[k] for name, k in place.items()}
    assert cost == {**{f"x{k}": k + 1.5 for k in range(8)}, "n": 0.25, "y": -1.0, "z": 0.0}
    assert model.offset_ == 12.75
    kinds = {name: model.integrality_[k] == highspy.HighsVarType.kInteger for name, k in place.items()}
    assert [name for name, integer in kinds.items() if integer] == ["n"]
    limits = {name: (model.row_lower_[k], model.row_upper_[k]) for k, name in enumerate(model.row_names_)}
    assert limits == {"u0_most": (-inf, 7.0), "u1_same": (-4.0, -4.0), "f0_least": (1.5, inf)}
    entries = {}
    for column in range(model.num_col_):
        for at in range(model.a_matrix_.start_[column], model.a_matrix_.start_[column + 1]):
            row = model.row_names_[model.a_matrix_.index_[at]]
            entries[row, model.col_names_[column]] = model.a_matrix_.value_[at]
    assert entries == {
        **{("u0_most", "x0"): 1.0, ("u0_most", "n"): 2.0, ("u1_same", "x1"): 1.0, ("u1_same", "y"): -3.0},
        **{("f0_least", "y"): 1.0, ("f0_least", "z"): 1.0, ("f0_least", "x2"): -1.0},
    }
    assert (tmp_path / "game.aux").read_text(encoding="utf-8").splitlines() == [
        *("@NUMVARS", "2", "@NUMCONSTRS", "1", "@VARSBEGIN", "y 2.5", "z -0.5", "@VARSEND"),
        *("@CONSTRSBEGIN", "f0_least", "@CONSTRSEND", "@NAME", "bounds", "@MPS", "game.mps"),
    ]


def odd_game(kind: str) -> Game:
    """A leader and a follower, and what one of the two files cannot hold."""
    game = Game("odd")
    leader, follower = game.leader("leader"), game.follower("follower")
    x, y = leader.variable("x", 0, 1), follower.variable("y", 0, 1)
    leader.objective, follower.objective = x + y, 1.0 * y
    if kind == "square":
        follower.objective = y * y
    elif kind == "product":
        follower.objective = x * y
    elif kind != "fine":
        other = game.follower("another") if kind == "two followers" else game.leader("another")
        other.objective = 1.0 * other.variable("z", 0, 1)
    return game


@pytest.mark.parametrize(
    ("kind", "reason"),
    [
        ("two followers", "one leader and one follower"),
        ("two leaders", "one leader and one follower"),
        ("square", "linear objectives and rows"),
        ("product", "linear objectives and rows"),
    ],
)
def test_a_game_that_the_files_cannot_hold_is_refused(tmp_path: Path, kind: str, reason: str) -> None:
    with pytest.raises(InputError, match=f"a game with {reason}"):
        write_bilevel(odd_game(kind), tmp_path / "game")
    assert not list(tmp_path.iterdir())
    write_bilevel(odd_game("fine"), tmp_path / "game")
