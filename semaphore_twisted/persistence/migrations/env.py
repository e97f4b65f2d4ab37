"""What alembic runs: the numbered files, on the connection that was handed over.

``migrate`` owns the transaction; for a developer's ``alembic revision`` see
``docs/architecture.md``.
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
