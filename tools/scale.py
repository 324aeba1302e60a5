"""``make scale``: many accounts on several Celery workers, in an environment of its own.

The tests want a PostgreSQL and a Redis, which :mod:`tools.servers` starts, and are skipped without them. How
many accounts and days they take is chosen by the variables of ``tests/scale/conftest.py``.
"""

from __future__ import annotations

from tools.leg import Leg

LEG = Leg(name="scale", what="Celery", tests=("tests/scale",), options=("--capture=no",))


def main() -> int:
    """Run the tests."""
    return LEG.run()
