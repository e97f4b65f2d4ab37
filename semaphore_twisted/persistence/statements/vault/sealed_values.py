"""Statements about encrypted values of the installation."""

import msgspec
from sqlalchemy import bindparam, select

from semaphore_twisted.persistence.schema import sealed_value as _sealed_value


class SealedValue(msgspec.Struct, frozen=True):
    """A row with a sealed value."""

    uuid: str
    secret: str


BY_NAME = select(_sealed_value.c.uuid, _sealed_value.c.secret).where(
    _sealed_value.c.name == bindparam("name")
)
