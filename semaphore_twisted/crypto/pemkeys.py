"""Decrypts private keys that are encrypted by PEM headers (``DEK-Info``)."""

import hashlib
from collections.abc import Callable

from cryptography.hazmat.decrepit.ciphers.algorithms import TripleDES
from cryptography.hazmat.primitives.ciphers import (
    Cipher,
    CipherAlgorithm,
    algorithms,
    modes,
)

#: For each cipher name: the key size in bytes, and the cipher.
_CIPHERS: dict[str, tuple[int, Callable[[bytes], CipherAlgorithm]]] = {
    "DES-EDE3-CBC": (24, TripleDES),
    "AES-128-CBC": (16, algorithms.AES),
    "AES-192-CBC": (24, algorithms.AES),
    "AES-256-CBC": (32, algorithms.AES),
}
_SALT = 8


def opened(headers: list[str], content: bytes, password: bytes) -> bytes | None:
    """Return the DER in *content*; ``None`` if *password* or *headers* do not fit."""
    words = [each.partition(":")[2] for each in headers if each.startswith("DEK-Info")]
    name, _, vector = "".join(words).strip().partition(",")
    if name not in _CIPHERS:
        return None
    size, algorithm = _CIPHERS[name]
    try:
        start = bytes.fromhex(vector)
        key = _derived(password, start[:_SALT], size)
        decryptor = Cipher(algorithm(key), modes.CBC(start)).decryptor()
        plain = decryptor.update(content) + decryptor.finalize()
    except ValueError:
        return None
    padding = plain[-1:] * plain[-1] if plain else b""
    if not padding or len(padding) > len(start) or not plain.endswith(padding):
        return None
    return plain[: -len(padding)]


def _derived(password: bytes, salt: bytes, size: int) -> bytes:
    """Derive a key as OpenSSL's EVP_BytesToKey does, with MD5 and one round."""
    key = block = b""
    while len(key) < size:
        block = hashlib.md5(block + password + salt, usedforsecurity=False).digest()
        key += block
    return key[:size]
