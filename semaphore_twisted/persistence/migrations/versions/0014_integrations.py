"""Integrations (incoming webhooks), with the log of their deliveries."""

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

revision = "0014"
down_revision = "0013"

_INTEGRATION = "project__integration"
_DELIVERY = "project__integration_delivery"


def upgrade() -> None:
    """Make the tables."""
    _table(
        _INTEGRATION,
        _number("project_id"),
        _number("template_id"),
        _text("name"),
        _text("auth_method", "none"),
        _number("auth_secret_id", nullable=True),
        _text("auth_header", ""),
        _text("auth_algorithm", ""),
        _text("auth_prefix", ""),
        _flag("searchable"),
        Column("task_params", Text, nullable=True),
        _flag("keep_bodies"),
        _owner(_INTEGRATION, "project_id", "project"),
        _owner(_INTEGRATION, "template_id", "project__template"),
        _owner(_INTEGRATION, "auth_secret_id", "access_key", "SET NULL"),
    )
    _indexes(_INTEGRATION, "project_id", "template_id", "auth_secret_id")
    _part("matcher", "match_type", "method", value=True)
    _part("extract_value", "value_source", variable=True)
    _table(
        "project__integration_alias",
        _number("project_id"),
        _number("integration_id", nullable=True),
        _text("alias"),
        _owner("project__integration_alias", "project_id", "project"),
        _owner("project__integration_alias", "integration_id", _INTEGRATION),
        UniqueConstraint("alias", name="uq_project__integration_alias_alias"),
    )
    _indexes("project__integration_alias", "project_id", "integration_id")
    _table(
        _DELIVERY,
        _number("project_id"),
        *map(_text, ("received", "alias", "address", "method", "headers")),
        _number("size"),
        Column("body", LargeBinary, nullable=True),
        _flag("authenticated"),
        _number("resent_of", nullable=True),
        _number("user_id", nullable=True),
        _owner(_DELIVERY, "project_id", "project"),
        _owner(_DELIVERY, "user_id", "user", "SET NULL"),
    )
    _indexes(_DELIVERY, "project_id", "user_id")
    op.create_index("ix_integration_delivery_received", _DELIVERY, ["received"])
    op.create_table(
        "project__integration_result",
        _number("delivery_id"),
        _number("number"),
        _number("integration_id", nullable=True),
        *map(_text, ("integration_name", "outcome", "reason")),
        _number("task_id", nullable=True),
        _owner("project__integration_result", "delivery_id", _DELIVERY),
        _owner(
            "project__integration_result", "integration_id", _INTEGRATION, "SET NULL"
        ),
        _owner("project__integration_result", "task_id", "task", "SET NULL"),
        PrimaryKeyConstraint(
            "delivery_id", "number", name="pk_project__integration_result"
        ),
        sqlite_with_rowid=False,
    )
    _indexes("project__integration_result", "integration_id", "task_id")
    op.create_table(
        "project__integration_seen",
        _number("integration_id"),
        _text("digest"),
        _text("seen"),
        _owner("project__integration_seen", "integration_id", _INTEGRATION),
        PrimaryKeyConstraint(
            "integration_id", "digest", name="pk_project__integration_seen"
        ),
        sqlite_with_rowid=False,
    )
    op.create_index("ix_integration_seen_seen", "project__integration_seen", ["seen"])


def _part(kind: str, *more: str, value: bool = False, variable: bool = False) -> None:
    """Make the table of matchers or of extracted values."""
    name = f"project__integration_{kind}"
    _table(
        name,
        _number("integration_id"),
        _text("name"),
        *map(_text, more),
        _text("body_data_type", ""),
        _text("key", ""),
        *([_text("value", "")] if value else []),
        *([_text("variable")] if variable else []),
        *([_text("variable_type", "environment")] if variable else []),
        _owner(name, "integration_id", _INTEGRATION),
    )
    _indexes(name, "integration_id")


def _table(
    name: str,
    *parts: Column[int]
    | Column[str]
    | Column[bytes]
    | ForeignKeyConstraint
    | UniqueConstraint,
) -> None:
    """Make a table whose rows have an id that is never given again."""
    op.create_table(
        name,
        Column("id", Integer, autoincrement=True, nullable=False),
        *parts,
        PrimaryKeyConstraint("id", name=f"pk_{name}"),
        sqlite_autoincrement=True,
    )


def _indexes(name: str, *columns: str) -> None:
    for each in columns:
        op.create_index(f"ix_{name}_{each}", name, [each])


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


def _flag(name: str) -> Column[int]:
    return Column(name, Integer, nullable=False, server_default="0")
