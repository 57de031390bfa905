"""The exact core: programs, solvers, markets and certificates. It knows neither agents nor scenarios."""

__version__ = "0.1.0"
