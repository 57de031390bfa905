"""An hourly auction with one price for all, as a market of Equilot that another distribution brings."""
