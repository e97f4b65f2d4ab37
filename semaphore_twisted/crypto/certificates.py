"""The local certificate authority (CA), and checks of certificates and their names.

The root (10 years) signs intermediates (1 year), which sign leaves (90 days). A
certificate never outlives its issuer, and is valid from one hour before it was issued,
for clients whose clocks are slow. The root's critical name constraints (RFC 5280,
section 4.2.1.10) limit the whole CA to the names and addresses it was made for, and its
extended key usage limits it to servers. So a client that trusts the root does not trust
it for other sites.

The library generates the private keys; serial numbers and times are arguments.
"""

import ipaddress
from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Final, TypeVar

import idna
from attrs import frozen
from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

T = TypeVar("T")

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
_Network = ipaddress.IPv4Network | ipaddress.IPv6Network

ROOT_LIFETIME: Final = timedelta(days=3650)
INTERMEDIATE_LIFETIME: Final = timedelta(days=365)
LEAF_LIFETIME: Final = timedelta(days=90)

_EARLY = timedelta(hours=1)

#: Longest common name (RFC 5280, appendix A.1).
_LONGEST_NAME = 64

_ALWAYS_NAMES = ("localhost", "internal")
_ALWAYS_NETWORKS = tuple(
    ipaddress.ip_network(each)
    for each in (
        "127.0.0.0/8",
        "10.0.0.0/8",
        "172.16.0.0/12",
        "192.168.0.0/16",
        "::1/128",
        "fc00::/7",
    )
)


@frozen(repr=False)
class Issued:
    """A certificate with its private key."""

    certificate: x509.Certificate
    key: ec.EllipticCurvePrivateKey

    @property
    def certificate_pem(self) -> bytes:
        """The certificate, PEM."""
        return self.certificate.public_bytes(serialization.Encoding.PEM)

    @property
    def key_pem(self) -> bytes:
        """The private key, PKCS#8 PEM, not encrypted."""
        return self.key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )

    @classmethod
    def load(cls, certificate_pem: bytes, key_pem: bytes) -> "Issued":
        """Read the PEM texts that :attr:`certificate_pem` and :attr:`key_pem` returned.

        Raises :class:`ValueError`.
        """
        key = serialization.load_pem_private_key(key_pem, None)
        if not isinstance(key, ec.EllipticCurvePrivateKey):
            raise ValueError("an EC key is wanted")  # noqa: TRY004 - of what was read
        certificate = x509.load_pem_x509_certificate(certificate_pem)
        if certificate.public_key() != key.public_key():
            raise ValueError("the key is not the certificate's")
        return cls(certificate, key)


def dns_name(text: str) -> str | None:
    """Return *text* in the form used in certificates; ``None`` if it is no DNS name."""
    plain = text.strip().rstrip(".").lower()
    if not plain:
        return None
    if not plain.isascii():
        try:
            plain = idna.encode(plain, uts46=True).decode("ascii")
        except idna.IDNAError:
            return None
    allowed = set("abcdefghijklmnopqrstuvwxyz0123456789-_.")
    labels = plain.split(".")
    if len(plain) > 253 or not set(plain) <= allowed:
        return None
    if any(not 1 <= len(label) <= 63 for label in labels):
        return None
    return plain


def address(text: str) -> Address:
    """Return the address in *text*, without the zone of a link-local one.

    Raises :class:`ValueError`.
    """
    return ipaddress.ip_address(text.partition("%")[0])


def new_root(
    *,
    host: str,
    names: Iterable[str],
    addresses: Iterable[str],
    now: datetime,
    entropy: Callable[[int], bytes],
    after: x509.Certificate | None = None,
) -> Issued:
    """Make a root for *host*, constrained to *names* and *addresses*.

    The name ``localhost``, names below ``.internal``, and loopback, RFC 1918 and
    fc00::/7 addresses are always permitted. A root that succeeds another one (*after*)
    has the same subject (see :func:`crossed`).
    """
    key = ec.generate_private_key(ec.SECP256R1())
    mark = entropy(4).hex()
    name = _name(f"Semaphore {host}", f" root {mark}")
    if after is not None:
        name = after.subject
    builder = _certificate(
        subject=name,
        issuer=name,
        public_key=key.public_key(),
        start=now,
        end=now + ROOT_LIFETIME,
        entropy=entropy,
    )
    builder = _as_authority(builder, path_length=2).add_extension(
        _constraints(names, addresses), critical=True
    )
    return Issued(builder.sign(key, hashes.SHA256()), key)


def crossed(
    root: Issued, former: Issued, *, now: datetime, entropy: Callable[[int], bytes]
) -> x509.Certificate:
    """Sign the key of *root* with *former*, for clients that trust only *former*.

    Both roots have the same subject, so this is a self-issued certificate as RFC 5280,
    section 3.2, describes for a change of keys. Such certificates do not count for the
    path length; GnuTLS counts them, so a root permits two CAs below it instead of one.
    """
    subject = root.certificate.subject
    if subject != former.certificate.subject:
        raise ValueError("a root has the subject of the one before it")
    builder = _certificate(
        subject=subject,
        issuer=subject,
        public_key=root.key.public_key(),
        start=now,
        end=_capped(root.certificate.not_valid_after_utc, former),
        entropy=entropy,
    )
    constraints = root.certificate.extensions.get_extension_for_class(
        x509.NameConstraints
    )
    builder = _issued_by(_as_authority(builder, path_length=1), former)
    builder = builder.add_extension(constraints.value, critical=True)
    return builder.sign(former.key, hashes.SHA256())


def new_intermediate(
    root: Issued, *, now: datetime, entropy: Callable[[int], bytes]
) -> Issued:
    """Make an intermediate CA, valid one year; the root's key is then unused."""
    key = ec.generate_private_key(ec.SECP256R1())
    mark = entropy(4).hex()
    builder = _certificate(
        subject=_name("Semaphore", f" intermediate {mark}"),
        issuer=root.certificate.subject,
        public_key=key.public_key(),
        start=now,
        end=_capped(now + INTERMEDIATE_LIFETIME, root),
        entropy=entropy,
    )
    builder = _issued_by(_as_authority(builder, path_length=0), root)
    return Issued(builder.sign(root.key, hashes.SHA256()), key)


def new_leaf(
    issuer: Issued,
    *,
    names: Sequence[str],
    addresses: Sequence[str],
    now: datetime,
    entropy: Callable[[int], bytes],
) -> Issued:
    """Make a server certificate for *names* and *addresses*, with a new key.

    Raises :class:`ValueError` if neither contains an entry for a certificate.
    """
    key = ec.generate_private_key(ec.SECP256R1())
    wanted = _unique(filter(None, map(dns_name, names)))
    numbers = _unique(map(address, addresses))
    entries: list[x509.GeneralName] = [
        *(x509.DNSName(each) for each in wanted),
        *(x509.IPAddress(each) for each in numbers),
    ]
    if not entries:
        raise ValueError("a name or an address is needed")
    title = next((each for each in wanted if len(each) <= _LONGEST_NAME), "")
    builder = (
        _certificate(
            subject=_name(title or "Semaphore", ""),
            issuer=issuer.certificate.subject,
            public_key=key.public_key(),
            start=now,
            end=_capped(now + LEAF_LIFETIME, issuer),
            entropy=entropy,
        )
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(_usage(signs_certificates=False), critical=True)
        .add_extension(
            x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False
        )
        .add_extension(x509.SubjectAlternativeName(entries), critical=False)
    )
    builder = _issued_by(builder, issuer)
    return Issued(builder.sign(issuer.key, hashes.SHA256()), key)


def is_bounded(root: x509.Certificate) -> bool:
    """Return whether *root* is a self-signed CA with critical name constraints.

    Both DNS names and IP addresses must be constrained (RFC 5280, section 4.2.1).
    """
    try:
        root.verify_directly_issued_by(root)
        find = root.extensions.get_extension_for_class
        authority = find(x509.BasicConstraints).value.ca
        limits = find(x509.NameConstraints)
    except (ValueError, TypeError, InvalidSignature, x509.ExtensionNotFound):
        return False
    subtrees = limits.value.permitted_subtrees or ()
    kinds = {type(each) for each in subtrees}
    return authority and limits.critical and kinds == {x509.DNSName, x509.IPAddress}


def fingerprint(certificate: x509.Certificate) -> str:
    """Return the SHA-256 of *certificate*: pairs of hex digits with colons."""
    return certificate.fingerprint(hashes.SHA256()).hex(":").upper()


def covers(certificate: x509.Certificate, name: str) -> bool:
    """Return whether the leaf *certificate* covers *name*, a DNS name or an address."""
    try:
        entries = certificate.extensions.get_extension_for_class(
            x509.SubjectAlternativeName
        ).value
    except x509.ExtensionNotFound:
        return False
    try:
        return address(name) in entries.get_values_for_type(x509.IPAddress)
    except ValueError:
        plain = dns_name(name)
    names = [each.lower() for each in entries.get_values_for_type(x509.DNSName)]
    if plain is None:
        return False
    return plain in names or f"*.{plain.partition('.')[2]}" in names


def permits(root: x509.Certificate, name: str) -> bool:
    """Return whether the name constraints of *root* permit *name*.

    If not, a new root is needed.
    """
    try:
        constraints = root.extensions.get_extension_for_class(x509.NameConstraints)
    except x509.ExtensionNotFound:
        return True
    permitted = constraints.value.permitted_subtrees or ()
    try:
        parsed = address(name)
    except ValueError:
        plain = dns_name(name)
        return plain is not None and any(
            plain == each.value or plain.endswith(f".{each.value}")
            for each in permitted
            if isinstance(each, x509.DNSName)
        )
    return any(
        parsed in each.value
        for each in permitted
        if isinstance(each, x509.IPAddress)
        and isinstance(each.value, ipaddress.IPv4Network | ipaddress.IPv6Network)
    )


def due(certificate: x509.Certificate, now: datetime, share: float) -> bool:
    """Return whether *share* of the lifetime of *certificate* has passed.

    The certificate should then be renewed.
    """
    start, end = certificate.not_valid_before_utc, certificate.not_valid_after_utc
    return now >= start + (end - start) * share


def _constraints(
    names: Iterable[str], addresses: Iterable[str]
) -> x509.NameConstraints:
    permitted: list[x509.GeneralName] = [
        x509.DNSName(each)
        for each in _unique([*_ALWAYS_NAMES, *filter(None, map(dns_name, names))])
    ]
    networks: list[_Network] = list(_ALWAYS_NETWORKS)
    for each in _unique(map(address, addresses)):
        if not any(each in network for network in networks):
            networks.append(ipaddress.ip_network(each))
    permitted += [x509.IPAddress(each) for each in networks]
    return x509.NameConstraints(permitted_subtrees=permitted, excluded_subtrees=None)


def _certificate(
    *,
    subject: x509.Name,
    issuer: x509.Name,
    public_key: ec.EllipticCurvePublicKey,
    start: datetime,
    end: datetime,
    entropy: Callable[[int], bytes],
) -> x509.CertificateBuilder:
    #: 127 random bits after a leading 1: positive, of constant length
    serial = int.from_bytes(entropy(16), "big") >> 1 | 1 << 126
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(public_key)
        .serial_number(serial)
        .not_valid_before(start.astimezone(UTC).replace(microsecond=0) - _EARLY)
        .not_valid_after(end.astimezone(UTC).replace(microsecond=0))
        .add_extension(
            x509.SubjectKeyIdentifier.from_public_key(public_key), critical=False
        )
    )


def _as_authority(
    builder: x509.CertificateBuilder, *, path_length: int
) -> x509.CertificateBuilder:
    builder = builder.add_extension(
        x509.BasicConstraints(ca=True, path_length=path_length), critical=True
    ).add_extension(_usage(signs_certificates=True), critical=True)
    # name constraints do not cover e-mail or code signing: restrict the CA to servers
    return builder.add_extension(
        x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False
    )


def _issued_by(
    builder: x509.CertificateBuilder, issuer: Issued
) -> x509.CertificateBuilder:
    identifier = issuer.certificate.extensions.get_extension_for_class(
        x509.SubjectKeyIdentifier
    ).value
    return builder.add_extension(
        x509.AuthorityKeyIdentifier.from_issuer_subject_key_identifier(identifier),
        critical=False,
    )


def _usage(*, signs_certificates: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=not signs_certificates,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=signs_certificates,
        crl_sign=signs_certificates,
        encipher_only=False,
        decipher_only=False,
    )


def _capped(end: datetime, issuer: Issued) -> datetime:
    return min(end, issuer.certificate.not_valid_after_utc)


def _name(text: str, ending: str) -> x509.Name:
    common = text[: _LONGEST_NAME - len(ending)] + ending
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common)])


def _unique(values: Iterable[T]) -> list[T]:
    return list(dict.fromkeys(values))
