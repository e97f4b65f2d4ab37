"""The tables of apps, and of the parts of a template: vaults and variable groups."""

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

#: What administrators have set of an app that the server knows, or a custom app; NULL
#: is the usual value. Most apps have no row, so templates have no reference to one.
app = Table(
    "app",
    TABLES,
    Column("id", Text, primary_key=True),
    Column("active", Integer, nullable=True),
    Column("priority", Integer, nullable=True),
    Column("title", Text, nullable=True),
    Column("icon", Text, nullable=True),
    Column("color", Text, nullable=True),
    Column("dark_color", Text, nullable=True),
    Column("path", Text, nullable=True),
    Column("args", Text, nullable=True, info={"json": True}),
    sqlite_with_rowid=False,
)
