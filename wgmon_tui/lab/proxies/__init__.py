"""Embedded proxy servers and the page behind them, for the demo and the tests."""
