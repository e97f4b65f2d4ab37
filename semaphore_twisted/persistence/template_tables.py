"""The tables of the parts of a template: vault passwords and variable groups."""

from sqlalchemy import Column, ForeignKey, Integer, Table, Text, UniqueConstraint

from semaphore_twisted.persistence.metadata import TABLES


def _owner(name: str, target: str) -> Column[int]:
    return Column(
        name,
        Integer,
        ForeignKey(target, ondelete="CASCADE"),
        nullable=False,
        index=True,
    )


#: A vault password: the key with it, or the script in the repository that prints it.
template_vault = Table(
    "project__template_vault",
    TABLES,
    Column("id", Integer, primary_key=True, autoincrement=True),
    _owner("project_id", "project.id"),
    _owner("template_id", "project__template.id"),
    Column(
        "vault_key_id",
        Integer,
        ForeignKey("access_key.id", ondelete="RESTRICT"),
        nullable=True,
        index=True,
    ),
    Column("name", Text, nullable=True),
    Column("type", Text, nullable=False, server_default="password"),
    Column("script", Text, nullable=True),
    UniqueConstraint("template_id", "name"),
)

#: The variable groups of a template after the first one, which is in its own row.
template_environment = Table(
    "project__template_environment",
    TABLES,
    Column(
        "template_id",
        Integer,
        ForeignKey("project__template.id", ondelete="CASCADE"),
        primary_key=True,
    ),
    Column("position", Integer, primary_key=True),
    Column(
        "environment_id",
        Integer,
        ForeignKey("project__environment.id", ondelete="RESTRICT"),
        nullable=False,
        index=True,
    ),
    sqlite_with_rowid=False,
)
