"""The tables of Terraform's states, their aliases and locks; Semaphore has no locks."""

from sqlalchemy import Column, ForeignKey, Index, Integer, LargeBinary, Table, Text

from semaphore_twisted.persistence.metadata import TABLES


def _reference(
    name: str, target: str, *, on_delete: str = "CASCADE", nullable: bool = False
) -> Column[int]:
    key = ForeignKey(target, ondelete=on_delete)
    return Column(name, Integer, key, nullable=nullable, index=True)


def _text(name: str, default: str | None = None) -> Column[str]:
    return Column(name, Text, nullable=False, server_default=default)


#: An address of the state of a workspace (an inventory). That of a task is deleted with
#: the end of the task; it has the *digest* of a password instead of a key.
state_alias = Table(
    "project__terraform_inventory_alias",
    TABLES,
    Column("id", Integer, primary_key=True, autoincrement=True),
    _reference("project_id", "project.id"),
    _reference("inventory_id", "project__inventory.id"),
    Column("alias", Text, nullable=False, unique=True),
    _reference("auth_key_id", "access_key.id", on_delete="RESTRICT", nullable=True),
    _reference("task_id", "task.id", nullable=True),
    Column("digest", Text, nullable=True),
    sqlite_autoincrement=True,
)

#: A version of a state. *content* is compressed and encrypted with a key of its own,
#: which *secret* has sealed; *outputs* are the names, *size* is that of the plain text.
#: A *rescued* version does not continue the present one, and never is the present one.
state = Table(
    "project__terraform_inventory_state",
    TABLES,
    Column("id", Integer, primary_key=True, autoincrement=True),
    Column("uuid", Text, nullable=False, unique=True),
    _reference("project_id", "project.id"),
    Column(
        "inventory_id",
        Integer,
        ForeignKey("project__inventory.id", ondelete="CASCADE"),
        nullable=False,
    ),
    _text("created"),
    _reference("task_id", "task.id", on_delete="SET NULL", nullable=True),
    _reference("user_id", "user.id", on_delete="SET NULL", nullable=True),
    _text("author", ""),
    Column("serial", Integer, nullable=False),
    _text("lineage"),
    _text("terraform_version", ""),
    Column("size", Integer, nullable=False),
    Column("resources", Integer, nullable=False, server_default="0"),
    Column("outputs", Text, nullable=False, info={"json": True}),
    Column("restored_from", Integer, nullable=True),
    Column("secret", Text, nullable=False, info={"sealed": "state"}),
    Column("content", LargeBinary, nullable=False),
    Column("rescued", Integer, nullable=False, server_default="0"),
    Index("ix_project__terraform_inventory_state_inventory_id", "inventory_id", "id"),
    sqlite_autoincrement=True,
)

#: The lock of a state; *info* is the client's own description, as JSON.
state_lock = Table(
    "project__terraform_inventory_lock",
    TABLES,
    Column(
        "inventory_id",
        Integer,
        ForeignKey("project__inventory.id", ondelete="CASCADE"),
        primary_key=True,
    ),
    _text("lock_id"),
    _text("info"),
    _text("created"),
    _reference("task_id", "task.id", on_delete="SET NULL", nullable=True),
)
