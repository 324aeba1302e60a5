"""Saves the demo's connection in Airflow's database; runs in the environment that has Airflow.

A connection that is there already keeps what the user made of it; only the emulator's port is brought
up to date.
"""

from __future__ import annotations

import json
import sys

from airflow.models.connection import Connection
from airflow.utils.session import create_session
from sqlalchemy import select


def main(conn_id: str, wanted: dict[str, str]) -> None:
    """Add the connection, or correct the host of the one that is there."""
    with create_session() as session:
        present = session.scalar(select(Connection).where(Connection.conn_id == conn_id))
        if present is None:
            session.add(Connection(conn_id=conn_id, **wanted))
        elif (present.host or "").startswith("http://127.0.0.1:"):
            present.host = wanted["host"]


if __name__ == "__main__":
    main(sys.argv[1], json.loads(sys.argv[2]))
