"""The agents, with their state over days: operator, parking lots, drivers and vehicles. They never solve a program."""

from equilot import require_own_packages

require_own_packages()
