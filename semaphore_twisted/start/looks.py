"""What the server saw at its last look at the certificate: for the command line.

The file ``DIR/tls/served.json`` is written at each look that somebody asked for, and
at each that found something new.
"""

from datetime import datetime
from pathlib import Path

import msgspec

from semaphore_twisted.start import state

_NAME = "served.json"


class Look(msgspec.Struct, frozen=True, kw_only=True):
    """One look: when, the SHA-256 of the certificate that is presented since.

    *why* says why there is no newer one although there should be, *failing_since*
    since when.
    """

    looked: datetime
    sha256: str
    why: str = ""
    failing_since: datetime | None = None


def keep(folder: Path, look: Look) -> None:
    """Remember *look* in *folder*."""
    state.write(folder / _NAME, msgspec.json.encode(look))


def last(folder: Path) -> Look | None:
    """Return the last look, ``None`` where there was none or it cannot be read."""
    try:
        return msgspec.json.decode((folder / _NAME).read_bytes(), type=Look)
    except (OSError, msgspec.DecodeError):
        return None
