"""Compose's health check of a worker or sweeper: `python scripts/heartbeat.py worker`.

Exit status 0 when the database has heard of one on this host lately. Asks the database directly:
starting Django every half minute would disturb what is being measured on this machine.
"""

import os
import socket
import sys

import psycopg

QUERY = """
    SELECT 1 FROM runs_workerheartbeat
    WHERE host = %s AND kind = %s AND last_seen_at > now() - interval '20 seconds'
"""


def is_alive(kind: str) -> bool:
    with psycopg.connect(os.environ["DATABASE_URL"], connect_timeout=5) as connection:
        return connection.execute(QUERY, (socket.gethostname(), kind)).fetchone() is not None


if __name__ == "__main__":
    sys.exit(0 if is_alive(sys.argv[1]) else 1)
