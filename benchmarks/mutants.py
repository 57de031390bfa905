"""``python -m benchmarks.mutants``: plant faults in a copy of the house, and see which ones its tests notice.

A fault is one operator of Cosmic Ray at one place: another comparison, ``+`` for ``-``, a number by one, ``and`` for
``or``, a loop that never runs. Lines are drawn with a seed, a fault for each line. Every fault runs the tests nearest
to its module (``nearest_tests.py``) until one fails. `docs/mutants.md` says what is drawn and why this tool.
"""

from __future__ import annotations

import argparse
import ast
import math
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from queue import Queue

try:
    from cosmic_ray.ast import ast_nodes, get_ast
    from cosmic_ray.mutating import mutate_code
    from cosmic_ray.operators.operator import Operator
    from cosmic_ray.operators.provider import OperatorProvider
except ImportError:
    sys.exit("benchmarks.mutants needs the extra: pip install --editable '.[mutants]', or make mutants")

from benchmarks.covering_tests import Covering, cover
from benchmarks.harness import Result, report
from benchmarks.nearest_tests import in_order, nearest_tests

ROOT = Path(__file__).parents[1]
PACKAGES = ("agents", "equilibrium", "scenarios", "sim")
COPIED = (*PACKAGES, "benchmarks", "docs", "notebooks", "requirements", "tests")

OPERATORS = (
    *(f"ReplaceBinaryOperator_{pair}" for pair in ("Add_Sub", "Sub_Add", "Mul_Div", "Div_Mul", "Pow_Mul")),
    *(f"ReplaceBinaryOperator_{pair}" for pair in ("FloorDiv_Mul", "Mod_FloorDiv", "BitAnd_BitOr", "BitOr_BitAnd")),
    *(f"ReplaceComparisonOperator_{pair}" for pair in ("Eq_NotEq", "NotEq_Eq", "Is_IsNot", "IsNot_Is")),
    *(f"ReplaceComparisonOperator_{pair}" for pair in ("Lt_LtE", "LtE_Lt", "Gt_GtE", "GtE_Gt")),
    *(f"ReplaceComparisonOperator_{pair}" for pair in ("Lt_GtE", "LtE_Gt", "Gt_LtE", "GtE_Lt")),
    *(f"ReplaceUnaryOperator_{pair}" for pair in ("USub_UAdd", "Delete_USub", "Delete_Not", "Delete_Invert")),
    *("AddNot", "ReplaceTrueWithFalse", "ReplaceFalseWithTrue", "ReplaceAndWithOr", "ReplaceOrWithAnd"),
    *("ReplaceBreakWithContinue", "ReplaceContinueWithBreak", "NumberReplacer", "ZeroIterationForLoop"),
)
"""Those whose result runs: ``>>`` on a float or ``is`` on a number fails at once and would only flatter the score."""

EDGES = tuple(f"ReplaceComparisonOperator_{pair}" for pair in ("Lt_LtE", "LtE_Lt", "Gt_GtE", "GtE_Gt"))
"""Those that change what happens where both sides are equal, and nothing else."""

TOLERANCE = 1e-3
"""A number with a name that is a tolerance, not a limit: smaller than this."""

UNTOUCHED = ("name", "string", "newline", "endmarker", "trailer", "arglist", "file_input", "simple_stmt")
"""Kinds of nodes of the syntax tree at which no operator applies."""

PARAMETERS = ("parameters", "lambdef")
"""Kinds of nodes whose own signs stand between parameters."""

IDLE_KEYWORDS = frozenset(
    (
        "strict",
        "contravariant",
        "figsize",
        "alpha",
        "linewidth",
        "zorder",
        "fontsize",
        "labelsize",
        "dpi",
        "pad",
        "frameon",
        "bbox_to_anchor",
        "markersize",
        "height_ratios",
        "columnspacing",
        "padding",
        "pad_edge",
        "ncols",
        "s",
        "fraction",
        "rotation",
        "xytext",
    )
)
"""Arguments whose value no result rests on: a guard against ourselves, a type's variance, the look of a figure."""

LIMIT = 1800.0
"""The seconds that a sample of 100 may take on two cores."""

NEAR_SECONDS = 90.0
"""A fault runs its nearest tests up to this much processor time, s."""

HANGS = 120.0
"""Seconds of processor time beyond that, after which the test at work is taken to hang: none takes a quarter of it."""

CRASH = "a crash"
"""What stands in the place of the test that failed where the process died at work."""

GUARD = 1800.0
"""Seconds after which tests that wait without working are ended."""


@dataclass(frozen=True)
class Fault:
    """One operator at one place of a module."""

    module: str
    line: int
    operator: str
    occurrence: int

    def planted(self, source: str) -> str:
        """Return the module's source with the fault."""
        mutated: str | None = mutate_code(source, _operator(self.operator), self.occurrence)
        if mutated is None:
            raise ValueError(f"{self}: no such place")
        return mutated


@dataclass(frozen=True)
class Outcome:
    """What the tests made of a fault: ``killed by`` one, ``hangs`` (which counts as killed) or ``survived``."""

    fault: Fault
    fate: str
    change: str
    seconds: float


def _operator(name: str) -> Operator:
    operator: Operator = OperatorProvider()[name]()
    return operator


def faults_of(module: str, source: str, tolerances: frozenset[str] = frozenset()) -> list[Fault]:
    """Return all faults of a module but those in what changes no result: annotations, decorators, idle keywords.

    The ``*`` before the parameters that have to be named is no product, although the tool takes it for one; and of
    ``reshape(-1)`` the number is idle, since NumPy takes any negative one for the length that is left. Where a
    comparison names one of ``tolerances``, its edge is left out: no computed number lies on it.
    """
    idle, fuzzy = _idle_spans(source), _comparisons_with(source, tolerances)
    nodes = [node for node in ast_nodes(get_ast(source)) if node.type not in UNTOUCHED]
    found = []
    for name in OPERATORS:
        operator = _operator(name)
        places = [(start, node) for node in nodes for start, _ in operator.mutation_positions(node)]
        found += [
            Fault(module, place[0], name, count)
            for count, (place, node) in enumerate(places)
            if node.parent.type not in PARAMETERS
            and not any(begin <= place < end for begin, end in (idle + fuzzy if name in EDGES else idle))
        ]
    return found


def tolerances_of(sources: Iterable[str]) -> frozenset[str]:
    """Return the names of modules' tolerances, which are written in capitals."""
    assigned = [node for source in sources for node in ast.parse(source).body if isinstance(node, ast.Assign)]
    return frozenset(
        target.id
        for node in assigned
        if isinstance(node.value, ast.Constant) and isinstance(node.value.value, float)
        if 0.0 < node.value.value < TOLERANCE
        for target in node.targets
        if isinstance(target, ast.Name) and target.id.isupper()
    )


def _comparisons_with(source: str, names: frozenset[str]) -> list[tuple[tuple[int, int], tuple[int, int]]]:
    found = [
        node
        for node in ast.walk(ast.parse(source))
        if isinstance(node, ast.Compare)
        if any(getattr(part, "id", getattr(part, "attr", None)) in names for part in ast.walk(node))
    ]
    return [((e.lineno, e.col_offset), (e.end_lineno or 0, e.end_col_offset or 0)) for e in found]


def _idle_spans(source: str) -> list[tuple[tuple[int, int], tuple[int, int]]]:
    idle: list[ast.expr | None] = []
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.arg | ast.AnnAssign):
            idle.append(node.annotation)
            if isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name) and node.target.id == "STYLE":
                idle.append(node.value)
        elif isinstance(node, ast.FunctionDef | ast.ClassDef):
            idle += node.decorator_list
            idle += [node.returns] if isinstance(node, ast.FunctionDef) else []
        elif isinstance(node, ast.keyword) and node.arg in IDLE_KEYWORDS:
            idle.append(node.value)
        elif isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == "reshape":
            idle += [size.operand for size in node.args if isinstance(size, ast.UnaryOp)]
    return [((e.lineno, e.col_offset), (e.end_lineno or 0, e.end_col_offset or 0)) for e in idle if e is not None]


def draw(root: Path, sample: int, seed: int, under: str = "") -> list[Fault]:
    """Draw lines without replacement, each with one of its faults; ``under`` keeps to the paths that begin so."""
    chance = random.Random(seed)
    lines: dict[tuple[str, int], list[Fault]] = {}
    modules = [path for package in PACKAGES for path in sorted((root / package).rglob("*.py"))]
    tolerances = tolerances_of(path.read_text() for path in modules)
    for path in [*modules, root / "equilot.py"]:
        name = path.relative_to(root).as_posix()
        if name.startswith(under) and "/data/" not in name:
            for fault in faults_of(name, path.read_text(), tolerances):
                lines.setdefault((fault.module, fault.line), []).append(fault)
    drawn: list[Fault] = []
    for module, line in chance.sample(sorted(lines), len(lines)):
        fault = chance.choice(lines[module, line])
        if _runs(fault.planted((root / module).read_text())):
            drawn.append(fault)
        if len(drawn) == sample:
            break
    return drawn


def _runs(source: str) -> bool:
    """Whether it is Python at all: a ``**`` that unpacks is no operator, although the tool takes it for one."""
    try:
        compile(source, "mutated", "exec")
    except SyntaxError:
        return False
    return True


def copy_house(target: Path) -> Path:
    """Copy what the tests need; byte code is checked by content, since a fault may keep size and time of a file."""
    for name in COPIED:
        shutil.copytree(ROOT / name, target / name, ignore=shutil.ignore_patterns("__pycache__"))
    for file in [*ROOT.glob("*.py"), *ROOT.glob("*.md"), *ROOT.glob("*.toml"), *ROOT.glob("*.c?f"), ROOT / "Makefile"]:
        shutil.copy(file, target / file.name)
    compiled = [sys.executable, "-m", "compileall", "-q", "--invalidation-mode", "checked-hash", "."]
    subprocess.run(compiled, cwd=target, check=True, capture_output=True)
    return target


def run_tests(copy: Path, tests: list[str], seconds: float, without: Iterable[str] = ()) -> tuple[str | None, float]:
    """Run tests in a copy until one fails; return its name, none where all pass or where they hang, and the seconds.

    Both count processor time, so that nothing depends on what else the machine does.

    Raises
    ------
    TimeoutError
        When a test goes on working long after the seconds are over.
    """
    environment = os.environ | {"PYTHONPATH": str(copy), "PYTHONDONTWRITEBYTECODE": "1", "OPENBLAS_NUM_THREADS": "1"}
    command = [sys.executable, "-m", "benchmarks.until_one_fails", str(seconds), *tests]
    command += [word for test in without for word in ("--without", test)]
    command = ["sh", "-c", f'ulimit -t {math.ceil(seconds + HANGS)}; exec "$@"', "sh", *command]
    with (
        tempfile.TemporaryFile("w+", encoding="utf-8", errors="replace") as said,
        subprocess.Popen(command, cwd=copy, env=environment, stdout=said, stderr=subprocess.DEVNULL) as run,
    ):
        guard = threading.Timer(GUARD, run.kill)
        guard.start()
        _, status, used = os.wait4(run.pid, 0)
        guard.cancel()
        run.returncode = os.waitstatus_to_exitcode(status)
        said.seek(0)
        last = said.read().rstrip().rsplit("\n", 1)[-1]
    taken = used.ru_utime + used.ru_stime
    if run.returncode in (-signal.SIGKILL, -signal.SIGXCPU):
        raise TimeoutError(f"still at work after {taken:.0f} s")
    if run.returncode not in (0, 1):
        return CRASH, taken
    return (last if run.returncode else None), taken


class Known:
    """What tests do without a fault: each one that fails with a fault is run once without it."""

    def __init__(self) -> None:
        self.passes: dict[str, bool] = {}

    def broken(self, copy: Path, test: str) -> bool:
        """Whether a test fails by itself; it is named and left out from then on, whatever it is given."""
        test = test.partition("[")[0]  # a name with what it is given need not be one that pytest takes
        if test not in self.passes:
            try:
                failed, _ = run_tests(copy, [test], NEAR_SECONDS)
            except TimeoutError:
                failed = test
            self.passes[test] = failed is None
            if failed is not None:
                print(f"left out: {test} fails without a fault", flush=True)
        return not self.passes[test]

    @property
    def left_out(self) -> list[str]:
        """Tests that fail without a fault."""
        return [test for test, passes in self.passes.items() if not passes]


def try_fault(copy: Path, fault: Fault, tests: list[str], known: Known) -> Outcome:
    """Plant a fault in a copy, run the tests until one fails that passes without it, and put the module back."""
    path = copy / fault.module
    source = path.read_text()
    mutated = fault.planted(source)
    change, taken = _change(source, mutated, fault.line), 0.0
    while True:
        path.write_text(mutated)
        try:
            failed, seconds = run_tests(copy, tests, NEAR_SECONDS, known.left_out)
        except TimeoutError:
            return Outcome(fault, "hangs", change, taken + NEAR_SECONDS + HANGS)
        finally:
            path.write_text(source)
        taken += seconds
        if failed is None:
            return Outcome(fault, "survived", change, taken)
        if failed == CRASH or not known.broken(copy, failed):
            return Outcome(fault, f"killed by {failed}", change, taken)


def _change(old: str, new: str, line: int) -> str:
    pairs = zip(old.splitlines(), new.splitlines(), strict=False)
    return next((f"{a.strip()}  ->  {b.strip()}" for a, b in pairs if a != b), f"line {line}")


def try_all(faults: list[Fault], covering: Covering, workers: int) -> list[Outcome]:
    """Try faults side by side, each worker in a copy of its own, and tell each outcome as it comes."""
    near = {
        fault: in_order(nearest_tests(ROOT, fault.module), covering.tests(fault.module, fault.line)) for fault in faults
    }
    known = Known()
    with tempfile.TemporaryDirectory(prefix="equilot-mutants-") as folder, ThreadPoolExecutor(workers) as pool:
        copies: Queue[Path] = Queue()
        for number in range(workers):
            copies.put(copy_house(Path(folder) / str(number)))

        def one(fault: Fault) -> Outcome:
            copy = copies.get()
            outcome = try_fault(copy, fault, near[fault], known)
            copies.put(copy)
            print(
                f"{fault.module}:{fault.line}  {outcome.change}\n    {outcome.fate} ({outcome.seconds:.0f} s)",
                flush=True,
            )
            return outcome

        try:
            return list(pool.map(one, faults))
        except BaseException:  # told to end: what runs may finish, what waits is not begun
            pool.shutdown(wait=False, cancel_futures=True)
            raise


def main() -> None:
    """Draw faults, try them, tell what survived where, and write the score where it is asked for."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.mutants", description=__doc__)
    parser.add_argument("--sample", type=int, default=100, help="how many lines to draw (100)")
    parser.add_argument("--seed", type=int, default=1, help="which lines (1)")
    parser.add_argument("--workers", type=int, default=2, help="how many copies run side by side (2)")
    parser.add_argument("--under", default="", help="only modules whose path begins so, as sim/markets")
    parser.add_argument("--covered", type=Path, help="what tests run: read if it is there, else written (a new run)")
    parser.add_argument("--write", action="store_true", help="write mutation_score into benchmarks/results.json")
    asked = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))  # so that the copies are removed
    start = time.perf_counter()
    faults = draw(ROOT, asked.sample, asked.seed, asked.under)
    with tempfile.TemporaryDirectory(prefix="equilot-covering-") as folder:
        data = asked.covered or Path(folder) / "coverage"
        if not data.exists():
            cover(ROOT, sorted({fault.module for fault in faults}), asked.workers, data)
            print(f"what runs which line was found in {(time.perf_counter() - start) / 60:.1f} min", flush=True)
        outcomes = try_all(faults, Covering(ROOT, data), asked.workers)
    taken = time.perf_counter() - start
    survived = [outcome for outcome in outcomes if outcome.fate == "survived"]
    hang = sum(outcome.fate == "hangs" for outcome in outcomes)
    killed = len(outcomes) - len(survived)
    print(f"\n{killed} of {len(outcomes)} killed ({hang} of them hang) with seed {asked.seed}, in {taken / 60:.1f} min")
    for outcome in survived:
        print(f"survived  {outcome.fault.module}:{outcome.fault.line}  {outcome.change}")
    if asked.write:
        note = (
            f"{killed} of {len(outcomes)} faults at drawn lines were noticed by the nearest tests ({hang} hang), "
            f"seed {asked.seed}; ratio is the share, ours the seconds of all, reference its limit; goal >= 0.9"
        )
        report(
            [Result("mutation_score", taken, LIMIT, killed / len(outcomes), note)], ROOT / "benchmarks" / "results.json"
        )


if __name__ == "__main__":
    main()
