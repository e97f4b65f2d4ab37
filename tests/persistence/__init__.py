"""The store: connection, threads, migrations."""
