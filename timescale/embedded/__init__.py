"""The embedded TimescaleDB: a real TimescaleDB as WASM, without Docker or a server to install.

with EmbeddedTimescale(Path("data/timescale")) as server:
    psycopg.connect(server.dsn)
"""

from timescale.embedded.engine import ensure_engine
from timescale.embedded.server import EmbeddedTimescale, dsn_of

__all__ = ["EmbeddedTimescale", "dsn_of", "ensure_engine"]
