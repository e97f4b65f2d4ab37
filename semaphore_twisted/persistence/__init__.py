"""The SQLite database: schema, statements, connections, threads and migrations."""
