"""Client certificates (mutual TLS) as users paste them, converted to one form.

The input is PEM: the certificate, then its issuers, and the private key in any form
that OpenSSL supports, encrypted or not. The output is the same chain, and the key as
PKCS#8 without encryption, as git needs it.
"""

from datetime import datetime

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.types import PrivateKeyTypes
from cryptography.x509.oid import ExtendedKeyUsageOID

from semaphore_twisted.model.errors import Invalid
from semaphore_twisted.model.keys import ClientCertificate

#: Maximum number of characters of each text.
_LONGEST = 64 * 1024

_PURPOSES = frozenset(
    {ExtendedKeyUsageOID.CLIENT_AUTH, ExtendedKeyUsageOID.ANY_EXTENDED_KEY_USAGE}
)


def normalise(certificate: str, private_key: str, passphrase: str) -> ClientCertificate:
    """Return the certificate chain and key in the form that is stored.

    :raises Invalid: with the reason; the sentence never repeats the input
    """
    if max(len(certificate), len(private_key)) > _LONGEST:
        raise Invalid(f"the certificate or its key is over {_LONGEST} characters")
    chain = _chain(certificate)
    key = _key(private_key, passphrase)
    try:
        fits = chain[0].public_key() == key.public_key()
        for_clients = _is_for_clients(chain[0])
    except (ValueError, UnsupportedAlgorithm):
        raise Invalid("the certificate has a key or an extension not known") from None
    if not fits:
        raise Invalid(
            "the private key does not belong to the first certificate; its certificate "
            "comes first, the issuers follow"
        )
    if not for_clients:
        raise Invalid("the certificate is not meant for clients (extended key usage)")
    pem = serialization.Encoding.PEM
    return ClientCertificate(
        certificate=b"".join(each.public_bytes(pem) for each in chain).decode(),
        private_key=key.private_bytes(
            pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        ).decode(),
    )


def check_time(found: ClientCertificate, now: datetime) -> None:
    """Refuse a certificate that has expired.

    :raises Invalid:
    """
    leaf = x509.load_pem_x509_certificate(found.certificate.encode())
    if now >= leaf.not_valid_after_utc:
        raise Invalid(
            f"the certificate expired at {leaf.not_valid_after_utc:%Y-%m-%d}; expected "
            "a newer one"
        )


def _chain(text: str) -> list[x509.Certificate]:
    try:
        return x509.load_pem_x509_certificates(text.strip().encode())
    except ValueError:
        hint = ": it is a private key" if "PRIVATE KEY" in text else ""
        raise Invalid(f"the certificate can not be read as PEM{hint}") from None


def _key(text: str, passphrase: str) -> PrivateKeyTypes:
    secret = passphrase.encode() if passphrase else None
    try:
        return serialization.load_pem_private_key(text.strip().encode(), secret)
    except TypeError:
        if passphrase:  # a passphrase was given for a key that is not encrypted
            return _key(text, "")
        raise Invalid("the private key needs its passphrase") from None
    except (ValueError, UnsupportedAlgorithm):
        if passphrase:
            raise Invalid(
                "the private key can not be read as PEM, or the passphrase is wrong"
            ) from None
        raise Invalid("the private key can not be read as PEM") from None


def _is_for_clients(leaf: x509.Certificate) -> bool:
    try:
        usage = leaf.extensions.get_extension_for_class(x509.ExtendedKeyUsage).value
    except x509.ExtensionNotFound:
        return True
    return bool(_PURPOSES.intersection(usage))
