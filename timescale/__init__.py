"""TimescaleDB: migrations, the one writer, readers, aging, coordination, the embedded server."""
