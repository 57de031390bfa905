"""``equilot app``: a page in the browser that shows a run, or a scenario as it runs."""

from __future__ import annotations

import argparse

from sim.commands.base import OK, Commands, count

_APP = """Show a run day by day in the browser, or a scenario as it runs: feeder, prices and lots, with step, play and
sliders. The page is served on this machine alone (127.0.0.1) and needs the extra: pip install 'equilot[app]'. It ends
with Ctrl-C."""


def add_to(commands: Commands) -> None:
    """Add the command and its options."""
    app = commands.add_parser("app", help="show a run or a scenario in the browser, day by day", description=_APP)
    app.add_argument("source", metavar="DIR|SCENARIO", help="folder of a run, name of a bundled scenario, or a file")
    app.add_argument("--port", metavar="N", type=count(0), default=8765, help="0: any free one (default: %(default)s)")
    app.add_argument("--no-browser", action="store_true", help="do not open the browser")
    app.set_defaults(command=_app)


def _app(given: argparse.Namespace) -> int:
    """``equilot app``."""
    from sim.web.serve import serve

    serve(given.source, given.port, browser=not given.no_browser)
    return OK
