"""What a day brings: files of feeders, prices and sessions, draws, and the scenarios made of them."""

from equilot import require_own_packages

require_own_packages()
