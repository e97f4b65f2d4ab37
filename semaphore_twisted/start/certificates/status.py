"""Result of the last certificate check, for the command line.

The file ``DIR/tls/served.json`` is written after each requested check, and after each
check with a new result.
"""

from datetime import datetime
from pathlib import Path

import msgspec

from semaphore_twisted.common import atomic_file

_NAME = "served.json"


class CertificateStatus(msgspec.Struct, frozen=True, kw_only=True):
    """One check: its time, and the SHA-256 of the certificate that is served since.

    If there should be a newer certificate, *why* states why there is none, and
    *failing_since* since when.
    """

    checked: datetime = msgspec.field(name="looked")
    sha256: str
    why: str = ""
    failing_since: datetime | None = None


def keep(folder: Path, check: CertificateStatus) -> None:
    """Write *check* to *folder*."""
    atomic_file.write(folder / _NAME, msgspec.json.encode(check))


def last(folder: Path) -> CertificateStatus | None:
    """Return the last result, ``None`` if there is none or it cannot be read."""
    try:
        return msgspec.json.decode(
            (folder / _NAME).read_bytes(), type=CertificateStatus
        )
    except (OSError, msgspec.DecodeError):
        return None
