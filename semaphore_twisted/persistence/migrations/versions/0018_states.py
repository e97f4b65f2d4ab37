"""States of Terraform, with their aliases and locks."""

from alembic import op
from sqlalchemy import (
    Column,
    ForeignKeyConstraint,
    Integer,
    LargeBinary,
    PrimaryKeyConstraint,
    Text,
    UniqueConstraint,
)

revision = "0018"
down_revision = "0017"

_ALIAS = "project__terraform_inventory_alias"
_STATE = "project__terraform_inventory_state"
_LOCK = "project__terraform_inventory_lock"


def upgrade() -> None:
    """Make the tables."""
    op.create_table(
        _ALIAS,
        Column("id", Integer, autoincrement=True, nullable=False),
        _number("project_id"),
        _number("inventory_id"),
        _text("alias"),
        _number("auth_key_id", nullable=True),
        _number("task_id", nullable=True),
        Column("digest", Text, nullable=True),
        PrimaryKeyConstraint("id", name=f"pk_{_ALIAS}"),
        _owner(_ALIAS, "project_id", "project"),
        _owner(_ALIAS, "inventory_id", "project__inventory"),
        _owner(_ALIAS, "auth_key_id", "access_key", "RESTRICT"),
        _owner(_ALIAS, "task_id", "task"),
        UniqueConstraint("alias", name=f"uq_{_ALIAS}_alias"),
        sqlite_autoincrement=True,
    )
    for each in ("project_id", "inventory_id", "auth_key_id", "task_id"):
        op.create_index(f"ix_{_ALIAS}_{each}", _ALIAS, [each])
    op.create_table(
        _STATE,
        Column("id", Integer, autoincrement=True, nullable=False),
        _text("uuid"),
        _number("project_id"),
        _number("inventory_id"),
        _text("created"),
        _number("task_id", nullable=True),
        _number("user_id", nullable=True),
        _text("author", ""),
        _number("serial"),
        _text("lineage"),
        _text("terraform_version", ""),
        _number("size"),
        Column("resources", Integer, nullable=False, server_default="0"),
        _text("outputs"),
        _number("restored_from", nullable=True),
        _text("secret"),
        Column("content", LargeBinary, nullable=False),
        PrimaryKeyConstraint("id", name=f"pk_{_STATE}"),
        _owner(_STATE, "project_id", "project"),
        _owner(_STATE, "inventory_id", "project__inventory"),
        _owner(_STATE, "task_id", "task", "SET NULL"),
        _owner(_STATE, "user_id", "user", "SET NULL"),
        UniqueConstraint("uuid", name=f"uq_{_STATE}_uuid"),
        sqlite_autoincrement=True,
    )
    for each in ("project_id", "task_id", "user_id"):
        op.create_index(f"ix_{_STATE}_{each}", _STATE, [each])
    op.create_index(f"ix_{_STATE}_inventory_id", _STATE, ["inventory_id", "id"])
    op.create_table(
        _LOCK,
        _number("inventory_id"),
        _text("lock_id"),
        _text("info"),
        _text("created"),
        _number("task_id", nullable=True),
        PrimaryKeyConstraint("inventory_id", name=f"pk_{_LOCK}"),
        _owner(_LOCK, "inventory_id", "project__inventory"),
        _owner(_LOCK, "task_id", "task", "SET NULL"),
    )
    op.create_index(f"ix_{_LOCK}_task_id", _LOCK, ["task_id"])


def _owner(
    name: str, column: str, target: str, on_delete: str = "CASCADE"
) -> ForeignKeyConstraint:
    return ForeignKeyConstraint(
        [column], [f"{target}.id"], name=f"fk_{name}_{column}", ondelete=on_delete
    )


def _number(name: str, *, nullable: bool = False) -> Column[int]:
    return Column(name, Integer, nullable=nullable)


def _text(name: str, default: str | None = None) -> Column[str]:
    return Column(name, Text, nullable=False, server_default=default)
