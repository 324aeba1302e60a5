"""Clients of other makers against the emulator, their rows compared with this package's: ``make compat``."""
