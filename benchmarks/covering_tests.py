"""Which tests run a line: one run of the whole suite under coverage.py, with the test as the context of what it runs.

The run takes about two thirds longer than the suite alone. Only modules that are asked for are watched.
"""

from __future__ import annotations

import ast
import os
import sqlite3
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from coverage.numbits import numbits_to_nums

SETUP = "setup"
"""The phase of a context in which what a file's tests share is made."""


@dataclass(frozen=True)
class Covering:
    """What a run of the suite has found.

    Attributes
    ----------
    root
        The house.
    data
        What coverage.py has written.
    """

    root: Path
    data: Path

    def tests(self, module: str, line: int) -> dict[str, list[str]]:
        """Return the tests that run the statement of a line, by file; of a file that makes it in a fixture the file.

        A statement outside functions runs once in a process, whoever imports it: there no test is named.
        """
        span = _statement(self._tree(module), line)
        if span is None:
            return {}
        found: dict[str, list[str]] = {}
        whole: set[str] = set()
        for context, lines in self._contexts.get(module, []):
            if not lines.isdisjoint(span):
                test, _, phase = context.rpartition("|")
                file = test.partition("::")[0]
                found.setdefault(file, []).append(test)
                if phase == SETUP:
                    whole.add(file)
        return {file: [file] if file in whole else sorted(set(tests)) for file, tests in found.items()}

    def _tree(self, module: str) -> ast.Module:
        return ast.parse((self.root / module).read_text())

    @cached_property
    def _contexts(self) -> dict[str, list[tuple[str, set[int]]]]:
        """Contexts and their lines, by module; what ran in no test is left out."""
        query = (
            "select path, context, numbits from line_bits join file on file.id = file_id "
            "join context on context.id = context_id where context <> ''"
        )
        found: dict[str, list[tuple[str, set[int]]]] = {}
        with sqlite3.connect(self.data) as database:
            for path, context, bits in database.execute(query):
                found.setdefault(path, []).append((context, set(numbits_to_nums(bits))))
        return found


def _statement(tree: ast.Module, line: int) -> range | None:
    """Return the lines of the innermost statement of a line, of one with a body its head; ``None`` outside functions.

    The head of a function, with its defaults, is outside it.
    """
    function = any(
        isinstance(node, ast.FunctionDef | ast.Lambda) and _body_begins(node) <= line <= (node.end_lineno or 0)
        for node in ast.walk(tree)
    )
    spans = [
        range(node.lineno, _head_ends(node) + 1)
        for node in ast.walk(tree)
        if isinstance(node, ast.stmt | ast.ExceptHandler | ast.match_case) and hasattr(node, "lineno")
    ]
    here = [span for span in spans if line in span]
    return min(here, key=len) if function and here else None


def _body_begins(node: ast.FunctionDef | ast.Lambda) -> int:
    return node.body[0].lineno if isinstance(node, ast.FunctionDef) else node.body.lineno


def _head_ends(node: ast.AST) -> int:
    body = getattr(node, "body", None)
    first = body[0].lineno - 1 if isinstance(body, list) and body else 0
    return max(node.lineno, first) if first else int(getattr(node, "end_lineno", 0) or 0)  # type: ignore[attr-defined]


def cover(root: Path, modules: list[str], workers: int, data: Path) -> Covering:
    """Run the suite and note which test runs which line of some modules.

    Parameters
    ----------
    root
        The house; nothing is written there.
    modules
        Paths below it.
    workers
        Processes.
    data
        Where coverage.py writes.

    Raises
    ------
    RuntimeError
        When the suite does not run.
    """
    with tempfile.TemporaryDirectory(prefix="equilot-covering-") as folder:
        settings = Path(folder) / "coveragerc"
        included = "".join(f"\n    {module}" for module in modules)
        settings.write_text(f"[run]\ndata_file = {data}\nrelative_files = true\nparallel = true\ninclude ={included}\n")
        command = [sys.executable, "-m", "pytest", "-q", "-n", str(workers), "-p", "no:cacheprovider", "--cov"]
        command += [f"--cov-config={settings}", "--cov-context=test", "--cov-report="]
        environment = os.environ | {
            "PYTHONPATH": str(root),
            "PYTHONDONTWRITEBYTECODE": "1",
            "OPENBLAS_NUM_THREADS": "1",
        }
        run = subprocess.run(command, cwd=root, env=environment, capture_output=True, text=True, check=False)
    if run.returncode not in (0, 1) or not data.exists():  # 1: a test fails
        raise RuntimeError(f"the suite did not run under coverage.py: {run.stdout[-2000:]}{run.stderr[-2000:]}")
    return Covering(root, data)
