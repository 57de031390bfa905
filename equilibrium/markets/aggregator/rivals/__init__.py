"""Several aggregators: each leads followers of its own, and may make offers to those of the others."""
