"""Checks a certificate chain and its private key before a server uses them."""

from collections.abc import Sequence
from datetime import datetime
from itertools import pairwise

from attrs import frozen
from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509.oid import ExtendedKeyUsageOID

from semaphore_twisted.crypto.certificates import fingerprint
from semaphore_twisted.model.errors import DomainError

_SHORTEST_RSA = 2048
_SHORTEST_EC = 256


#: Exceptions raised when a certificate has an unknown curve or damaged extensions.
_ODD = (
    ValueError,
    UnsupportedAlgorithm,
    x509.UnsupportedGeneralNameType,
    x509.DuplicateExtension,
)


class UnusablePair(DomainError):
    """A certificate and its key cannot be used; the sentence states the reason."""

    sentence = "The certificate cannot be used"


@frozen
class CertificatePair:
    """The properties of a checked certificate; *names* are DNS names and addresses."""

    names: tuple[str, ...]
    not_before: datetime
    not_after: datetime
    fingerprint: str


def check_pair(
    certificate_pem: bytes, key_pem: bytes, now: datetime
) -> CertificatePair:
    """Check that the chain in *certificate_pem* and *key_pem* are usable at *now*.

    The leaf comes first; each following certificate is the issuer of the one before.
    Raises :class:`UnusablePair`.
    """
    chain = _chain(certificate_pem)
    leaf = chain[0]
    try:
        _check_key(leaf, key_pem)
        _check_order(chain)
        for each in chain:
            _check_time(each, now)
        _check_purpose(leaf)
    except _ODD as error:
        raise UnusablePair(
            f"a part of the certificate file cannot be read ({error})"
        ) from None
    return CertificatePair(
        names=names_of(leaf),
        not_before=leaf.not_valid_before_utc,
        not_after=leaf.not_valid_after_utc,
        fingerprint=fingerprint(leaf),
    )


def _chain(certificate_pem: bytes) -> list[x509.Certificate]:
    try:
        return x509.load_pem_x509_certificates(certificate_pem)
    except ValueError:
        hint = " (it holds a private key)" if b"PRIVATE KEY" in certificate_pem else ""
        raise UnusablePair(
            f"the certificate file holds no usable certificate in PEM form{hint}"
        ) from None


def _check_key(leaf: x509.Certificate, key_pem: bytes) -> None:
    try:
        key = serialization.load_pem_private_key(key_pem, None)
    except TypeError:
        raise UnusablePair(
            "the key file is protected by a passphrase, which a server cannot type; "
            "store the key without one, with mode 0600"
        ) from None
    except (ValueError, UnsupportedAlgorithm):
        raise UnusablePair(
            "the key file holds no usable private key in PEM form"
        ) from None
    if isinstance(key, rsa.RSAPrivateKey):
        short = key.key_size < _SHORTEST_RSA
    elif isinstance(key, ec.EllipticCurvePrivateKey):
        short = key.key_size < _SHORTEST_EC
    else:
        raise UnusablePair("the key is neither RSA nor EC, so browsers refuse it")
    if short:
        raise UnusablePair(
            f"the key of {key.key_size} bits is too short; RSA needs {_SHORTEST_RSA}, "
            f"EC {_SHORTEST_EC}"
        )
    if leaf.public_key() != key.public_key():
        raise UnusablePair(
            "the key is not the key of the first certificate in the certificate file; "
            "the server's own certificate comes first, its issuers follow"
        )


def _check_order(chain: Sequence[x509.Certificate]) -> None:
    for place, (child, parent) in enumerate(pairwise(chain), start=1):
        try:
            child.verify_directly_issued_by(parent)
        except (ValueError, TypeError, InvalidSignature):
            raise UnusablePair(
                f"certificate {place + 1} of the chain "
                f"({parent.subject.rfc4514_string()}) is not the issuer of certificate "
                f"{place} ({child.subject.rfc4514_string()})"
            ) from None


def _check_time(certificate: x509.Certificate, now: datetime) -> None:
    subject = certificate.subject.rfc4514_string()
    if now < certificate.not_valid_before_utc:
        raise UnusablePair(
            f"the certificate {subject} is not valid before "
            f"{certificate.not_valid_before_utc.isoformat()}; is the clock right?"
        )
    if now > certificate.not_valid_after_utc:
        raise UnusablePair(
            f"the certificate {subject} expired at "
            f"{certificate.not_valid_after_utc.isoformat()}"
        )


def _check_purpose(leaf: x509.Certificate) -> None:
    for extension in leaf.extensions:
        value = extension.value
        if isinstance(value, x509.ExtendedKeyUsage):
            if not {
                ExtendedKeyUsageOID.SERVER_AUTH,
                ExtendedKeyUsageOID.ANY_EXTENDED_KEY_USAGE,
            }.intersection(value):
                raise UnusablePair("the certificate is not meant for servers")
        elif isinstance(value, x509.TLSFeature) and (
            x509.TLSFeatureType.status_request in value
        ):
            raise UnusablePair(
                "the certificate demands OCSP stapling (must-staple), which is not "
                "supported; have it issued without"
            )
    if not names_of(leaf):
        raise UnusablePair(
            "the certificate names no host: it has no subject alternative name, and "
            "clients look nowhere else"
        )


def names_of(leaf: x509.Certificate) -> tuple[str, ...]:
    """Return the DNS names and addresses in *leaf*'s subject alternative name."""
    try:
        entries = leaf.extensions.get_extension_for_class(
            x509.SubjectAlternativeName
        ).value
    except (x509.ExtensionNotFound, *_ODD):
        return ()
    return (
        *entries.get_values_for_type(x509.DNSName),
        *(str(each) for each in entries.get_values_for_type(x509.IPAddress)),
    )
