"""The local CA: creates and renews its root, intermediate and server certificate.

The private keys of root and intermediate are encrypted in the database. ``DIR/tls`` has
the root certificate (``root.pem``), and chain and key of the server (``chain.pem``,
``key.pem``). :func:`ensure` runs in one transaction, at the start and periodically.

A root gets a successor in its last year, or on request. The next root is published for
a month (``next-root.pem``), so that clients can trust both. Then it takes over: the
former root has cross-signed it, the former key is destroyed, and the cross-signed
certificate is in the chain, so clients that trust only the former root still accept the
server.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta
from pathlib import Path

import msgspec
from attrs import define, evolve, frozen
from cryptography import x509
from cryptography.hazmat.primitives import serialization
from typing_extensions import override

from semaphore_twisted.common import atomic_file
from semaphore_twisted.crypto import certificates, pairs
from semaphore_twisted.crypto.certificates import Issued
from semaphore_twisted.crypto.keyring import Keyring
from semaphore_twisted.model.errors import SecretUnreadable
from semaphore_twisted.model.reprs import redacted
from semaphore_twisted.operations.vault import sealed_values
from semaphore_twisted.persistence.engine import Connection

ROOT = "authority root"
INTERMEDIATE = "authority intermediate"
NEXT = "authority next root"
#: the current root's key, certified by the former root
CROSSED = "authority crossed root"
#: the certificate of the former root, which links of invites may still name
FORMER = "authority former root"

#: The file of the next root, in ``DIR/tls``.
NEXT_ROOT = "next-root.pem"
#: The file of the former root, while the chain also leads to it.
FORMER_ROOT = "former-root.pem"

#: Share of its validity period after which a certificate is renewed.
LEAF_DUE, _INTERMEDIATE_DUE, _ROOT_DUE = 2 / 3, 1 / 2, 9 / 10

#: How long a next root is published before it takes over.
OVERLAP = timedelta(days=30)


class AuthorityLost(Exception):
    """The CA's key cannot be decrypted, so the certificate cannot be renewed."""


class _Stored(msgspec.Struct, frozen=True):
    certificate: str
    key: str

    @override
    def __repr__(self) -> str:
        """Show no secrets."""
        return redacted(self)


@frozen
class Certificates:
    """The certificates that the server serves, and the roots that clients trust."""

    chain: Path
    key: Path
    root: Path
    fingerprint: str
    #: own names and addresses that the root's name constraints exclude
    not_covered: tuple[str, ...]
    #: whether chain and key have changed
    renewed: bool
    #: the next root, and when it takes over
    next_root: Path | None = None
    takes_over: datetime | None = None
    #: the former root, to which the chain also leads
    former_root: Path | None = None


@define
class _Authority:
    """The CA's stored keys and certificates, and their renewal."""

    conn: Connection
    keyring: Keyring
    root: Issued | None = None
    intermediate: Issued | None = None
    upcoming: Issued | None = None
    crossed: x509.Certificate | None = None
    former: bytes | None = None

    def load(self) -> None:
        """Decrypt the stored values.

        :raises SecretUnreadable: if a value cannot be decrypted
        """
        self.root, self.intermediate, self.upcoming = (
            _opened(self.conn, self.keyring, name)
            for name in (ROOT, INTERMEDIATE, NEXT)
        )
        secret = sealed_values.opened(self.conn, self.keyring, CROSSED)
        if secret is not None:
            self.crossed = x509.load_pem_x509_certificate(secret.reveal())
        secret = sealed_values.opened(self.conn, self.keyring, FORMER)
        self.former = None if secret is None else secret.reveal()

    def forget(self) -> None:
        """Discard all values, to start a new CA."""
        self.root = self.intermediate = self.upcoming = None
        self.crossed = self.former = None
        for name in (NEXT, CROSSED, FORMER):
            sealed_values.remove(self.conn, name)

    def complete(
        self, names: Sequence[str], addresses: Sequence[str], *, next_root: bool
    ) -> tuple[Issued, Issued]:
        """Create what is missing or due; return root and intermediate.

        :raises AuthorityLost: if the root has expired
        """
        root, now = self.root, self.conn.now
        over = root is not None and now >= root.certificate.not_valid_after_utc
        if over and self.upcoming is None:
            # not replaced automatically: the clock may be wrong
            raise AuthorityLost(
                "the root of the local certificate authority (CA) expired at "
                f"{self._end:%Y-%m-%d}; if the clock is right, make a new one "
                "(semaphore setup --new-authority)"
            )
        if root is None:
            root = self._new_root(names, addresses)
            self._keep(ROOT, root)
            self.intermediate = None
        elif self._wants_next(root, names, addresses, asked=next_root):
            self.upcoming = self._new_root(names, addresses, after=root.certificate)
            self._keep(NEXT, self.upcoming)
        upcoming = self.upcoming
        if upcoming is not None and now >= self.takes_over():
            root = self._replace(root, upcoming)
        intermediate = self.intermediate
        if intermediate is None or (
            certificates.due(intermediate.certificate, now, _INTERMEDIATE_DUE)
        ):
            intermediate = certificates.new_intermediate(
                root, now=now, entropy=self.conn.entropy
            )
            self._keep(INTERMEDIATE, intermediate)
        self.root = root
        return root, intermediate

    @property
    def _end(self) -> datetime | None:
        """The expiry of the current root."""
        return None if self.root is None else self.root.certificate.not_valid_after_utc

    def takes_over(self) -> datetime:
        """Return when the next root takes over: before the current one expires."""
        if self.upcoming is None or self._end is None:
            raise AssertionError("there is no next root")
        return takes_over(self.upcoming.certificate, self._end)

    def _wants_next(
        self,
        root: Issued,
        names: Sequence[str],
        addresses: Sequence[str],
        *,
        asked: bool,
    ) -> bool:
        """Return whether to create a next root; on request also if one lacks a name."""
        if self.upcoming is None:
            return asked or certificates.due(root.certificate, self.conn.now, _ROOT_DUE)
        certificate = self.upcoming.certificate
        return asked and not all(
            certificates.permits(certificate, each) for each in (*names, *addresses)
        )

    def _new_root(
        self,
        names: Sequence[str],
        addresses: Sequence[str],
        after: x509.Certificate | None = None,
    ) -> Issued:
        return certificates.new_root(
            host=names[1] if len(names) > 1 else names[0],
            names=names,
            addresses=addresses,
            now=self.conn.now,
            entropy=self.conn.entropy,
            after=after,
        )

    def _replace(self, former: Issued, root: Issued) -> Issued:
        """Replace the *former* root by *root*; the former key is destroyed."""
        crossed = None
        self.former = former.certificate_pem
        sealed_values.keep(self.conn, self.keyring, FORMER, self.former)
        sealed_values.remove(self.conn, CROSSED)
        if self.conn.now < former.certificate.not_valid_after_utc:
            crossed = certificates.crossed(
                root, former, now=self.conn.now, entropy=self.conn.entropy
            )
            pem = crossed.public_bytes(serialization.Encoding.PEM)
            sealed_values.keep(self.conn, self.keyring, CROSSED, pem)
        self._keep(ROOT, root)
        sealed_values.remove(self.conn, NEXT)
        self.upcoming, self.intermediate, self.crossed = None, None, crossed
        return root

    def _keep(self, name: str, issued: Issued) -> None:
        stored = _Stored(issued.certificate_pem.decode(), issued.key_pem.decode())
        content = msgspec.json.encode(stored)
        sealed_values.keep(self.conn, self.keyring, name, content)


def takes_over(next_root: x509.Certificate, end: datetime) -> datetime:
    """Return when *next_root* replaces the current root, which expires at *end*.

    It is :data:`OVERLAP` after its creation, but at least a day before *end*.
    """
    return min(next_root.not_valid_before_utc + OVERLAP, end - timedelta(days=1))


def ensure(
    conn: Connection,
    keyring: Keyring,
    folder: Path,
    *,
    names: Sequence[str],
    addresses: Sequence[str],
    new_root: bool = False,
    next_root: bool = False,
    new_leaf: bool = False,
) -> Certificates:
    """Create what is missing or due in *folder* for *names* and *addresses*.

    A *new_root* replaces the CA: clients must trust it anew. A *next_root* is
    published, and takes over later. With *new_leaf* the server's certificate counts as
    due.

    :raises AuthorityLost: if a certificate is due and the key cannot be decrypted, or
        the root has expired
    """
    root_path, next_path, former_path, chain_path, key_path = (
        folder / name
        for name in ("root.pem", NEXT_ROOT, FORMER_ROOT, "chain.pem", "key.pem")
    )
    ca = _Authority(conn, keyring)
    try:
        if not new_root:
            ca.load()
    except SecretUnreadable as error:
        present = _as_it_is(conn.now, root_path, chain_path, key_path, error)
        return evolve(
            present,
            next_root=next_path if next_path.exists() else None,
            former_root=former_path if former_path.exists() else None,
        )
    if new_root:
        ca.forget()
    root, intermediate = ca.complete(names, addresses, next_root=next_root)
    _put(root_path, root.certificate_pem)
    upcoming = ca.upcoming
    _put(next_path, None if upcoming is None else upcoming.certificate_pem)
    issuers = [intermediate.certificate]
    former = None
    if ca.crossed is not None and conn.now < ca.crossed.not_valid_after_utc:
        issuers.append(ca.crossed)
        former = ca.former
    _put(former_path, former)
    covered = [
        each
        for each in (*names, *addresses)
        if certificates.permits(root.certificate, each)
    ]
    renewed = new_leaf or not _serves(conn.now, chain_path, key_path, issuers, covered)
    if renewed:
        leaf = certificates.new_leaf(
            intermediate,
            names=[each for each in names if each in covered],
            addresses=[each for each in addresses if each in covered],
            now=conn.now,
            entropy=conn.entropy,
        )
        atomic_file.write(key_path, leaf.key_pem)
        chain = (leaf.certificate, *issuers)
        pem = b"".join(each.public_bytes(serialization.Encoding.PEM) for each in chain)
        atomic_file.write(chain_path, pem, 0o644)
    return Certificates(
        chain=chain_path,
        key=key_path,
        root=root_path,
        fingerprint=certificates.fingerprint(root.certificate),
        not_covered=tuple(each for each in (*names, *addresses) if each not in covered),
        renewed=renewed,
        next_root=None if upcoming is None else next_path,
        takes_over=None if upcoming is None else ca.takes_over(),
        former_root=None if former is None else former_path,
    )


def _put(path: Path, content: bytes | None) -> None:
    """Write *content* to a world-readable file, or delete the file for ``None``."""
    if content is None:
        path.unlink(missing_ok=True)
    elif not path.exists() or path.read_bytes() != content:
        atomic_file.write(path, content, 0o644)


def _opened(conn: Connection, keyring: Keyring, name: str) -> Issued | None:
    secret = sealed_values.opened(conn, keyring, name)
    return None if secret is None else stored(secret.reveal())


def stored(content: bytes) -> Issued:
    """Parse a certificate and key that were stored as *content*.

    :raises ValueError: if *content* cannot be parsed
    """
    found = msgspec.json.decode(content, type=_Stored)
    return Issued.load(found.certificate.encode(), found.key.encode())


def _serves(
    now: datetime,
    chain_path: Path,
    key_path: Path,
    wanted: Sequence[x509.Certificate],
    covered: Sequence[str],
) -> bool:
    """Return whether the stored pair is valid, of this CA, not due, for all names."""
    try:
        chain, key = chain_path.read_bytes(), key_path.read_bytes()
        pairs.check_pair(chain, key, now)
        leaf, *issuers = x509.load_pem_x509_certificates(chain)
    except (OSError, ValueError, pairs.UnusablePair):
        return False
    return (
        issuers == list(wanted)
        and not certificates.due(leaf, now, LEAF_DUE)
        and all(certificates.covers(leaf, each) for each in covered)
    )


def _as_it_is(
    now: datetime,
    root_path: Path,
    chain_path: Path,
    key_path: Path,
    error: SecretUnreadable,
) -> Certificates:
    """Keep the files on disk in use while they are valid."""
    try:
        pairs.check_pair(chain_path.read_bytes(), key_path.read_bytes(), now)
        root = x509.load_pem_x509_certificate(root_path.read_bytes())
    except (OSError, ValueError, pairs.UnusablePair):
        raise AuthorityLost(
            f"the local certificate authority (CA) cannot be used: {error.message}; "
            "restore a backup of the database, or make a new CA (semaphore setup "
            "--new-authority)"
        ) from None
    return Certificates(
        chain=chain_path,
        key=key_path,
        root=root_path,
        fingerprint=certificates.fingerprint(root),
        not_covered=(),
        renewed=False,
    )
