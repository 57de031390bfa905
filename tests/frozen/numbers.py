"""The numbers that the modules name: limits of work, sizes, scales, and what is taken where nothing is given.

Where a search ends, and what a user gets without asking, depends on them, so none moves by accident.
"""

from __future__ import annotations

import ast
import hashlib
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
LAYERS = ("equilibrium", "scenarios", "agents", "sim")
NUMBERS = "numbers"
"""Name of their frozen file."""

LONGEST = 60
"""Characters of a value that stands in the file as it is; of a longer one a fingerprint does."""

READING = frozenset(("number", "numbers", "whole", "flag", "get"))
"""Methods that read a key of a file: behind it stand what is taken where it is left out, and its bounds."""

OPTION, TAKEN = "add_argument", frozenset(("default", "nargs", "const", "required", "type"))
"""The method that states an option of a command, and the words that say what is taken."""

STATEMENTS = "statements.py"
"""Files of what reproductions say of published models."""

Function = ast.FunctionDef | ast.AsyncFunctionDef


def freeze_numbers() -> dict[str, dict[str, str]]:
    """Return every named constant and every default with a number or a truth value in it, by module and name.

    So are the numbers that statements of reproductions compare with.
    Defaults are those of arguments, of options of commands, and those with which a key of a file is read.
    """
    found = {}
    for layer in LAYERS:
        for path in sorted((ROOT / layer).rglob("*.py")):
            tree = ast.parse(path.read_text(encoding="utf-8"))
            own = dict(_named(tree.body, "")) | _told_all(_read(tree)) | _told_all(_options(tree))
            if path.name == STATEMENTS:
                own |= _told_all(_compared(tree))
            if own:
                found[path.relative_to(ROOT).as_posix()] = own
    return found


def _named(body: list[ast.stmt], where: str) -> Iterator[tuple[str, str]]:
    for node in body:
        if isinstance(node, ast.Assign | ast.AnnAssign) and node.value is not None:
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]
            for target in targets:
                yield from _told(where + ast.unparse(target), node.value)
        elif isinstance(node, Function):
            arguments = node.args
            plain = [*arguments.posonlyargs, *arguments.args]
            given = [None] * (len(plain) - len(arguments.defaults)) + arguments.defaults
            pairs = zip([*plain, *arguments.kwonlyargs], [*given, *arguments.kw_defaults], strict=True)
            for argument, default in pairs:
                if default is not None:
                    yield from _told(f"{where}{node.name}({argument.arg})", default)
        elif isinstance(node, ast.ClassDef):
            yield from _named(node.body, f"{where}{node.name}.")


def _read(tree: ast.Module) -> Iterator[tuple[str, list[ast.expr]]]:
    """Keys of files and with what they are read."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in READING:
            key, *given = [*node.args, *(keyword.value for keyword in node.keywords)] or [None]
            if isinstance(key, ast.Constant | ast.JoinedStr):
                yield f"{node.func.attr}({ast.unparse(key)})", given


def _compared(tree: ast.Module) -> Iterator[tuple[str, list[ast.expr]]]:
    """What statements compare and with which numbers: none is softened by accident."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Compare):
            yield f"compared {ast.unparse(node.left)}", node.comparators


def _options(tree: ast.Module) -> Iterator[tuple[str, list[ast.expr]]]:
    """Options of commands and what is taken for them."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == OPTION:
            given = [keyword.value for keyword in node.keywords if keyword.arg in TAKEN]
            yield f"{OPTION}({', '.join(ast.unparse(name) for name in node.args)})", given


def _told_all(read: Iterator[tuple[str, list[ast.expr]]]) -> dict[str, str]:
    """Return what is told of each; a name that comes again has a number."""
    found: dict[str, str] = {}
    times: Counter[str] = Counter()
    for name, given in read:
        if given:
            times[name] += 1
            again = f" {times[name]}" if times[name] > 1 else ""
            found |= _told(name + again, ast.Tuple(given, ast.Load()))
    return found


def _told(name: str, value: ast.expr) -> Iterator[tuple[str, str]]:
    """A name with its value, if that is made of constants and operators alone and has a number or a truth value."""
    parts = list(ast.walk(value))
    constants = [part.value for part in parts if isinstance(part, ast.Constant)]
    if not any(isinstance(constant, bool | int | float) for constant in constants):
        return
    if any(isinstance(part, ast.JoinedStr | ast.ListComp | ast.DictComp | ast.SetComp) for part in parts):
        return
    if any(isinstance(part, ast.Lambda) and part.args.args for part in parts):  # one without makes a default anew
        return
    text = ast.unparse(value)
    digest = hashlib.sha256(text.encode()).hexdigest()[:16]
    yield name, text if len(text) <= LONGEST else digest


def number_changes(old: dict[str, Any], new: dict[str, Any]) -> list[str]:
    """Tell which frozen numbers are others now; a name that is new or gone is no change of a number."""
    return [
        f"{module}: {name} was {value}, is {new[module][name]}"
        for module, names in old.items()
        for name, value in names.items()
        if name in new.get(module, {}) and new[module][name] != value
    ]
