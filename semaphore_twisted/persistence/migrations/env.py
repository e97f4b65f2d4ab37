"""Alembic's environment: runs the numbered files on the given connection.

``migrate`` controls the transaction; ``docs/architecture.md`` describes the use of
``alembic revision`` in development.
"""

from alembic import context

from semaphore_twisted.persistence.schema import metadata

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=metadata,
    render_as_batch=True,
    transactional_ddl=True,
)
with context.begin_transaction():
    context.run_migrations()
