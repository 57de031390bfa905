"""One set of tolerances: each has one name, one value, one home and a reason, and one function puts every verdict."""

from __future__ import annotations

import ast
import itertools
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
MODULES = sorted((ROOT / "equilibrium").rglob("*.py"))
SMALL = 1e-3
"""A number up to this is a tolerance, or has to be told from one by a name."""


def is_small(node: ast.AST | None) -> bool:
    if not isinstance(node, ast.Constant) or isinstance(node.value, bool) or not isinstance(node.value, int | float):
        return False
    return 0.0 < abs(node.value) <= SMALL


def constants(tree: ast.Module) -> Iterator[tuple[str, float, bool]]:
    """Small numbers of a module: name without its underscore, value, and whether a text after it says what it is."""
    for node, after in itertools.zip_longest(tree.body, tree.body[1:]):
        if isinstance(node, ast.Assign | ast.AnnAssign) and is_small(node.value):
            assert isinstance(node.value, ast.Constant)
            told = isinstance(after, ast.Expr) and isinstance(after.value, ast.Constant)
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]
            for target in targets:
                assert isinstance(target, ast.Name)
                yield target.id.lstrip("_"), float(node.value.value), told


def nameless(tree: ast.Module) -> list[int]:
    """Lines with a small number that has no name."""
    named = {node.value for node in tree.body if isinstance(node, ast.Assign | ast.AnnAssign)}
    return sorted({node.lineno for node in ast.walk(tree) if is_small(node) and node not in named})


def parsed() -> dict[str, ast.Module]:
    return {str(path.relative_to(ROOT)): ast.parse(path.read_text(encoding="utf-8")) for path in MODULES}


def test_a_tolerance_has_one_value_one_home_and_a_reason() -> None:
    homes: dict[str, list[str]] = {}
    silent = []
    for module, tree in parsed().items():
        for name, _, told in constants(tree):
            homes.setdefault(name, []).append(module)
            if not told:
                silent.append(f"{module}: {name}")
    assert {name: modules for name, modules in homes.items() if len(modules) > 1} == {}
    assert silent == []
    assert {"RESIDUAL_TOLERANCE", "EXACT_REGRET", "EPSILON_REGRET", "CERTAIN_GAIN"} <= set(homes)


def test_no_tolerance_is_without_a_name() -> None:
    assert {module: nameless(tree) for module, tree in parsed().items() if nameless(tree)} == {}
