"""Runs a plan: every page of every request window, complete or failed."""
