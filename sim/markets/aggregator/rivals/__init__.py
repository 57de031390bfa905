"""Runs of several aggregators."""
