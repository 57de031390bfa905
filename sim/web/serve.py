"""The server of ``equilot app``: on this machine alone."""

from __future__ import annotations

import importlib.util
import os
import warnings
from collections.abc import Mapping

from equilibrium.errors import InputError
from sim.web.days import ScenarioDays, open_days

HOST = "127.0.0.1"
"""Nobody else's machine reaches it."""

SOURCE = "EQUILOT_APP"
"""Variable of the environment with the run folder or the scenario, for :mod:`sim.web.page`."""

_NEEDED = ("solara", "altair")


def check_source(source: str) -> None:
    """Open what is to be shown once, so that what is wrong with it is said before a server starts.

    Raises
    ------
    InputError
        When it is no run and no scenario, or the extra is not installed.
    """
    missing = [name for name in _NEEDED if importlib.util.find_spec(name) is None]
    if missing:
        raise InputError("equilot app", "extra", f"no {missing[0]}", "pip install 'equilot[app]'")
    days = open_days(source)
    if isinstance(days, ScenarioDays):
        days.close()


def settings_of_server(source: str) -> Mapping[str, str]:
    """Return the environment of the server: what it shows, and that it reports to nobody."""
    return {
        SOURCE: source,
        "SOLARA_CHECK_HOOKS": "off",  # it reads decorators, and complains about Mesa's own page
        "SOLARA_TELEMETRY_MIXPANEL_ENABLE": "false",
        "SOLARA_THEME_SHOW_BANNER": "false",
        "SOLARA_THEME_TITLE": "Equilot",
        "MPLBACKEND": "Agg",
    }


def serve(source: str, port: int, *, browser: bool) -> None:
    """Serve the page until it is interrupted.

    Parameters
    ----------
    source
        Folder of a run, or a scenario.
    port
        Port of this machine; 0 for any that is free.
    browser
        Whether the browser is opened.

    Raises
    ------
    InputError
        As :func:`check_source`.
    """
    check_source(source)
    os.environ.update(settings_of_server(source))
    warnings.filterwarnings("ignore", "Cookies with samesite=none", UserWarning)  # a page of this machine needs none
    warnings.filterwarnings("ignore", "Failed to validate hooks", UserWarning)  # said in spite of SOLARA_CHECK_HOOKS
    from solara.__main__ import run  # here, because the extra is optional and slow to import

    words = ["sim.web.page", "--host", HOST, "--port", str(port), "--open" if browser else "--no-open", "--production"]
    run.main(words, standalone_mode=False)
