"""Signed messages, by the examples of the RFCs and against the library's verifier."""

import base64
import hmac
import json
from typing import Any

from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature
from twisted.trial.unittest import SynchronousTestCase

from semaphore_twisted.crypto.jws import AccountKey, b64


def unb64(text: str) -> bytes:
    """Return the bytes of *text*, base64url without padding."""
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


def opened(message: bytes) -> tuple[dict[str, Any], Any, bytes, bytes]:
    """Return head, payload, signed text and signature of *message*."""
    parts = json.loads(message)
    payload = unb64(parts["payload"])
    return (
        json.loads(unb64(parts["protected"])),
        json.loads(payload) if payload else None,
        f"{parts['protected']}.{parts['payload']}".encode(),
        unb64(parts["signature"]),
    )


class AccountKeyTests(SynchronousTestCase):
    """The account key and its signatures."""

    def setUp(self) -> None:
        """Draw a key."""
        self.key = AccountKey.make()

    def public(self) -> ec.EllipticCurvePublicKey:
        """Return the key as its own public form tells it."""
        jwk = self.key.jwk
        x, y = (int.from_bytes(unb64(jwk[name]), "big") for name in ("x", "y"))
        return ec.EllipticCurvePublicNumbers(x, y, ec.SECP256R1()).public_key()

    def test_signature(self) -> None:
        """A message can be verified with the public key in its head."""
        message = self.key.sign({"a": 1}, url="https://ca/new", nonce="n", account=None)
        head, payload, text, signature = opened(message)
        self.assertEqual(payload, {"a": 1})
        self.assertEqual(head["jwk"], self.key.jwk)
        self.assertEqual(
            (head["alg"], head["nonce"], head["url"]), ("ES256", "n", "https://ca/new")
        )
        self.assertEqual(len(signature), 64)
        numbers = [int.from_bytes(signature[at : at + 32], "big") for at in (0, 32)]
        self.public().verify(
            encode_dss_signature(*numbers), text, ec.ECDSA(hashes.SHA256())
        )

    def test_account(self) -> None:
        """Once there is an account, its address stands for the key."""
        message = self.key.sign(None, url="u", nonce="n", account="https://ca/acct/1")
        head, payload, _, _ = opened(message)
        self.assertEqual(head["kid"], "https://ca/acct/1")
        self.assertNotIn("jwk", head)
        self.assertIsNone(payload)
        self.assertEqual(json.loads(message)["payload"], "")

    def test_kept(self) -> None:
        """A key that is read again is the same one."""
        again = AccountKey.load(self.key.pem)
        self.assertEqual(again.thumbprint, self.key.thumbprint)
        self.assertNotIn("PRIVATE", repr(again))

    def test_others_refused(self) -> None:
        """Keys of other kinds are not taken for one."""
        others = (
            rsa.generate_private_key(65537, 2048),
            ec.generate_private_key(ec.SECP384R1()),
        )
        for each in others:
            pem = each.private_bytes(
                serialization.Encoding.PEM,
                serialization.PrivateFormat.PKCS8,
                serialization.NoEncryption(),
            )
            self.assertRaises(ValueError, AccountKey.load, pem)
        self.assertRaises(ValueError, AccountKey.load, b"no key")

    def test_bound(self) -> None:
        """The binding signs the public key with the operator's secret."""
        bound = self.key.bound(kid="kid-1", key=b"secret", url="https://ca/new")
        head, payload, text, signature = opened(json.dumps(bound).encode())
        self.assertEqual(
            head, {"alg": "HS256", "kid": "kid-1", "url": "https://ca/new"}
        )
        self.assertEqual(payload, self.key.jwk)
        self.assertEqual(signature, hmac.digest(b"secret", text, "sha256"))

    def test_b64(self) -> None:
        """RFC 7515, appendix C."""
        self.assertEqual(b64(bytes([3, 236, 255, 224, 193])), "A-z_4ME")
