"""``make stores``: what needs other makers' servers and libraries, tested in an environment of its own."""

from __future__ import annotations

from tools.leg import Leg

LEG = Leg(
    name="stores",
    what="object stores",
    tests=("tests/stores", "tests/operators/test_lineage.py", "tests/test_docs_loading.py"),
)


def main() -> int:
    """Run the tests."""
    return LEG.run()
