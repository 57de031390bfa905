"""The aggregator market: one leader trades with lots, generators and a retailer (docs/aggregator.md)."""
