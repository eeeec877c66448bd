"""Judging what is running: performance, drift, plots and reports."""
