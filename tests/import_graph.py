"""Who imports whom: the imports among the modules of some folders, and the circles in them.

An import counts wherever it stands, inside a function and under ``if TYPE_CHECKING`` too. Importing a name from a
package counts as an import of its ``__init__``, unless the name is a module of it. That a package's ``__init__`` is run
before its modules does not count: a face may name what lies behind it.
"""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator
from pathlib import Path

import networkx as nx


def module_name(root: Path, path: Path) -> str:
    """Return the dotted name of a file below ``root``."""
    parts = path.relative_to(root).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def import_graph(root: Path, folders: Iterable[str]) -> nx.DiGraph:
    """Return the modules of the folders below ``root``, and an arrow from each to every other one that it imports."""
    paths = [path for folder in folders for path in sorted((root / folder).rglob("*.py"))]
    trees = {module_name(root, path): ast.parse(path.read_text(encoding="utf-8"), str(path)) for path in paths}
    graph = nx.DiGraph()
    graph.add_nodes_from(trees)
    for name, tree in trees.items():
        graph.add_edges_from((name, target) for target in _targets(tree) if target in trees and target != name)
        graph.add_edges_from(
            (name, package)
            for package, member in _members(tree)
            if package in trees and package != name and f"{package}.{member}" not in trees
        )
    return graph


def _targets(tree: ast.AST) -> Iterator[str]:
    """Yield what may be a module: ``a.b`` of ``import a.b``, ``a.b`` of ``from a import b``."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
    yield from (f"{package}.{member}" for package, member in _members(tree))


def _members(tree: ast.AST) -> Iterator[tuple[str, str]]:
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and node.module and node.level == 0:
            yield from ((node.module, alias.name) for alias in node.names)


def circles(graph: nx.DiGraph) -> list[tuple[str, ...]]:
    """Return the groups of modules that reach each other through their imports, each and all of them sorted."""
    return sorted(tuple(sorted(group)) for group in nx.strongly_connected_components(graph) if len(group) > 1)
