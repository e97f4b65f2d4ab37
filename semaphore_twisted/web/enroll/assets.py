"""The static files of the enrollment pages, read once; their paths are fixed."""

import hashlib
from pathlib import Path

from attrs import field, frozen

_FOLDER = Path(__file__).with_name("static")

_TYPES = {
    ".css": b"text/css; charset=utf-8",
    ".html": b"text/html; charset=utf-8",
    ".js": b"text/javascript; charset=utf-8",
    ".ps1": b"text/plain; charset=utf-8",
    ".sh": b"text/plain; charset=utf-8",
}


@frozen
class Asset:
    """A file and its content type."""

    content: bytes = field(repr=False)
    content_type: bytes

    @property
    def sha256(self) -> str:
        """The digest that a command compares before it runs the file."""
        return hashlib.sha256(self.content).hexdigest()


def _read(name: str) -> Asset:
    path = _FOLDER / name
    return Asset(path.read_bytes(), _TYPES[path.suffix])


#: The pages; the one of the local CA has placeholders.
ENROLL_PAGE = _read("enroll.html")
AUTHORITY_PAGE = _read("ca.html")

JOIN_SH = _read("join.sh")
JOIN_PS1 = _read("join.ps1")

#: The files below ``/enroll/``.
BELOW = {
    "enroll.css": _read("enroll.css"),
    "enroll.js": _read("enroll.js"),
    "join.ps1": JOIN_PS1,
    "join.sh": JOIN_SH,
    "profile.js": _read("profile.js"),
    "qr.js": _read("qr.js"),
}
