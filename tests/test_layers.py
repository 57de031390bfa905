"""The shape of the house: imports point down, the library keeps quiet, and the metadata tells the truth."""

from __future__ import annotations

import ast
import configparser
import importlib
import re
import sys
from collections.abc import Iterator
from functools import cache
from importlib.metadata import packages_distributions
from pathlib import Path

import networkx as nx
import pytest

ROOT = Path(__file__).resolve().parent.parent
LAYERS = ("equilibrium", "scenarios", "agents", "sim")
OUTSIDE = {"tests", "benchmarks", "notebooks"}
# What only the upper rooms may know: agents are Mesa's, pictures and terminals belong to the simulation.
LOWEST_LAYER = {"mesa": "agents", "matplotlib": "sim", "rich": "sim", "pandapower": "sim", "pyarrow": "sim"}
# pydantic pins its core to one version and keeps a part of its public names there.
PART_OF = {"pydantic_core": "pydantic"}
LONGEST_FUNCTION = 60
LONGEST_MODULE = 400
LONGEST_TESTS = 450
# The floors inside the core, from the ground up; a module imports from the floors below and from the rooms of its own
# floor that stand before it here.
FLOORS = (
    ("arrays", "plain", "errors", "deadline", "lengths", "shapes"),
    ("programs",),
    ("certificate", "complementarity", "grid", "demand_response", "invariants", "reserve"),
    ("fleet", "games"),
    ("markets",),
)
# What several markets may share; apart from it no market's room imports another's.
SHARED_ROOMS = {"base", "charging"}
MODULES = sorted(path for layer in LAYERS for path in (ROOT / layer).rglob("*.py"))

Function = ast.FunctionDef | ast.AsyncFunctionDef


def imported(tree: ast.AST) -> Iterator[tuple[int, str]]:
    """Every module that is named in an import, with its line, also inside functions and `if TYPE_CHECKING`."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from ((node.lineno, alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield node.lineno, "." * node.level + (node.module or "")


def named(node: ast.AST) -> list[ast.alias]:
    """What a statement that imports names."""
    return node.names if isinstance(node, ast.Import | ast.ImportFrom) else []


def layer_faults(layer: str, tree: ast.AST) -> list[str]:
    """Imports that point up, sideways out of the library, or are relative."""
    faults = []
    for line, name in imported(tree):
        top = name.split(".")[0]
        if top == "equilot":
            faults.append(f"line {line}: only a package's __init__ looks at the face")
        elif name.startswith("."):
            faults.append(f"line {line}: relative import")
        elif top in OUTSIDE or (top in LAYERS and LAYERS.index(top) > LAYERS.index(layer)):
            faults.append(f"line {line}: {layer} imports {name}")
        elif top in LOWEST_LAYER and LAYERS.index(layer) < LAYERS.index(LOWEST_LAYER[top]):
            faults.append(f"line {line}: {layer} imports {name}, which starts at {LOWEST_LAYER[top]}")
    return faults


def prints(tree: ast.AST) -> list[str]:
    return [
        f"line {node.lineno}: print"
        for node in ast.walk(tree)
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "print"
    ]


def functions(body: list[ast.stmt], public: bool = True) -> Iterator[tuple[Function, bool]]:
    """Functions of a module and methods of its classes, each with whether a user may call it."""
    for node in body:
        if isinstance(node, ast.ClassDef):
            yield from functions(node.body, public and not node.name.startswith("_"))
        elif isinstance(node, Function):
            yield node, public and not node.name.startswith("_")


def bare_functions(tree: ast.Module) -> list[str]:
    """Public functions without docstring, and functions without full annotations."""
    faults = []
    for node, public in functions(tree.body):
        arguments = [*node.args.posonlyargs, *node.args.args, *node.args.kwonlyargs]
        arguments += [argument for argument in (node.args.vararg, node.args.kwarg) if argument]
        missing = [a.arg for a in arguments if a.annotation is None and a.arg not in ("self", "cls")]
        if missing or node.returns is None:
            faults.append(f"line {node.lineno}: {node.name} lacks annotations")
        if public and ast.get_docstring(node) is None and not overridden(node):
            faults.append(f"line {node.lineno}: {node.name} has no docstring")
    return faults


def overridden(node: Function) -> bool:
    """Whether the docstring belongs elsewhere: an `@overload`, `@override` or a property's setter."""
    names = {d.attr if isinstance(d, ast.Attribute) else getattr(d, "id", "") for d in node.decorator_list}
    return bool(names & {"overload", "override", "setter"})


@cache
def parse(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"), filename=str(path))


def label(path: Path) -> str:
    return str(path.relative_to(ROOT))


@pytest.mark.parametrize("path", MODULES, ids=label)
def test_module_keeps_to_the_house_rules(path: Path) -> None:
    tree = parse(path)
    layer = path.relative_to(ROOT).parts[0]
    faults = layer_faults(layer, tree) if path.parent.parent != ROOT or path.name != "__init__.py" else []
    assert faults + prints(tree) + bare_functions(tree) == []


@pytest.mark.parametrize("path", MODULES, ids=label)
def test_module_and_functions_are_short(path: Path) -> None:
    tree = parse(path)
    lines = {n.name: (n.end_lineno or 0) - n.lineno + 1 for n in ast.walk(tree) if isinstance(n, Function)}
    assert {name: count for name, count in lines.items() if count > LONGEST_FUNCTION} == {}
    assert len(path.read_text(encoding="utf-8").splitlines()) <= LONGEST_MODULE


def test_no_file_of_tests_is_too_long() -> None:
    lengths = {path.name: len(path.read_text(encoding="utf-8").splitlines()) for path in (ROOT / "tests").rglob("*.py")}
    assert {name: length for name, length in lengths.items() if length > LONGEST_TESTS} == {}


def dotted(path: Path) -> str:
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def import_graph(sources: dict[str, ast.AST]) -> nx.DiGraph:
    """Which module imports which, inside functions and ``if TYPE_CHECKING`` too; the two lists name theirs as text."""
    graph = nx.DiGraph()
    graph.add_nodes_from(sources)
    for module, tree in sources.items():
        for node in ast.walk(tree):
            if isinstance(node, ast.Import):
                graph.add_edges_from((module, alias.name) for alias in node.names if alias.name in sources)
            elif isinstance(node, ast.ImportFrom) and node.module:
                for alias in node.names:
                    inner = f"{node.module}.{alias.name}"
                    target = inner if inner in sources else node.module
                    if target in sources:
                        graph.add_edge(module, target)
            elif isinstance(node, ast.Constant) and module.endswith(".kinds") and node.value in sources:
                graph.add_edge(module, node.value)
    return graph


def circles(graph: nx.DiGraph) -> list[list[str]]:
    return sorted(sorted(part) for part in nx.strongly_connected_components(graph) if len(part) > 1)


def floor(module: str) -> tuple[int, int] | None:
    """Floor of a module of the core, and place of its room there; ``None`` elsewhere and for the package itself."""
    parts = module.split(".")
    if parts[0] != "equilibrium" or len(parts) == 1:
        return None
    return next((k, rooms.index(parts[1])) for k, rooms in enumerate(FLOORS) if parts[1] in rooms)


def market_room(module: str) -> tuple[str, str] | None:
    """Layer and market of a module in ``<layer>/markets/<market>/`` or ``agents/<market>/``."""
    parts = module.split(".")
    if len(parts) > 2 and parts[1] == "markets":
        return parts[0], parts[2]
    if len(parts) > 2 and parts[0] == "agents":
        return parts[0], parts[1]
    return None


def stairs_faults(graph: nx.DiGraph) -> list[str]:
    """Imports that climb inside the core, or lead from one market's room into another's."""
    faults = []
    for module, other in graph.edges:
        start, end = floor(module), floor(other)
        if start is not None and end is not None and end > start:
            where = "from a higher floor" if end[0] > start[0] else "from a later room of its floor"
            faults.append(f"{module} imports {other} {where}")
        room, target = market_room(module), market_room(other)
        if room and target and target[1] not in {room[1], *SHARED_ROOMS}:
            faults.append(f"{module} imports {other}, another market's room")
        if room and target and room[1] == "charging" and target[1] not in SHARED_ROOMS:
            faults.append(f"{module} imports {other}: what markets share knows none of them")
    return sorted(set(faults))


def known_markets(graph: nx.DiGraph) -> list[str]:
    """Imports by which a module outside the markets' rooms knows one of them: only the two lists may."""
    faults = []
    for module, other in graph.edges:
        parts, target = module.split("."), market_room(other)
        apart = market_room(module) or parts[1:2] in (["published"], ["reproduce"]) or parts[1:] == ["kinds"]
        if target and target[1] in markets() - SHARED_ROOMS and not apart and module != "equilot":
            faults.append(f"{module} imports {other}: a market is known to the lists alone")
    return sorted(set(faults))


@cache
def house() -> nx.DiGraph:
    return import_graph({dotted(path): parse(path) for path in MODULES})


def markets() -> set[str]:
    rooms = {path.name for path in (ROOT / "equilibrium" / "markets").iterdir() if path.is_dir()}
    return {name for name in rooms if (ROOT / "equilibrium" / "markets" / name / "__init__.py").exists()}


def test_no_two_modules_import_each_other() -> None:
    assert circles(house()) == []


def test_what_types_alone_need_is_not_imported() -> None:
    """What is slow to import, as matplotlib, or would close a circle, stands in a block that runs for no user."""
    names = {}
    for path in MODULES:
        blocks = [
            node for node in parse(path).body if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test)
        ]
        some = [alias.asname or alias.name for node in blocks for each in ast.walk(node) for alias in named(each)]
        names |= {dotted(path): some} if some else {}
    assert {"sim.output", "sim.markets.base"} <= names.keys()
    here = [
        (module, name) for module in names for name in names[module] if hasattr(importlib.import_module(module), name)
    ]
    assert here == []


def test_imports_keep_to_the_floors_and_rooms() -> None:
    assert stairs_faults(house()) == []


def test_only_the_two_lists_know_the_markets() -> None:
    assert known_markets(house()) == []


def test_no_file_is_named_after_a_market() -> None:
    assert {"nodal", "lots_lead", "disco", "charging"} <= markets()
    named = [label(path) for path in MODULES if any(market in path.stem for market in markets())]
    assert named == []


def test_guard_sees_who_knows_a_market() -> None:
    sources = {
        "sim.run": ast.parse("def f():\n    from sim.markets.nodal import tables"),
        "sim.kinds": ast.parse("from sim.markets.nodal import tables"),
        "sim.reproduce.paper": ast.parse("from sim.markets.nodal import tables"),
        "sim.markets.nodal.tables": ast.parse("from agents.disco.company import x"),
        "agents.disco.company": ast.parse(""),
    }
    assert known_markets(import_graph(sources)) == [
        "sim.run imports sim.markets.nodal.tables: a market is known to the lists alone"
    ]


def test_guards_see_circles_stairs_and_strange_rooms() -> None:
    sources = {
        "equilibrium.grid.a": ast.parse("def f():\n    from equilibrium.grid import b"),
        "equilibrium.grid.b": ast.parse("import equilibrium.grid.a\nfrom equilibrium.markets.nodal import c"),
        "equilibrium.complementarity.f": ast.parse("from equilibrium.certificate import g\nimport equilibrium.grid.a"),
        "equilibrium.certificate.g": ast.parse("x = 1"),
        "equilibrium.markets.nodal.c": ast.parse("from equilibrium.markets.disco.d import x"),
        "equilibrium.markets.disco.d": ast.parse("from equilibrium.markets.charging.e import x"),
        "equilibrium.markets.charging.e": ast.parse("from equilibrium.markets.nodal.c import x"),
    }
    graph = import_graph(sources)
    rooms = [f"equilibrium.markets.{name}" for name in ("charging.e", "disco.d", "nodal.c")]
    assert circles(graph) == [["equilibrium.grid.a", "equilibrium.grid.b"], rooms]
    assert stairs_faults(graph) == [
        "equilibrium.complementarity.f imports equilibrium.grid.a from a later room of its floor",
        "equilibrium.grid.b imports equilibrium.markets.nodal.c from a higher floor",
        "equilibrium.markets.charging.e imports equilibrium.markets.nodal.c, another market's room",
        "equilibrium.markets.charging.e imports equilibrium.markets.nodal.c: what markets share knows none of them",
        "equilibrium.markets.nodal.c imports equilibrium.markets.disco.d, another market's room",
    ]


def test_every_layer_is_looked_at() -> None:
    assert {path.relative_to(ROOT).parts[0] for path in MODULES} == set(LAYERS)


@pytest.mark.parametrize(
    ("layer", "source"),
    [
        ("equilibrium", "import scenarios"),
        ("equilibrium", "from agents.charging.lot import ParkingLot"),
        ("equilibrium", "import mesa"),
        ("scenarios", "def f():\n    from sim import store"),
        ("scenarios", "if TYPE_CHECKING:\n    import agents.charging.lot"),
        ("agents", "import numpy, sim.cli"),
        ("agents", "import matplotlib.pyplot as plt"),
        ("sim", "from tests import helper"),
        ("sim", "from . import store"),
        ("sim", "import equilot"),
    ],
)
def test_guard_sees_an_import_that_points_up(layer: str, source: str) -> None:
    assert len(layer_faults(layer, ast.parse(source))) == 1


@pytest.mark.parametrize("layer", LAYERS)
def test_guard_lets_imports_point_down(layer: str) -> None:
    below = LAYERS[: LAYERS.index(layer) + 1]
    assert layer_faults(layer, ast.parse("\n".join(f"from {name} import day" for name in below))) == []


def test_guard_sees_prints_and_bare_functions() -> None:
    assert prints(ast.parse("def f():\n    print(1)")) == ["line 2: print"]
    assert bare_functions(ast.parse("def f(x: int) -> int:\n    return x")) == ["line 1: f has no docstring"]
    assert bare_functions(ast.parse("def _f(x) -> None: ...")) == ["line 1: _f lacks annotations"]
    assert bare_functions(ast.parse('def f() -> None:\n    """Do."""')) == []


# The metadata


def setup_lines(section: str, key: str) -> dict[str, str]:
    """Requirements of one key of setup.cfg: name in lower case -> version range."""
    config = configparser.ConfigParser()
    config.read(ROOT / "setup.cfg", encoding="utf-8")
    pairs = (re.fullmatch(r"([\w.-]+)(\[[\w,]+\])?(.*)", line) for line in config[section][key].split())
    return {match[1].lower(): match[3] for match in pairs if match}


def runtime() -> dict[str, str]:
    return setup_lines("options", "install_requires")


def extras(*names: str) -> dict[str, str]:
    """Requirements of the named extras, of all of them when none is named."""
    config = configparser.ConfigParser()
    config.read(ROOT / "setup.cfg", encoding="utf-8")
    chosen = names or tuple(config["options.extras_require"])
    return {k: v for name in chosen for k, v in setup_lines("options.extras_require", name).items()}


def padded(version: str) -> tuple[int, ...]:
    numbers = [int(part) for part in version.split(".")]
    return tuple(numbers + [0] * (3 - len(numbers)))


def test_every_dependency_is_bounded_on_both_sides() -> None:
    bounds = runtime() | extras()
    bounds.pop("equilot")
    assert [name for name, bound in bounds.items() if not re.fullmatch(r">=[\d.]+,<[\d.]+", bound)] == []


def test_oldest_constraints_are_the_lower_bounds() -> None:
    text = (ROOT / "requirements" / "oldest.txt").read_text(encoding="utf-8")
    pins = dict(line.lower().split("==") for line in text.splitlines() if line and not line.startswith("#"))
    bounds = runtime() | extras("ac", "test")
    lowest = {name: padded(bound.split(",")[0].removeprefix(">=")) for name, bound in bounds.items()}
    assert {name: padded(pins[name]) for name in lowest} == lowest


def test_every_import_is_declared() -> None:
    declared = set(runtime()) | set(extras()) - set(extras("dev"))
    owners = packages_distributions()
    undeclared = set()
    for path in MODULES:
        for _, name in imported(parse(path)):
            top = PART_OF.get(name.split(".")[0], name.split(".")[0])
            if top in sys.stdlib_module_names or top in (*LAYERS, "equilot"):
                continue
            distributions = {owner.lower() for owner in owners.get(top, [top])}
            if not distributions & declared:
                undeclared.add(f"{label(path)}: {top}")
    assert undeclared == set()


def test_citation_names_the_version() -> None:
    initial = (ROOT / "equilibrium" / "__init__.py").read_text(encoding="utf-8")
    version = re.search(r'__version__ = "(.+)"', initial)
    assert version
    assert f"\nversion: {version[1]}\n" in (ROOT / "CITATION.cff").read_text(encoding="utf-8")
    assert f"## [{version[1]}]" in (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
