"""The commands of ``equilot``: one module each, with ``add_to`` and what the command does."""
