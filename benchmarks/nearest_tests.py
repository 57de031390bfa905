"""The tests nearest to a module: files that import it, frozen digits, files that name what it defines, its folder's.

What imports a module is read from the tests, so a new file of tests joins by itself. ``FOLDERS`` names what imports
cannot tell: a module that is tested through the market or the command that uses it.
"""

from __future__ import annotations

import ast
import re
from functools import cache
from pathlib import Path

IMPORT = re.compile(r"^[ \t]*(?:from|import)[ \t][^\n(]*(?:\([^)]*\))?", re.MULTILINE)
"""A statement that imports, over several lines where it has brackets."""

DEFINITIONS = ast.FunctionDef | ast.ClassDef
SHORTEST = 6
"""Letters of a name that says something: many tests have a ``draw`` of their own."""

LAYERS = ("agents", "equilibrium", "scenarios", "sim")
STEPS = 2
"""Most modules between a test and the module that it is near to."""

OWN = 3
"""Files that come before the frozen digits."""

MOST = 6
"""Files that are taken because of names."""

FROZEN = "tests/test_frozen_digits.py"
NAMED = f"{FROZEN}::test_no_named_number_and_no_default_has_changed"
TYPES = "tests/test_layers.py::test_what_types_alone_need_is_not_imported"
"""The test of the modules that import something for types alone."""

RUNS = f"{FROZEN}::test_two_days_of_a_scenario_give_the_frozen_digits"
LOTS_LEAD = (f"{RUNS}[epec-lots-33-case3]", f"{RUNS}[week-33]")
NODAL = (f"{RUNS}[nodal-33]", f"{RUNS}[nodal-33-quarters]", f"{RUNS}[nodal-85]")
TOWN = (f"{RUNS}[town-33]",)
CHARGING = LOTS_LEAD + TOWN + NODAL
LEADING = ("tests/equilibrium/test_lots_lead_by_hand.py", "tests/equilibrium/test_lots_lead.py")
AT_NODES = ("tests/equilibrium/test_nodal.py", "tests/equilibrium/test_nodal_behaviours.py")
MARKETS = LEADING + AT_NODES
CASES = ("tests/scenarios/test_disco_scenario.py", "tests/scenarios/test_disco_cases.py")
DISCO = (f"{RUNS}[disco-15]", f"{RUNS}[disco-belief]")
AGGREGATOR = (f"{RUNS}[aggregator-37]",)
TWO_SETTLEMENT = (f"{RUNS}[two-settlement]",)
DRAWS = (f"{FROZEN}::test_days_of_two_settlements_are_drawn_with_the_frozen_digits",)
PUBLISHED = (f"{FROZEN}::test_no_number_of_a_paper_has_changed",)
SWITCHED = tuple(
    f"tests/equilibrium/test_{name}.py" for name in ("meshed", "reconfiguration", "exchange", "restoration")
)
GAMES = (f"{FROZEN}::test_a_game_has_the_frozen_answer",)

SHOWN = {"figures": "mark", "terminal": "word", "tables": "column", "hourly": "column"}
"""What a module of a market of lots shows, by the last word of its name, and of what a test has every one twice."""

OF_LOTS = tuple(f"sim/markets/{room}/" for room in ("charging", "lots_lead", "nodal"))
"""Rooms of markets of charging lots."""

FOLDERS: dict[str, tuple[str, ...]] = {
    "agents/aggregator": (
        *AGGREGATOR,
        "tests/agents/test_contract_memories.py",
        "tests/agents/test_contract_agents.py",
        "tests/sim/test_contract_market.py",
    ),
    "agents/charging": (*CHARGING, "tests/agents", "tests/sim/test_model.py"),
    "agents/disco": (*DISCO, "tests/agents/test_disco_agents.py", "tests/sim/test_disco.py"),
    "agents/two_settlement": (
        *TWO_SETTLEMENT,
        "tests/sim/test_two_settlement_run.py",
        "tests/sim/test_two_settlement_tables.py",
    ),
    "agents": (*CHARGING, *DISCO, "tests/agents"),
    "equilibrium/complementarity": (*GAMES, "tests/games/test_branch.py", "tests/games/test_traps.py"),
    "equilibrium/fleet": (*CHARGING, *DISCO, "tests/equilibrium/test_fleet.py"),
    "equilibrium/games": (*GAMES, "tests/games"),
    "equilibrium/grid": (*CHARGING, *DISCO, *MARKETS),
    "equilibrium/grid/branch_flow.py": SWITCHED,
    "equilibrium/grid/contingencies.py": (*TWO_SETTLEMENT, *SWITCHED),
    "equilibrium/grid/exchange.py": SWITCHED,
    "equilibrium/grid/meshed.py": (*TWO_SETTLEMENT, *SWITCHED),
    "equilibrium/grid/radial_flow.py": SWITCHED,
    "equilibrium/grid/reconfiguration.py": SWITCHED,
    "equilibrium/grid/restoration.py": (*TWO_SETTLEMENT, *SWITCHED),
    "equilibrium/grid/shedding.py": (*TWO_SETTLEMENT, "tests/equilibrium/test_unserved.py"),
    "equilibrium/grid/switching_program.py": SWITCHED,
    "equilibrium/grid/unserved.py": (*TWO_SETTLEMENT, "tests/equilibrium/test_unserved.py"),
    "equilibrium/markets/aggregator": (
        *AGGREGATOR,
        "tests/equilibrium/test_aggregator_numbers.py",
        "tests/equilibrium/test_aggregator_edges.py",
        "tests/equilibrium/test_aggregator_proofs.py",
        "tests/equilibrium/test_aggregator.py",
        "tests/sim/test_contract_market.py",
    ),
    "equilibrium/markets/charging": (
        *CHARGING,
        *MARKETS,
    ),
    "equilibrium/markets/disco": (
        *DISCO,
        f"{RUNS}[disco-33]",
        "tests/equilibrium/test_disco_edges.py",
        "tests/equilibrium/test_disco_waste.py",
        "tests/equilibrium/test_disco_market.py",
        "tests/equilibrium/test_disco_parts.py",
        "tests/equilibrium/test_disco_exclusive.py",
    ),
    "equilibrium/markets/lots_lead": (*LOTS_LEAD, *LEADING),
    "equilibrium/markets/nodal": (
        *NODAL,
        *AT_NODES,
        "tests/equilibrium/test_coupled.py",
        "tests/equilibrium/test_traps.py",
        "tests/equilibrium/test_edge_powers.py",
    ),
    "equilibrium/markets/two_settlement": (
        *TWO_SETTLEMENT,
        "tests/equilibrium/test_settlement.py",
        "tests/equilibrium/test_day_ahead_edges.py",
        "tests/equilibrium/test_two_settlement_bids.py",
        "tests/equilibrium/test_day_ahead.py",
        "tests/equilibrium/test_real_time.py",
        "tests/sim/test_two_settlement_run.py",
    ),
    "equilibrium/programs": (*CHARGING, *DISCO, "tests/equilibrium/test_duality_and_solvers.py"),
    "equilibrium/programs/commitment": (
        *TWO_SETTLEMENT,
        "tests/equilibrium/test_commitment_edges.py",
        "tests/equilibrium/test_commitment.py",
        "tests/equilibrium/test_commitment_services.py",
        "tests/equilibrium/test_commitment_network.py",
        "tests/equilibrium/test_commitment_formats.py",
    ),
    "equilibrium/programs/hourly": (*NODAL, "tests/equilibrium/test_vertices.py", *AT_NODES),
    "equilibrium": (*CHARGING, *GAMES, *LEADING),
    "equilot.py": ("tests/test_face.py",),
    "scenarios/draws": (*CHARGING, *DISCO, "tests/scenarios"),
    "scenarios/markets/aggregator": (
        *AGGREGATOR,
        "tests/scenarios/test_contract_lots.py",
        "tests/sim/test_contract_day_of_a_file.py",
        "tests/sim/test_contract_market.py",
    ),
    "scenarios/markets/disco": (
        *DISCO,
        "tests/scenarios/test_disco_scenario.py",
        "tests/scenarios/test_disco_cases.py",
    ),
    "scenarios/markets/two_settlement": (
        *DRAWS,
        *TWO_SETTLEMENT,
        "tests/scenarios/test_two_settlement_scenario.py",
        "tests/sim/test_two_settlement_run.py",
    ),
    "scenarios/published": (
        *LOTS_LEAD,
        *DISCO,
        "tests/scenarios/test_disco_cases.py",
        "tests/scenarios/test_epec_lots.py",
    ),
    "scenarios": (*CHARGING, "tests/scenarios"),
    "sim/markets/aggregator": (
        *AGGREGATOR,
        "tests/sim/test_contract_tables.py",
        "tests/sim/test_contract_shown.py",
        "tests/sim/test_contract_day_of_a_file.py",
        "tests/sim/test_contract_market.py",
    ),
    "sim/markets/charging": (*CHARGING, "tests/sim"),
    "sim/markets/disco": (*DISCO, "tests/sim/test_disco.py", "tests/sim/test_checks.py"),
    "sim/markets/lots_lead": (*LOTS_LEAD, "tests/sim"),
    "sim/markets/nodal": (*NODAL, "tests/sim/test_nodal.py", "tests/sim"),
    "sim/markets/two_settlement": (
        *TWO_SETTLEMENT,
        "tests/sim/test_two_settlement_tables.py",
        "tests/sim/test_two_settlement_shown.py",
        "tests/sim/test_two_settlement_run.py",
    ),
    "sim/report": ("tests/sim/test_report.py", "tests/sim/test_reports_of_folders.py"),
    "sim/reproduce/aggregator": (
        *PUBLISHED,
        "tests/sim/test_reserve_study.py",
        "tests/sim/test_reserve_study_shown.py",
        "tests/sim/test_constants.py",
    ),
    "sim/reproduce/disco": (
        *PUBLISHED,
        "tests/sim/test_disco_totals.py",
        "tests/sim/test_constants.py",
        "tests/sim/test_reasons.py",
        "tests/sim/test_every_claim.py",
        "tests/sim/test_every_statement.py",
        "tests/sim/test_reproduce_disco.py",
    ),
    "sim/reproduce": (
        *PUBLISHED,
        "tests/sim/test_constants.py",
        "tests/sim/test_reasons.py",
        "tests/sim/test_every_claim.py",
        "tests/sim/test_every_statement.py",
        "tests/sim/test_reproduce.py",
        "tests/sim/test_reproduce_disco.py",
    ),
    "sim/show": (
        "tests/sim/test_every_mark.py",
        "tests/sim/test_marks_in_detail.py",
        "tests/sim/test_every_word.py",
        "tests/sim/test_contract_shown.py",
        "tests/sim/test_disco_shown.py",
        "tests/sim",
    ),
    "sim/studies": (
        "tests/sim/test_studies.py",
        "tests/sim/test_study_statistics.py",
        "tests/sim/test_study_claims.py",
    ),
    "sim": (*LOTS_LEAD, "tests/sim"),
}
"""First what is cheap. A module belongs to the longest path that begins its own."""


def folder_of(module: str) -> str:
    """Return the longest path of ``FOLDERS`` that begins the path of a module."""
    return max((folder for folder in FOLDERS if module.startswith(folder)), key=len)


def nearest_tests(root: Path, module: str) -> list[str]:
    """Return arguments of pytest, nearest first: ``module`` is a path below ``root``, as ``sim/run.py``."""
    listed = FOLDERS[folder_of(module)]
    frozen = [test for test in listed if test.startswith(FROZEN)]
    files = [path for test in listed if test not in frozen for path in _files(root, test)]
    own = _importers(root, module)
    shown = SHOWN.get(Path(module).stem.split("_")[-1]) if module.startswith(OF_LOTS) else None
    twice = [f"tests/sim/test_every_{shown}.py"] if shown else []
    types = [TYPES] if "if TYPE_CHECKING" in (root / module).read_text() else []
    return list(
        dict.fromkeys(
            [*types, *twice, *own[:OWN], NAMED, *frozen, *own, *_speaking(root, module), *files, *_layer(root, module)]
        )
    )


def in_order(near: list[str], covering: dict[str, list[str]]) -> list[str]:
    """Return what runs a line, the nearest first, and after it what else is near.

    Parameters
    ----------
    near
        Arguments of pytest, from :func:`nearest_tests`.
    covering
        Tests that run the line, by file.

    Returns
    -------
    list of str
        Arguments of pytest, those of a file that belong together as one of several lines.
    """
    left = {file: list(tests) for file, tests in covering.items()}
    first: list[str] = []
    for test in near:
        file = test.partition("::")[0]
        if test != file and test in left.get(file, ()):
            left[file].remove(test)
            first.append(test)
        elif test == file and file in left:
            first.append("\n".join(left.pop(file)))
    first += ["\n".join(left[file]) for file in sorted(left, key=lambda file: len(left[file])) if left[file]]
    return list(dict.fromkeys([*first, *near]))


def _layer(root: Path, module: str) -> list[str]:
    """All files of tests of a module's layer: what time is left for them."""
    folder = "games" if module.startswith("equilibrium/games") else module.split("/")[0]
    return _files(root, f"tests/{folder}") if (root / "tests" / folder).is_dir() else []


def _layers_of(module: str) -> set[str]:
    """Return the folders of the tests of a module's layer: games are in the core and have a folder of their own."""
    layer = module.split("/")[0]
    return {layer, "games"} if layer == "equilibrium" else {layer}


@cache
def _files(root: Path, test: str) -> list[str]:
    path = root / test
    found = sorted(path.rglob("test_*.py")) if path.is_dir() else [path]
    return [file.relative_to(root).as_posix() for file in found]


def _importers(root: Path, module: str) -> list[str]:
    """Files of tests that import a module, or what imports it: the fewest steps first, then who imports little else.

    What is named after the module comes before all others. To the tests of another layer it is a step more: they look
    at it from further away and take longer.
    """
    own = f"test_{Path(module).stem}"
    steps = {_dotted(module): 0}
    last = set(steps)
    for step in range(1, STEPS + 1):
        last = {each for name in last for each in _users(root).get(name, ())} - set(steps)
        steps |= dict.fromkeys(last, step)
    away = {path: min((steps[n] for n in _imported(path) if n in steps), default=None) for path in _test_files(root)}
    found = sorted(
        (path.stem != own, step + (not _layers_of(module) & set(path.parts)), len(_imported(path)), path)
        for path, step in away.items()
        if step is not None
    )
    names = [path.relative_to(root).as_posix() for *_, path in found]
    return [name for name in names if name != FROZEN]  # of its tests those of the folder alone


def _dotted(module: str) -> str:
    return module.removesuffix(".py").removesuffix("/__init__").replace("/", ".")


@cache
def _users(root: Path) -> dict[str, set[str]]:
    """Which modules of the house, and which helpers of the tests, import each module."""
    paths = [path for layer in (*LAYERS, "tests") for path in sorted((root / layer).rglob("*.py"))]
    names = {_dotted(path.relative_to(root).as_posix()): path for path in paths if not path.name.startswith("test_")}
    users: dict[str, set[str]] = {}
    for name, path in names.items():
        for other in _imported(path) & set(names):
            users.setdefault(other, set()).add(name)
    return users


def _speaking(root: Path, module: str) -> list[str]:
    """Files of tests that name a public function or class of a module, those with the most names first."""
    defined = {node.name for node in ast.parse((root / module).read_text()).body if isinstance(node, DEFINITIONS)}
    names = {name for name in defined if not name.startswith("_") and len(name) >= SHORTEST}
    found = {path: len(names & _words(path)) for path in _test_files(root)}
    best = sorted((path for path, count in found.items() if count), key=lambda path: -found[path])
    return [path.relative_to(root).as_posix() for path in best[:MOST]]


@cache
def _words(path: Path) -> set[str]:
    return set(re.findall(r"\w+", path.read_text()))


@cache
def _test_files(root: Path) -> list[Path]:
    return [path for path in sorted((root / "tests").rglob("test_*.py")) if "foreign_market" not in path.parts]


@cache
def _imported(path: Path) -> set[str]:
    """Names that a file imports, read from those statements alone: whole trees of all files take seconds."""
    names: set[str] = set()
    for found in IMPORT.findall(path.read_text()):
        try:
            (node,) = ast.parse(found.strip()).body
        except (SyntaxError, ValueError):  # a sentence that begins so
            continue
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            names |= {node.module} | {f"{node.module}.{alias.name}" for alias in node.names}
    return names
