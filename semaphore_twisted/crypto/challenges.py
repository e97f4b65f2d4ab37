"""Data that the ACME client sends to a CA: challenge responses and requests."""

import hashlib
from collections.abc import Sequence
from datetime import datetime, timedelta

from attrs import frozen
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID

from semaphore_twisted.crypto.certificates import Issued
from semaphore_twisted.crypto.jws import b64
from semaphore_twisted.crypto.pairs import CertificatePair, UnusablePair, check_pair

#: id-pe-acmeIdentifier (RFC 8737, section 6.1).
ACME_IDENTIFIER = x509.ObjectIdentifier("1.3.6.1.5.5.7.1.31")

_DAY = timedelta(days=1)


def key_authorization(token: str, thumbprint: str) -> str:
    """Return the key authorization of *token* (RFC 8555, section 8.1)."""
    return f"{token}.{thumbprint}"


def alpn_certificate(name: str, authorization: str, now: datetime) -> Issued:
    """Make the certificate that answers a TLS-ALPN challenge (RFC 8737, section 3).

    It contains only *name* and the digest of *authorization*, and is self-signed, so it
    is useless for other purposes.
    """
    key = ec.generate_private_key(ec.SECP256R1())
    title = x509.Name([])
    digest = hashlib.sha256(authorization.encode()).digest()
    made = (
        x509.CertificateBuilder()
        .subject_name(title)
        .issuer_name(title)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - _DAY)
        .not_valid_after(now + _DAY)
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(name)]), critical=True)
        .add_extension(
            # an OCTET STRING of 32 bytes in DER
            x509.UnrecognizedExtension(ACME_IDENTIFIER, b"\x04\x20" + digest),
            critical=True,
        )
        .sign(key, hashes.SHA256())
    )
    return Issued(made, key)


@frozen(repr=False)
class CertificateRequest:
    """A new private key and the certificate signing request for it."""

    key_pem: bytes
    request: bytes

    @classmethod
    def make(cls, names: Sequence[str]) -> "CertificateRequest":
        """Generate a key and make a request for *names*."""
        key = ec.generate_private_key(ec.SECP256R1())
        pem = key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
        return cls.of(pem, names)

    @classmethod
    def of(cls, key_pem: bytes, names: Sequence[str]) -> "CertificateRequest":
        """Make a request for *names* with an existing key.

        Raises :class:`ValueError`.
        """
        key = serialization.load_pem_private_key(key_pem, None)
        if not isinstance(key, ec.EllipticCurvePrivateKey):
            raise ValueError("an EC key is wanted")  # noqa: TRY004 - of what was read
        entries = x509.SubjectAlternativeName([x509.DNSName(each) for each in names])
        made = (
            x509.CertificateSigningRequestBuilder()
            .subject_name(x509.Name([]))
            .add_extension(entries, critical=False)
            .sign(key, hashes.SHA256())
        )
        return cls(key_pem, made.public_bytes(serialization.Encoding.DER))


def check_issued(
    chain_pem: bytes, key_pem: bytes, names: Sequence[str], now: datetime
) -> CertificatePair:
    """Check that an issued chain is for *names* and usable by a server.

    Raises :class:`UnusablePair`.
    """
    pair = check_pair(chain_pem, key_pem, now)
    if {each.lower() for each in pair.names} != set(names):
        raise UnusablePair(
            f"the certificate is for {', '.join(pair.names)}, not for "
            f"{', '.join(names)}"
        )
    leaf, *issuers = x509.load_pem_x509_certificates(chain_pem)
    if not issuers and leaf.issuer != leaf.subject:
        raise UnusablePair("the chain lacks the issuer's certificate")
    for extension in leaf.extensions:
        value = extension.value
        if isinstance(value, x509.ExtendedKeyUsage) and (
            ExtendedKeyUsageOID.SERVER_AUTH not in value
        ):
            raise UnusablePair("the certificate is not meant for servers")
        if isinstance(value, x509.BasicConstraints) and value.ca:
            raise UnusablePair("the certificate is a CA's, not a server's")
    return pair


def renewal_id(leaf: x509.Certificate) -> str | None:
    """Return the identifier for renewal queries about *leaf* (RFC 9773).

    Return ``None`` if the certificate does not identify its issuer's key.
    """
    try:
        found = leaf.extensions.get_extension_for_class(x509.AuthorityKeyIdentifier)
    except x509.ExtensionNotFound:
        return None
    issuer = found.value.key_identifier
    if issuer is None:
        return None
    serial = leaf.serial_number
    # DER adds a leading zero byte if the highest bit is set
    number = serial.to_bytes(serial.bit_length() // 8 + 1, "big")
    return f"{b64(issuer)}.{b64(number)}"
