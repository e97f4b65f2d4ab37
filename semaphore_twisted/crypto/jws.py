"""Signed requests to an ACME CA (RFC 7515 as restricted by RFC 8555).

The account key is on the curve P-256 and signs with ES256, which every CA supports
(RFC 8555, section 6.2, and RFC 7518, section 3.4).
"""

import base64
import hashlib
import hmac
from collections.abc import Callable, Mapping

import msgspec
from attrs import frozen
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature

_BYTES = 32


def b64(content: bytes) -> str:
    """Return *content* in base64url without padding (RFC 7515, section 2)."""
    return base64.urlsafe_b64encode(content).rstrip(b"=").decode()


@frozen(repr=False, eq=False)
class AccountKey:
    """The private key of an ACME account."""

    _key: ec.EllipticCurvePrivateKey

    @classmethod
    def make(cls) -> "AccountKey":
        """Generate a new key."""
        return cls(ec.generate_private_key(ec.SECP256R1()))

    @classmethod
    def load(cls, pem: bytes) -> "AccountKey":
        """Read the PEM text that :attr:`pem` returned.

        Raises :class:`ValueError`.
        """
        key = serialization.load_pem_private_key(pem, None)
        if not isinstance(key, ec.EllipticCurvePrivateKey):
            raise ValueError("an EC key is wanted")  # noqa: TRY004 - of what was read
        if not isinstance(key.curve, ec.SECP256R1):
            raise ValueError("a key on P-256 is wanted")  # noqa: TRY004 - likewise
        return cls(key)

    @property
    def pem(self) -> bytes:
        """The private key, PKCS#8 PEM, not encrypted."""
        return self._key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )

    @property
    def jwk(self) -> dict[str, str]:
        """The public key (RFC 7517), with its members in the order of a thumbprint."""
        numbers = self._key.public_key().public_numbers()
        return {
            "crv": "P-256",
            "kty": "EC",
            "x": b64(numbers.x.to_bytes(_BYTES, "big")),
            "y": b64(numbers.y.to_bytes(_BYTES, "big")),
        }

    @property
    def thumbprint(self) -> str:
        """The SHA-256 of the public key (RFC 7638)."""
        return b64(hashlib.sha256(msgspec.json.encode(self.jwk)).digest())

    def sign(
        self, payload: object, *, url: str, nonce: str, account: str | None
    ) -> bytes:
        """Return *payload* signed for *url*, as JSON.

        The payload ``None`` requests the resource at *url* (POST-as-GET). The message
        names the key by the *account*'s URL, or contains the public key if *account* is
        ``None``.
        """
        protected: dict[str, object] = {"alg": "ES256", "nonce": nonce, "url": url}
        if account is None:
            protected["jwk"] = self.jwk
        else:
            protected["kid"] = account
        return _flattened(protected, payload, self._signature)

    def bound(self, *, kid: str, key: bytes, url: str) -> Mapping[str, str]:
        """Return the external account binding for the operator's account *kid*.

        *key* is the MAC key that the CA issued for it (RFC 8555, section 7.3.4).
        """
        protected = {"alg": "HS256", "kid": kid, "url": url}

        def signature(content: bytes) -> bytes:
            return hmac.digest(key, content, "sha256")

        text = _flattened(protected, self.jwk, signature)
        return msgspec.json.decode(text, type=dict[str, str])

    def _signature(self, content: bytes) -> bytes:
        encoded = self._key.sign(content, ec.ECDSA(hashes.SHA256()))
        first, second = decode_dss_signature(encoded)
        return first.to_bytes(_BYTES, "big") + second.to_bytes(_BYTES, "big")


def _flattened(
    protected: Mapping[str, object],
    payload: object,
    signature: Callable[[bytes], bytes],
) -> bytes:
    head = b64(msgspec.json.encode(protected))
    body = "" if payload is None else b64(msgspec.json.encode(payload))
    signed = b64(signature(f"{head}.{body}".encode()))
    return msgspec.json.encode(
        {"protected": head, "payload": body, "signature": signed}
    )
