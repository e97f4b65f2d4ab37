"""SQL statements, grouped by subject and built once as module constants."""
