"""The agents, with their state over days: operator, parking lots, drivers and vehicles. They never solve a program."""
