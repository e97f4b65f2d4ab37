"""The certificate on the disk: chain and key in one file, the last three kept.

One file, so that no crash leaves a chain beside another one's key; 0600, since the
key is in it. ``acme-next.key`` is the key of the certificate that is being ordered.
"""

from collections.abc import Callable, Sequence
from datetime import datetime
from itertools import pairwise
from pathlib import Path

from attrs import frozen
from cryptography import x509

from semaphore_twisted.crypto.challenges import Wanted
from semaphore_twisted.crypto.pairs import UnusablePair, check_pair

#: The newest certificate first.
FILES = ("acme.pem", "acme.1.pem", "acme.2.pem")

NEXT_KEY = "acme-next.key"

_BEGIN = b"-----BEGIN CERTIFICATE-----"

#: Puts a content at a path in one step, 0600.
Write = Callable[[Path, bytes], None]


@frozen(repr=False)
class Held:
    """A certificate that can serve."""

    chain: bytes
    key: bytes
    leaf: x509.Certificate
    names: tuple[str, ...]

    @property
    def ends(self) -> datetime:
        """When its first certificate ends: the leaf's, or an issuer's before."""
        chain = x509.load_pem_x509_certificates(self.chain)
        return min(each.not_valid_after_utc for each in chain)


@frozen
class Folder:
    """The files in *path*."""

    path: Path
    _write: Write

    def held(self, now: datetime) -> Held | None:
        """Return the newest certificate that can serve at *now*, if there is one."""
        for name in FILES:
            try:
                content = (self.path / name).read_bytes()
                return held(content, now)
            except (OSError, UnusablePair, ValueError):
                continue
        return None

    def keep(self, chain: bytes, key: bytes) -> None:
        """Make *chain* and *key* the newest; the key is nobody's next one any more."""
        for newer, older in reversed([*pairwise(FILES)]):
            if (self.path / newer).exists():
                (self.path / older).unlink(missing_ok=True)
                (self.path / older).hardlink_to(self.path / newer)
        self._write(self.path / FILES[0], key.rstrip() + b"\n" + chain)
        (self.path / NEXT_KEY).unlink(missing_ok=True)

    def wanted(self, names: Sequence[str]) -> Wanted:
        """Return the next certificate's key; it is on the disk before it is used."""
        path = self.path / NEXT_KEY
        try:
            return Wanted.of(path.read_bytes(), names)
        except (OSError, ValueError):
            made = Wanted.make(names)
        self._write(path, made.key_pem)
        return made


def held(content: bytes, now: datetime) -> Held:
    """Read a file's *content* and check that it can serve at *now*.

    :raises UnusablePair:
    """
    key, begin, rest = content.partition(_BEGIN)
    chain = begin + rest
    pair = check_pair(chain, key, now)
    leaf = x509.load_pem_x509_certificate(chain)
    return Held(chain, key, leaf, tuple(each.lower() for each in pair.names))
