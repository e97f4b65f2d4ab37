"""The tables of integrations (incoming webhooks); the names are Semaphore's.

``project__integration_delivery`` and the tables after it are not Semaphore's: the log
of deliveries, and the memory against replays.
"""

from sqlalchemy import (
    Column,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    Table,
    Text,
)

from semaphore_twisted.persistence.metadata import TABLES

_JSON = {"json": True}


def _id() -> Column[int]:
    return Column("id", Integer, primary_key=True, autoincrement=True)


def _reference(
    name: str, target: str, *, on_delete: str = "CASCADE", nullable: bool = False
) -> Column[int]:
    return Column(
        name,
        Integer,
        ForeignKey(target, ondelete=on_delete),
        nullable=nullable,
        index=True,
    )


def _text(name: str, default: str | None = None) -> Column[str]:
    return Column(name, Text, nullable=False, server_default=default)


def _flag(name: str) -> Column[int]:
    return Column(name, Integer, nullable=False, server_default="0")


integration = Table(
    "project__integration",
    TABLES,
    _id(),
    _reference("project_id", "project.id"),
    _reference("template_id", "project__template.id"),
    _text("name"),
    _text("auth_method", "none"),
    _reference("auth_secret_id", "access_key.id", on_delete="SET NULL", nullable=True),
    _text("auth_header", ""),
    #: the hash function and the prefix of a signature; not Semaphore's
    _text("auth_algorithm", ""),
    _text("auth_prefix", ""),
    _flag("searchable"),
    Column("task_params", Text, nullable=True, info=_JSON),
    #: whether the log keeps the bodies of deliveries, so that they can be sent again
    _flag("keep_bodies"),
    sqlite_autoincrement=True,
)

integration_matcher = Table(
    "project__integration_matcher",
    TABLES,
    _id(),
    _reference("integration_id", "project__integration.id"),
    _text("name"),
    _text("match_type"),
    _text("method"),
    _text("body_data_type", ""),
    _text("key", ""),
    _text("value", ""),
    sqlite_autoincrement=True,
)

integration_value = Table(
    "project__integration_extract_value",
    TABLES,
    _id(),
    _reference("integration_id", "project__integration.id"),
    _text("name"),
    _text("value_source"),
    _text("body_data_type", ""),
    _text("key", ""),
    _text("variable"),
    _text("variable_type", "environment"),
    sqlite_autoincrement=True,
)

integration_alias = Table(
    "project__integration_alias",
    TABLES,
    _id(),
    _reference("project_id", "project.id"),
    _reference("integration_id", "project__integration.id", nullable=True),
    Column("alias", Text, nullable=False, unique=True),
    sqlite_autoincrement=True,
)

#: A delivery, as far as it concerns one project. *headers* has secret values masked,
#: *body* is NULL unless it is kept; *resent_of* is the delivery that was sent again.
integration_delivery = Table(
    "project__integration_delivery",
    TABLES,
    _id(),
    _reference("project_id", "project.id"),
    _text("received"),
    _text("alias"),
    _text("address"),
    _text("method"),
    Column("headers", Text, nullable=False, info=_JSON),
    Column("size", Integer, nullable=False),
    Column("body", LargeBinary, nullable=True),
    #: whether the sender was authenticated by at least one integration
    _flag("authenticated"),
    Column("resent_of", Integer, nullable=True),
    _reference("user_id", "user.id", on_delete="SET NULL", nullable=True),
    Index("ix_integration_delivery_received", "received"),
    sqlite_autoincrement=True,
)

#: What one integration made of a delivery; *reason* is one sentence.
integration_result = Table(
    "project__integration_result",
    TABLES,
    Column(
        "delivery_id",
        Integer,
        ForeignKey("project__integration_delivery.id", ondelete="CASCADE"),
        primary_key=True,
    ),
    Column("number", Integer, primary_key=True),
    _reference(
        "integration_id",
        "project__integration.id",
        on_delete="SET NULL",
        nullable=True,
    ),
    _text("integration_name"),
    _text("outcome"),
    _text("reason"),
    _reference("task_id", "task.id", on_delete="SET NULL", nullable=True),
    sqlite_with_rowid=False,
)

#: Ids of deliveries that have started a task, as SHA-256, so that none starts two.
integration_seen = Table(
    "project__integration_seen",
    TABLES,
    Column(
        "integration_id",
        Integer,
        ForeignKey("project__integration.id", ondelete="CASCADE"),
        primary_key=True,
    ),
    Column("digest", Text, primary_key=True),
    _text("seen"),
    Index("ix_integration_seen_seen", "seen"),
    sqlite_with_rowid=False,
)
