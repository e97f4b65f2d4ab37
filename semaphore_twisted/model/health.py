"""The state of the installation, as findings for its administrators."""

from collections.abc import Mapping
from enum import StrEnum

import msgspec


class HealthLevel(StrEnum):
    """The weight of a finding: nothing to do, soon something, now something."""

    OK = "ok"
    WARNING = "warning"
    ERROR = "error"


class HealthFinding(msgspec.Struct, frozen=True, kw_only=True):
    """The result of one check, without secrets.

    *value* is the one figure of the finding, if it has one, and *unit* its unit, such
    as ``seconds`` or ``bytes``.

    *code* names the *sentence* among those of its *subject*, and *facts* are the parts
    of it that differ, for clients that write it in another language: counts, bytes,
    times in ISO 8601, and names. A sentence without a code has no such words.
    """

    subject: str
    level: HealthLevel
    sentence: str
    value: float | None = None
    unit: str = ""
    code: str = ""
    facts: Mapping[str, str | int] = {}


def mebibytes(count: float) -> str:
    """Return a number of bytes for a sentence."""
    size = count / 2**20
    return f"{size:.1f} MiB" if size < 1024 else f"{size / 1024:.1f} GiB"
