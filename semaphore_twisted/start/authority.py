"""The local authority's certificates on the disk, made and renewed as they are due.

The private keys of root and intermediate are sealed in the store; ``DIR/tls`` has the
root's certificate (``root.pem``), and chain and key of the server's own (``chain.pem``,
``key.pem``). :func:`ensure` runs in one transaction, at the start and now and then.
"""

from collections.abc import Sequence
from datetime import datetime
from pathlib import Path

import msgspec
from attrs import frozen
from cryptography import x509

from semaphore_twisted.crypto import certificates, pairs
from semaphore_twisted.crypto.certificates import Issued
from semaphore_twisted.crypto.keyring import Keyring
from semaphore_twisted.model.errors import SecretUnreadable
from semaphore_twisted.operations import sealed_values
from semaphore_twisted.persistence.engine import Connection
from semaphore_twisted.start import state

ROOT = "authority root"
INTERMEDIATE = "authority intermediate"

#: Share of its life after which a certificate is made anew.
LEAF_DUE, _INTERMEDIATE_DUE = 2 / 3, 1 / 2


class AuthorityLost(Exception):
    """The authority's key cannot be opened and the certificate cannot be renewed."""


class _Stored(msgspec.Struct, frozen=True):
    certificate: str
    key: str


@frozen
class Certificates:
    """What the server presents, and what clients are to trust."""

    chain: Path
    key: Path
    root: Path
    fingerprint: str
    #: own names and addresses that the root may not vouch for
    not_covered: tuple[str, ...]
    #: whether the pair is another one than before
    renewed: bool


def ensure(
    conn: Connection,
    keyring: Keyring,
    folder: Path,
    *,
    names: Sequence[str],
    addresses: Sequence[str],
    new_root: bool = False,
    new_leaf: bool = False,
) -> Certificates:
    """Make what is missing or due in *folder* for *names* and *addresses*.

    A *new_root* replaces the authority: clients have to trust it anew. With *new_leaf*
    the server's own certificate counts as due.

    :raises AuthorityLost: if a certificate is due and the key cannot be opened.
    """
    root_path, chain_path, key_path = (
        folder / name for name in ("root.pem", "chain.pem", "key.pem")
    )
    try:
        root = None if new_root else _opened(conn, keyring, ROOT)
        intermediate = None if new_root else _opened(conn, keyring, INTERMEDIATE)
    except SecretUnreadable as error:
        return _as_it_is(conn.now, root_path, chain_path, key_path, error)
    if root is None:
        root = certificates.new_root(
            host=names[1] if len(names) > 1 else names[0],
            names=names,
            addresses=addresses,
            now=conn.now,
            entropy=conn.entropy,
        )
        _keep(conn, keyring, ROOT, root)
        intermediate = None
    if intermediate is None or (
        certificates.due(intermediate.certificate, conn.now, _INTERMEDIATE_DUE)
    ):
        intermediate = certificates.new_intermediate(
            root, now=conn.now, entropy=conn.entropy
        )
        _keep(conn, keyring, INTERMEDIATE, intermediate)
    if not root_path.exists() or root_path.read_bytes() != root.certificate_pem:
        state.write(root_path, root.certificate_pem, 0o644)
    covered = [
        each
        for each in (*names, *addresses)
        if certificates.permits(root.certificate, each)
    ]
    renewed = new_leaf or not _serves(
        conn.now, chain_path, key_path, intermediate, covered
    )
    if renewed:
        leaf = certificates.new_leaf(
            intermediate,
            names=[each for each in names if each in covered],
            addresses=[each for each in addresses if each in covered],
            now=conn.now,
            entropy=conn.entropy,
        )
        state.write(key_path, leaf.key_pem)
        chain = leaf.certificate_pem + intermediate.certificate_pem
        state.write(chain_path, chain, 0o644)
    return Certificates(
        chain=chain_path,
        key=key_path,
        root=root_path,
        fingerprint=certificates.fingerprint(root.certificate),
        not_covered=tuple(each for each in (*names, *addresses) if each not in covered),
        renewed=renewed,
    )


def _opened(conn: Connection, keyring: Keyring, name: str) -> Issued | None:
    secret = sealed_values.opened(conn, keyring, name)
    if secret is None:
        return None
    stored = msgspec.json.decode(secret.reveal(), type=_Stored)
    return Issued.load(stored.certificate.encode(), stored.key.encode())


def _keep(conn: Connection, keyring: Keyring, name: str, issued: Issued) -> None:
    stored = _Stored(issued.certificate_pem.decode(), issued.key_pem.decode())
    sealed_values.keep(conn, keyring, name, msgspec.json.encode(stored))


def _serves(
    now: datetime,
    chain_path: Path,
    key_path: Path,
    intermediate: Issued,
    covered: Sequence[str],
) -> bool:
    """Whether the pair on the disk is whole, ours, not due, and for every name."""
    try:
        chain, key = chain_path.read_bytes(), key_path.read_bytes()
        pairs.check_pair(chain, key, now)
        leaf, *issuers = x509.load_pem_x509_certificates(chain)
    except (OSError, ValueError, pairs.UnusablePair):
        return False
    return (
        issuers == [intermediate.certificate]
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
    """Go on with what is on the disk for as long as it is valid."""
    try:
        pairs.check_pair(chain_path.read_bytes(), key_path.read_bytes(), now)
        root = x509.load_pem_x509_certificate(root_path.read_bytes())
    except (OSError, ValueError, pairs.UnusablePair):
        raise AuthorityLost(
            f"the local authority cannot be used: {error.message}; bring a backup of "
            "the database back, or make a new one (semaphore setup --new-authority)"
        ) from None
    return Certificates(
        chain=chain_path,
        key=key_path,
        root=root_path,
        fingerprint=certificates.fingerprint(root),
        not_covered=(),
        renewed=False,
    )
