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
