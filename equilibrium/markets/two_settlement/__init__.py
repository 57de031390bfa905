"""The market of two settlements: day-ahead and real time, with aggregators, contingencies and switching."""
