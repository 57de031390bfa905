"""Frozen digits: what every bundled scenario and every game gave when the files in this folder were written.

One file for each scenario, ``NAME.json``, and ``games.json`` for all games of ``tests/instances/``.
``python -m tests.frozen`` writes them again, ``tests/test_frozen_digits.py`` compares. Everything goes through the
command line, so that the modules behind it can be moved and renamed.
"""
