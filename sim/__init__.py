"""Runs: the Mesa models, tables, figures, reproductions and the command line."""

from equilot import require_own_packages

require_own_packages()
