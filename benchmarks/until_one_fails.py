"""``python -m benchmarks.until_one_fails SECONDS TEST ...``: run tests in their order until one fails.

Each argument is collected when it is its turn, so what an early test notices costs no more than that test. An argument
of several lines is several of pytest, which are collected together.
Ends with 1 and the name of the test that failed in the last line, or with 0 where none did within so many seconds of
processor time. Hypothesis does not look for a smaller example of what fails: that takes minutes, and nobody reads it.
"""

from __future__ import annotations

import argparse
import sys
import time

import pytest


class Watch:
    """Notes the first test or file that fails, and stops where the processor time is used up."""

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds
        self.failed = ""
        self.session: pytest.Session | None = None

    @property
    def over(self) -> bool:
        """Whether the processor time is used up."""
        return time.process_time() > self.seconds

    def pytest_sessionstart(self, session: pytest.Session) -> None:
        self.session = session
        from hypothesis import Phase, settings  # here, because pytest rewrites what it loads, and loads it first

        settings.register_profile("until one fails", settings(), phases=(Phase.explicit, Phase.generate))
        settings.load_profile("until one fails")

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        if report.failed and not self.failed:
            self.failed = report.nodeid

    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        if report.failed and not self.failed:
            self.failed = report.nodeid

    def pytest_runtest_logfinish(self) -> None:
        if self.over and self.session is not None:
            self.session.shouldstop = "the processor time is used up"


def first_failure(tests: list[str], seconds: float, without: list[str]) -> str:
    """Return the first test that fails, an empty text where none does."""
    watch = Watch(seconds)
    left_out = [word for test in without for word in ("--deselect", test)]
    plain = ["-x", "-q", "-p", "no:cacheprovider", "--no-header", *left_out]
    for test in tests:
        names = test.splitlines()
        code = pytest.main([*plain, *names], plugins=[watch])
        if code == pytest.ExitCode.USAGE_ERROR and not watch.failed:  # what a test is given need not be a name
            names = list(dict.fromkeys(name.partition("[")[0] for name in names))
            code = pytest.main([*plain, *names], plugins=[watch])
        if watch.failed:
            return watch.failed
        if watch.over:
            return ""
        if code not in (pytest.ExitCode.OK, pytest.ExitCode.NO_TESTS_COLLECTED):
            return names[0]  # not even the house's own plugins could be loaded
    return ""


def main() -> int:
    """Run; the last line names what failed."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.until_one_fails", description=__doc__)
    parser.add_argument("seconds", type=float, help="processor time after which no test begins")
    parser.add_argument("tests", nargs="+", help="arguments of pytest")
    parser.add_argument("--without", action="append", default=[], help="a test that is left out")
    asked = parser.parse_args()
    failed = first_failure(asked.tests, asked.seconds, asked.without)
    sys.stdout.write(f"\n{failed}\n")
    return int(bool(failed))


if __name__ == "__main__":
    sys.exit(main())
