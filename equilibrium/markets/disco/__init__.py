"""The DISCO market: a distribution company leads, parking-lot owners with vehicle-to-grid follow (docs/disco.md)."""
