"""The exact core: programs, solvers, markets and certificates. It knows neither agents nor scenarios."""

from equilot import require_own_packages

__version__ = "0.1.0"

require_own_packages()
