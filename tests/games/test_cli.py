"""``equilot solve`` and ``equilot verify``."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from equilibrium.games import METHOD_NAMES
from sim.cli import main

FOLDER = Path(__file__).parents[1] / "instances"


def run(*arguments: object) -> int:
    try:
        return main([str(argument) for argument in arguments])
    except SystemExit as stop:
        return int(stop.code or 0)


def test_the_json_answer_is_as_the_format_says(capsys: pytest.CaptureFixture[str]) -> None:
    assert run("solve", FOLDER / "contract_for_differences.json", "--json") == 0
    answer = json.loads(capsys.readouterr().out)
    assert set(answer) == {
        "verdict",
        "method",
        "seconds",
        "players",
        "variables",
        "duals",
        "certificate",
        "notes",
        "solver",
    }
    assert answer["verdict"] == "exact"
    assert set(answer["certificate"]) == {"primal", "dual", "complementarity", "gap", "bounds", "epsilon"}
    value, low, high = answer["duals"]["lam"]
    assert low <= value <= high
    assert value == pytest.approx(2.0)
    assert set(answer["players"]["leader"]) == {"objective", "regret"}
    assert len(answer["players"]["leader"]["regret"]) == 2


def test_the_answer_verifies_itself(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    game, point = FOLDER / "stackelberg_two_followers.json", tmp_path / "point.json"
    assert run("solve", game, "--json") == 0
    point.write_text(capsys.readouterr().out)
    assert run("verify", game, point, "--json") == 0
    assert json.loads(capsys.readouterr().out)["method"] == "verify"
    answer = json.loads(point.read_text())
    answer["variables"]["Q"] += 1.0
    point.write_text(json.dumps(answer))
    assert run("verify", game, point) == 7
    assert "infeasible" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("name", "code", "word"),
    [
        ("bard_511", 0, "exact (certified: no player can gain anything alone)\nby complementarity-bb"),
        ("pang_fukushima_05", 4, "no-pure-equilibrium"),
        ("unbounded_leader", 8, "unbounded"),
        ("gams_jointc1", 7, "note: the rows of leader cannot be met where the followers respond optimally"),
        ("infeasible_nash_player", 7, "note: the rows of firm2 cannot be met, whatever the other players decide"),
    ],
)
def test_people_get_a_table_and_scripts_an_exit_code(
    name: str, code: int, word: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run("solve", FOLDER / f"{name}.json") == code
    assert word in capsys.readouterr().out
    assert run("solve", FOLDER / f"{name}.json", "--json") == code
    json.loads(capsys.readouterr().out)


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        (["solve", "missing.json"], "missing.json: file: got 'No such file or directory', expected a readable JSON"),
        (["solve", str(FOLDER)], "file: got 'Is a directory', expected a readable JSON file"),
        (["solve", "bard", "--method", "magic"], "complementarity-bb"),
        (["solve", "bard", "--solver", "cplex"], "highs"),
        (["solve", "bard", "--attitude", "hopeful"], "optimistic"),
        (["solve", "bard", "--time-limit", "0"], "positive"),
        (["solve", "bard", "--time-limit", "nan"], "positive"),
        (["verify", "bard", "missing.json"], "missing.json"),
        (["verify", "bard"], "POINT.json"),
    ],
)
def test_bad_arguments_are_one_line(arguments: list[str], named: str, capsys: pytest.CaptureFixture[str]) -> None:
    given = [str(FOLDER / "bard_511.json") if word == "bard" else word for word in arguments]
    assert run(*given) == 2
    printed = capsys.readouterr()
    assert printed.out == ""
    assert printed.err.count("\n") == 1
    assert printed.err.startswith("equilot: error: ")
    assert named in printed.err


def test_a_complaint_about_a_point_names_its_file(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "point.json"
    for point, said in (
        ({"variables": {"x1": 4}}, "variables: y1: got None, expected a value"),
        ({"variables": {"x1": 4, "y1": 4}, "duals": {"mu": 1}}, "duals: got 'mu', expected a name of this game"),
    ):
        path.write_text(json.dumps(point))
        assert run("verify", FOLDER / "bard_511.json", path) == 2
        assert capsys.readouterr().err == f"equilot: error: {path}: {said}\n"


def test_the_help_names_every_method(capsys: pytest.CaptureFixture[str]) -> None:
    assert run("solve", "--help") == 0
    text = " ".join(capsys.readouterr().out.split()).replace("- ", "-")
    for name in METHOD_NAMES:
        assert name in text


def test_pessimistic_leaders_are_told_from_the_optimistic_ones(capsys: pytest.CaptureFixture[str]) -> None:
    assert run("solve", FOLDER / "indifferent_follower.json", "--attitude", "pessimistic", "--json") == 0
    assert json.loads(capsys.readouterr().out)["players"]["leader"]["objective"] == pytest.approx(-2.0)
    assert run("solve", FOLDER / "uniform_price_auction.json", "--attitude", "pessimistic") == 2
    message = capsys.readouterr().err
    assert message.count("\n") == 1
    assert "player seller1: attitude" in message


def test_what_a_range_means_is_told_and_a_byte_order_mark_is_none_of_the_game(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    marked = tmp_path / "marked.json"
    marked.write_bytes(b"\xef\xbb\xbf" + (FOLDER / "indifferent_follower.json").read_bytes())
    assert run("solve", marked) == 0
    told = capsys.readouterr().out
    assert "at best .. worst answer" in told
    assert "the leader's objective if indifferent followers chose its best, or worst" in told


def test_nothing_but_the_answer_goes_to_the_output() -> None:
    """A solver's banner would break what reads the JSON; only a new process shows it."""
    command = [sys.executable, "-m", "sim.cli", "solve", str(FOLDER / "cournot_duopoly.json"), "--json"]
    answer = subprocess.run(command, capture_output=True, text=True, check=True, cwd=FOLDER.parents[1])
    assert json.loads(answer.stdout)["verdict"] == "exact"
    assert answer.stderr == ""


def test_export_for_outsiders(tmp_path: Path) -> None:
    import highspy

    assert run("solve", FOLDER / "bard_511.json", "--export", tmp_path / "game", "--json") == 0
    solver = highspy.Highs()
    solver.setOptionValue("output_flag", False)
    assert solver.readModel(str(tmp_path / "game.mps")) == highspy.HighsStatus.kOk
    solver.run()
    # The high-point relaxation of bard_511: the leader would choose y as well.
    assert solver.getInfo().objective_function_value == pytest.approx(-21.0)
    text = (tmp_path / "game.aux").read_text().splitlines()
    assert text[:4] == ["@NUMVARS", "1", "@NUMCONSTRS", "4"]
    assert text[text.index("@VARSBEGIN") + 1] == "y1 1.0"
    assert text[-2:] == ["@MPS", "game.mps"]
    assert run("solve", FOLDER / "quadratic_leader.json", "--export", tmp_path / "other") == 2


@pytest.mark.parametrize("name", ["a\0b", "a\x1b[31mb", "a\nb", "a\u202eb", "a\x85b", "[b]a", "[/x]"])
def test_a_name_that_a_terminal_would_obey_is_written_out(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], name: str
) -> None:
    """In the title, in every table and in what is said of the game; JSON has it as it is."""
    table = {
        "name": f"{name}-game",
        "players": [
            {
                "name": f"{name}-leader",
                "level": "leader",
                "sense": "max",
                "variables": {f"{name}-p": [0, 10]},
                "objective": {f"{name}-p*{name}-q": 1},
            },
            {
                "name": f"{name}-follower",
                "level": "follower",
                "sense": "max",
                "variables": {f"{name}-q": [0, None]},
                "objective": {f"{name}-q": 5, f"{name}-p*{name}-q": -1},
                "constraints": [
                    {"name": "need", "terms": {f"{name}-q": 1}, "sense": "<=", "rhs": 8, "dual": f"{name}-d"}
                ],
            },
        ],
    }
    path = tmp_path / "game.json"
    path.write_text(json.dumps(table), encoding="utf-8")
    assert main(["solve", str(path)]) == 0
    out = capsys.readouterr().out
    assert all(each.isprintable() or each == "\n" for each in out)
    written = name.encode("unicode_escape").decode("ascii")
    for part in ("game", "leader", "follower", "p", "q", "d"):
        assert f"{written}-{part}" in out, part
    assert main(["solve", str(path), "--json"]) == 0
    assert set(json.loads(capsys.readouterr().out)["variables"]) == {f"{name}-p", f"{name}-q"}
