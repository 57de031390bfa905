"""Equilot by name: ``import equilot`` gives what a user needs, ``python -m equilot`` is the command.

Nothing is imported before it is asked for, so the import itself takes a few milliseconds.

>>> import equilot
>>> case = equilot.load_scenario("nodal-33")
>>> case.name
'nodal-33'
"""

from __future__ import annotations

import sys
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from agents.learning import RothErev, register_learning_rule
    from equilibrium.certificate import Certificate, Verdict
    from equilibrium.errors import InfeasibleError, InputError, SolverError
    from equilibrium.games import Equilibrium, Game, Player, read_game, total
    from equilibrium.markets.aggregator.day import AggregatorDay
    from equilibrium.markets.aggregator.market import AggregatorMarket
    from equilibrium.markets.aggregator.rivals.day import RivalsDay
    from equilibrium.markets.aggregator.rivals.market import RivalsMarket
    from equilibrium.markets.charging.day import MarketDay
    from equilibrium.markets.disco.day import DiscoDay
    from equilibrium.markets.disco.market import DiscoMarket
    from equilibrium.markets.lots_lead.market import LotsLeadMarket
    from equilibrium.markets.nodal.market import NodalMarket
    from equilibrium.markets.ruled import MarketRule, RuledMarket
    from equilibrium.markets.two_settlement.market import DayAheadMarket
    from equilibrium.markets.two_settlement.rolling import RealTime
    from equilibrium.markets.two_settlement.system import DayAhead
    from scenarios import random_markets
    from scenarios.draws.fitted import FittedSessions
    from scenarios.draws.price_fit import fit_price_model
    from scenarios.draws.sarima import PriceModel
    from scenarios.loading import load_scenario, scenario_names
    from sim.draws import keep_draws, replay_draws
    from sim.explaining import explain_price
    from sim.markets.aggregator.model import AggregatorModel
    from sim.markets.aggregator.rivals.model import RivalsModel
    from sim.markets.base import MarketPlugin
    from sim.markets.charging.model import LocalMarket
    from sim.markets.disco.model import DiscoModel
    from sim.markets.two_settlement.model import TwoSettlementModel
    from sim.options import RunOptions
    from sim.output import draw_run, run_figures
    from sim.run import Outcome, run_scenario
    from sim.simulate import simulate
    from sim.store import Run, read_run
    from sim.studies.study import Study

PACKAGES = ("equilibrium", "scenarios", "agents", "sim")
"""Equilot's own packages; each must be found beside this file."""

_HOME = {
    "AggregatorDay": "equilibrium.markets.aggregator.day",
    "AggregatorMarket": "equilibrium.markets.aggregator.market",
    "AggregatorModel": "sim.markets.aggregator.model",
    "Certificate": "equilibrium.certificate",
    "DayAhead": "equilibrium.markets.two_settlement.system",
    "DayAheadMarket": "equilibrium.markets.two_settlement.market",
    "DiscoDay": "equilibrium.markets.disco.day",
    "DiscoMarket": "equilibrium.markets.disco.market",
    "DiscoModel": "sim.markets.disco.model",
    "Equilibrium": "equilibrium.games",
    "FittedSessions": "scenarios.draws.fitted",
    "Game": "equilibrium.games",
    "InfeasibleError": "equilibrium.errors",
    "InputError": "equilibrium.errors",
    "LocalMarket": "sim.markets.charging.model",
    "LotsLeadMarket": "equilibrium.markets.lots_lead.market",
    "MarketDay": "equilibrium.markets.charging.day",
    "MarketPlugin": "sim.markets.base",
    "MarketRule": "equilibrium.markets.ruled",
    "NodalMarket": "equilibrium.markets.nodal.market",
    "Outcome": "sim.run",
    "Player": "equilibrium.games",
    "PriceModel": "scenarios.draws.sarima",
    "RealTime": "equilibrium.markets.two_settlement.rolling",
    "RivalsDay": "equilibrium.markets.aggregator.rivals.day",
    "RivalsMarket": "equilibrium.markets.aggregator.rivals.market",
    "RivalsModel": "sim.markets.aggregator.rivals.model",
    "RothErev": "agents.learning",
    "RuledMarket": "equilibrium.markets.ruled",
    "Run": "sim.store",
    "RunOptions": "sim.options",
    "SolverError": "equilibrium.errors",
    "Study": "sim.studies.study",
    "TwoSettlementModel": "sim.markets.two_settlement.model",
    "Verdict": "equilibrium.certificate",
    "draw_run": "sim.output",
    "explain_price": "sim.explaining",
    "fit_price_model": "scenarios.draws.price_fit",
    "keep_draws": "sim.draws",
    "load_scenario": "scenarios.loading",
    "random_markets": "scenarios",
    "read_game": "equilibrium.games",
    "read_run": "sim.store",
    "register_learning_rule": "agents.learning",
    "replay_draws": "sim.draws",
    "run_figures": "sim.output",
    "run_scenario": "sim.run",
    "scenario_names": "scenarios.loading",
    "simulate": "sim.simulate",
    "total": "equilibrium.games",
}

__all__ = [
    "AggregatorDay",
    "AggregatorMarket",
    "AggregatorModel",
    "Certificate",
    "DayAhead",
    "DayAheadMarket",
    "DiscoDay",
    "DiscoMarket",
    "DiscoModel",
    "Equilibrium",
    "FittedSessions",
    "Game",
    "InfeasibleError",
    "InputError",
    "LocalMarket",
    "LotsLeadMarket",
    "MarketDay",
    "MarketPlugin",
    "MarketRule",
    "NodalMarket",
    "Outcome",
    "Player",
    "PriceModel",
    "RealTime",
    "RivalsDay",
    "RivalsMarket",
    "RivalsModel",
    "RothErev",
    "RuledMarket",
    "Run",
    "RunOptions",
    "SolverError",
    "Study",
    "TwoSettlementModel",
    "Verdict",
    "draw_run",
    "explain_price",
    "fit_price_model",
    "keep_draws",
    "load_scenario",
    "random_markets",
    "read_game",
    "read_run",
    "register_learning_rule",
    "replay_draws",
    "run_figures",
    "run_scenario",
    "scenario_names",
    "simulate",
    "total",
]


def require_own_packages() -> None:
    """Refuse to go on where a file or folder of the user's hides one of Equilot's packages.

    Raises
    ------
    ImportError
        One sentence with the path of what hides it.
    """
    here = Path(__file__).resolve().parent
    for name in PACKAGES:
        found = _place(name)
        if found is None or found.parent.parent == here:
            continue
        hider = found.parent if found.name == "__init__.py" else found
        raise ImportError(
            f"{hider} hides Equilot's package {name!r} ({here / name}): rename it, or run Python from another folder"
        )


def _place(name: str) -> Path | None:
    """Return the file that ``import name`` runs, or ran; ``None`` where there is none."""
    module = sys.modules.get(name)
    if module is not None:
        file = getattr(module, "__file__", None)
    else:
        spec = find_spec(name)
        file = spec.origin if spec is not None else None
    return Path(file).resolve() if file else None


def __getattr__(name: str) -> Any:  # noqa: ANN401
    """Import what is asked for by name."""
    if name == "__version__":
        return import_module("equilibrium").__version__
    if name not in _HOME:
        raise AttributeError(f"module 'equilot' has no attribute {name!r}")
    home = _HOME[name]
    module = import_module(home)
    value = getattr(module, name) if hasattr(module, name) else import_module(f"{home}.{name}")
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})


require_own_packages()

if __name__ == "__main__":
    sys.exit(import_module("sim.cli").main())
