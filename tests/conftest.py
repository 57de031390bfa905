"""Options of the suite: `--long` adds the long tier and more examples, `--shuffle` draws the order of the tests."""

from __future__ import annotations

import os
import random
from typing import Any

import pytest
from hypothesis import HealthCheck, settings

# Figures are drawn into files; no test may need a screen.
os.environ["MPLBACKEND"] = "Agg"

# What a user's shell says of its terminal decides how wide and how coloured output is; tests read plain output.
for name in ("COLUMNS", "LINES", "FORCE_COLOR", "NO_COLOR", "PYTHON_COLORS", "TTY_COMPATIBLE", "TTY_INTERACTIVE"):
    os.environ.pop(name, None)
os.environ["TERM"] = "xterm"

# The default suite draws the same examples each time, so that a red run can be repeated; the long tier explores.
# No deadline: a shared core makes any example slow now and then.
settings.register_profile(
    "quick", deadline=None, max_examples=50, derandomize=True, suppress_health_check=[HealthCheck.too_slow]
)
settings.register_profile("long", deadline=None, max_examples=500, suppress_health_check=[HealthCheck.too_slow])


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--long", action="store_true", default=False, help="also run the tests of the long tier")
    parser.addoption("--shuffle", type=int, metavar="SEED", help="run the tests in an order that is drawn with a seed")


def pytest_configure(config: pytest.Config) -> None:
    settings.load_profile("long" if config.getoption("--long") else "quick")


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    seed = config.getoption("--shuffle")
    if seed is not None:
        items[:] = shuffled(items, seed)
    if config.getoption("--long"):
        return
    skip = pytest.mark.skip(reason="long tier: run with --long")
    for item in items:
        if item.get_closest_marker("long"):
            item.add_marker(skip)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Any:
    """Give whole modules to the workers: what the tests of a module share is made once, and not by each worker."""
    from xdist.scheduler import LoadFileScheduling  # here, because a suite on one processor goes without it

    config.option.loadscopereorder = config.getoption("--shuffle") is None
    return LoadFileScheduling(config, log)


def shuffled(items: list[pytest.Item], seed: int) -> list[pytest.Item]:
    """Modules in another order, and the tests of each; a module stays together for the sake of its fixtures."""
    draw = random.Random(seed)
    modules: dict[str, list[pytest.Item]] = {}
    for item in items:
        modules.setdefault(item.nodeid.split("::")[0], []).append(item)
    order = list(modules.values())
    draw.shuffle(order)
    for tests in order:
        draw.shuffle(tests)
    return [item for tests in order for item in tests]
