"""Studies: many runs of a scenario over points and replications, on one process or many, stored and resumed."""
