"""Says what a pasted text is: which SSH key, or why it is none.

A key that is not usable is described as far as possible: the public part of a key in
OpenSSH's format is not encrypted, and a public key has a fingerprint too.
"""

import base64
import binascii
import struct

import msgspec
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import load_ssh_public_key

from semaphore_twisted.crypto import privatekeys
from semaphore_twisted.crypto.derivation import openssh_parts
from semaphore_twisted.crypto.privatekeys import PrivateKey
from semaphore_twisted.model import limits
from semaphore_twisted.model.errors import Invalid
from semaphore_twisted.model.keys import KeyKind

#: Kinds by the type in a public key.
_KINDS = {
    "ssh-ed25519": KeyKind.ED25519,
    "ssh-rsa": KeyKind.RSA,
    "ecdsa-sha2-nistp256": KeyKind.ECDSA,
    "ecdsa-sha2-nistp384": KeyKind.ECDSA,
    "ecdsa-sha2-nistp521": KeyKind.ECDSA,
}

_ED25519_BITS = 256


class KeyCheck(msgspec.Struct, frozen=True, kw_only=True):
    """The result of a check; it contains nothing of the private half.

    *problem* is the sentence why the key store does not accept the text; empty if it
    accepts it. *passphrase_needed* says that the private key is encrypted, whether or
    not the passphrase was given. *public_key* is a line for ``authorized_keys`` without
    a comment. What could not be found out is null.
    """

    problem: str = ""
    kind: KeyKind | None = None
    bits: int | None = None
    fingerprint: str | None = None
    comment: str | None = None
    passphrase_needed: bool = False
    public_key: str | None = None


def check(text: str, passphrase: str = "") -> KeyCheck:
    """Return what *text* is; *passphrase* is tried if it is an encrypted private key.

    The derivation of a passphrase takes up to seconds.
    """
    try:
        block = privatekeys.parsed(text)
    except Invalid as refusal:
        return _of_public_key(text, refusal.message)
    try:
        key = privatekeys.opened(block, passphrase)
    except Invalid as refusal:
        public = ""
        if block.is_openssh:
            blob = openssh_parts(block.content).public
            public = f"{_type(blob)} {base64.b64encode(blob).decode()}"
        return _of_public_part(
            public, problem=refusal.message, encrypted=block.encrypted
        )
    return _of_private_key(key, encrypted=block.encrypted)


def _of_private_key(key: PrivateKey, *, encrypted: bool) -> KeyCheck:
    return KeyCheck(
        kind=KeyKind(key.kind),
        bits=key.bits,
        fingerprint=key.fingerprint,
        comment=key.comment or None,
        passphrase_needed=encrypted,
        public_key=key.public,
    )


def _of_public_key(text: str, problem: str) -> KeyCheck:
    """Return the check of a text without a private key, perhaps with a public one."""
    return _of_public_part(text[: limits.PRIVATE_KEY].strip(), problem=problem)


def _of_public_part(line: str, *, problem: str, encrypted: bool = False) -> KeyCheck:
    """Return the check of a key whose public half is *line*, if it is one."""
    key_check = KeyCheck(problem=problem, passphrase_needed=encrypted)
    kind, _, rest = line.partition(" ")
    encoded, _, comment = rest.partition(" ")
    try:
        blob = base64.b64decode(encoded, validate=True)
        if kind not in _KINDS or _type(blob) != kind:
            return key_check
    except (binascii.Error, ValueError, struct.error):
        return key_check
    public = f"{kind} {encoded}"
    shown = "".join(each for each in comment if each.isprintable())
    return msgspec.structs.replace(
        key_check,
        kind=_KINDS[kind],
        bits=bits_of(public),
        fingerprint=privatekeys.fingerprint(public),
        comment=shown.strip()[: limits.NAME] or None,
        public_key=public,
    )


def kind_of(public: str) -> KeyKind | None:
    """Return the kind of the public key *public*, a line for ``authorized_keys``."""
    return _KINDS.get(public.partition(" ")[0])


def bits_of(public: str) -> int | None:
    """Return the size of the public key *public*; ``None`` if it cannot be read."""
    try:
        key = load_ssh_public_key(public.encode())
    except (ValueError, UnsupportedAlgorithm):
        return None
    if isinstance(key, rsa.RSAPublicKey | ec.EllipticCurvePublicKey):
        return key.key_size
    return _ED25519_BITS


def _type(blob: bytes) -> str:
    """Return the type of the public key *blob*, as it states it."""
    (length,) = struct.unpack_from(">I", blob)
    return blob[4 : 4 + length].decode("ascii", "replace")
