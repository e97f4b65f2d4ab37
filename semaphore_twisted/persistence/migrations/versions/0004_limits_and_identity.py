"""Case-folded forms of login names and addresses; the originals stay unchanged."""

import unicodedata
from collections.abc import Iterable

from alembic import op
from sqlalchemy import Column, Connection, Text, text

revision = "0004"
down_revision = "0003"

_LAST = text("SELECT seq FROM sqlite_sequence WHERE name = 'user'")
_FORGET = text("DELETE FROM sqlite_sequence WHERE name = 'user'")
_KEEP = text("INSERT INTO sqlite_sequence VALUES ('user', :last)")

_FIELDS = ("username", "email")


def upgrade() -> None:
    """Add the columns for folded forms, with unique indexes."""
    _add_folded(op.get_bind())


def _add_folded(bind: Connection) -> None:
    # the copy must not give numbers of deleted accounts again
    last = bind.scalar(_LAST)
    with op.batch_alter_table(
        "user", recreate="always", table_kwargs={"sqlite_autoincrement": True}
    ) as batch:
        for field in _FIELDS:
            batch.add_column(
                Column(f"{field}_folded", Text, nullable=False, server_default="")
            )
    if last is not None:
        op.execute(_FORGET)
        op.execute(_KEEP.bindparams(last=last))
    for field in _FIELDS:
        rows = bind.execute(text(f"SELECT id, {field} FROM user ORDER BY id"))  # noqa: S608
        change = text(f"UPDATE user SET {field}_folded = :folded WHERE id = :id")  # noqa: S608
        for number, folded in _folded([(row[0], row[1]) for row in rows]):
            bind.execute(change, {"id": number, "folded": folded})
        op.create_index(
            f"ux_user_{field}_folded", "user", [f"{field}_folded"], unique=True
        )


def _folded(rows: Iterable[tuple[int, str]]) -> list[tuple[int, str]]:
    """Return the folded form of each name.

    If names differ only in case, one of them gets the folded form, and the remaining
    ones keep their spelling, so that each owner can still log in.
    """
    found, taken = [], set()
    # a name that is folded already comes first: it cannot be told from its form
    for number, name in sorted(rows, key=lambda row: (row[1] != _fold(row[1]), row[0])):
        folded = _fold(name)
        if folded in taken:
            folded = name
        taken.add(folded)
        found.append((number, folded))
    return found


def _fold(name: str) -> str:
    return unicodedata.normalize("NFKC", name.strip()).casefold()
