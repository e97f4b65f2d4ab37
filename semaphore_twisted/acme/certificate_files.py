"""The certificate files: chain and key in one file, the last three versions kept.

Chain and key share a file so that a crash cannot leave a chain with the wrong key. The
file has mode 0600 because it contains the key. ``acme-next.key`` is the key of the
certificate that is being ordered.
"""

from collections.abc import Callable, Sequence
from datetime import datetime
from itertools import pairwise
from pathlib import Path

from attrs import frozen
from cryptography import x509

from semaphore_twisted.crypto.challenges import CertificateRequest
from semaphore_twisted.crypto.pairs import UnusablePair, check_pair

#: Names of the certificate files, newest first.
FILES = ("acme.pem", "acme.1.pem", "acme.2.pem")

NEXT_KEY = "acme-next.key"

_BEGIN = b"-----BEGIN CERTIFICATE-----"

#: Replaces the file at a path atomically, with mode 0600.
Write = Callable[[Path, bytes], object]


@frozen(repr=False)
class StoredCertificate:
    """A stored certificate that is valid and matches its key."""

    chain: bytes
    key: bytes
    leaf: x509.Certificate
    names: tuple[str, ...]

    @property
    def ends(self) -> datetime:
        """The earliest expiry in the chain, intermediate certificates included."""
        chain = x509.load_pem_x509_certificates(self.chain)
        return min(each.not_valid_after_utc for each in chain)


@frozen
class CertificateFiles:
    """The certificate files in the directory *path*."""

    path: Path
    _write: Write

    def newest(self, now: datetime) -> StoredCertificate | None:
        """Return the newest certificate that is valid at *now*, ``None`` if none is."""
        for name in FILES:
            try:
                content = (self.path / name).read_bytes()
                return parse(content, now)
            except (OSError, UnusablePair, ValueError):
                continue
        return None

    def keep(self, chain: bytes, key: bytes) -> None:
        """Store *chain* and *key* as the newest, and delete the pending key file."""
        for newer, older in reversed([*pairwise(FILES)]):
            if (self.path / newer).exists():
                (self.path / older).unlink(missing_ok=True)
                (self.path / older).hardlink_to(self.path / newer)
        self._write(self.path / FILES[0], key.rstrip() + b"\n" + chain)
        (self.path / NEXT_KEY).unlink(missing_ok=True)

    def wanted(self, names: Sequence[str]) -> CertificateRequest:
        """Return the pending key.

        A new one is written to disk before it is returned.
        """
        path = self.path / NEXT_KEY
        try:
            return CertificateRequest.of(path.read_bytes(), names)
        except (OSError, ValueError):
            certificate_request = CertificateRequest.make(names)
        self._write(path, certificate_request.key_pem)
        return certificate_request


def parse(content: bytes, now: datetime) -> StoredCertificate:
    """Parse the *content* of a certificate file and check that it is valid at *now*.

    :raises UnusablePair: if chain and key cannot be used
    """
    key, begin, rest = content.partition(_BEGIN)
    chain = begin + rest
    pair = check_pair(chain, key, now)
    leaf = x509.load_pem_x509_certificate(chain)
    return StoredCertificate(
        chain, key, leaf, tuple(each.lower() for each in pair.names)
    )
