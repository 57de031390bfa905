"""Scenarios of several aggregators."""
