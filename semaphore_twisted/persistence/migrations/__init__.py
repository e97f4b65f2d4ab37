"""Schema versions, run by alembic."""
