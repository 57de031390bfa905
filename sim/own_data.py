"""A scenario with the user's own prices or sessions in the place of its own."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory

import yaml

from equilibrium.errors import InputError
from scenarios.loading import case_path
from scenarios.scenario import Scenario, load_scenario


def load_with_own_data(name_or_path: str, prices: Path | None = None, sessions: Path | None = None) -> Scenario:
    """Load a scenario as if a file of the user's extended it and named other data.

    Parameters
    ----------
    name_or_path
        A bundled scenario or a YAML file.
    prices
        CSV of wholesale prices; the run starts at its first day.
    sessions
        CSV of charging sessions.

    Raises
    ------
    InputError
        As :func:`scenarios.scenario.load_scenario`, or when the scenario's lots are not filled by sessions.
    """
    if prices is None and sessions is None:
        return load_scenario(name_or_path)
    for option, path in (("--prices", prices), ("--sessions", sessions)):
        if path is not None and not path.is_file():
            raise InputError(option, "CSV", str(path), "an existing file")
    base = case_path(name_or_path)
    layer: dict[str, object] = {"extends": str(base.resolve())}
    if prices is not None:
        layer["prices"] = {"file": str(prices.resolve()), "start": None}
    if sessions is not None:
        layer["drivers"] = {"files": [str(sessions.resolve())]}
    with TemporaryDirectory() as folder:
        top = Path(folder) / base.name
        top.write_text(yaml.safe_dump(layer), encoding="utf-8")
        try:
            scenario = load_scenario(str(top))
        except InputError as error:
            if error.source != str(top):
                raise
            raise error.located(f"{base.name} with --prices or --sessions") from None
    return replace(scenario, paths=tuple(path for path in scenario.paths if path != top))
