"""Fixtures for every kind of test."""

pytest_plugins = ["tests.brokers", "tests.timescales", "tests.workers"]
