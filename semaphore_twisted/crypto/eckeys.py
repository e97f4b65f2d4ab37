"""Reads EC private keys of NIST curves whose encoding the library refuses.

RFC 5915 requires exactly as many bytes for the private number as the curve has.
PuTTYgen writes it as an SSH integer: half of its exports have a leading zero byte, and
some are shorter.
"""

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec

from semaphore_twisted.crypto.derivation import element

_SEQUENCE, _INTEGER, _OCTETS, _PARAMETERS, _PUBLIC = 0x30, 0x02, 0x04, 0xA0, 0xA1
#: The DER encoding of each curve's object identifier.
_CURVES: dict[bytes, ec.EllipticCurve] = {
    bytes.fromhex("06082a8648ce3d030107"): ec.SECP256R1(),
    bytes.fromhex("06052b81040022"): ec.SECP384R1(),
    bytes.fromhex("06052b81040023"): ec.SECP521R1(),
}


def read(der: bytes) -> ec.EllipticCurvePrivateKey | None:
    """Return the key of the ``ECPrivateKey`` *der*; ``None`` if it is not a valid one.

    A key whose public part does not belong to its private part is not valid.
    """
    try:
        tag, body, _ = element(der)
        version, number, body = element(body)
        octets, secret, body = element(body)
        parameters, name, body = element(body)
        point = b""
        if body:
            public, wrapped, _ = element(body)
            if public == _PUBLIC:
                point = element(wrapped)[1][1:]
    except IndexError:
        return None
    curve = _CURVES.get(name)
    if (tag, version, number) != (_SEQUENCE, _INTEGER, b"\x01"):
        return None
    if (octets, parameters) != (_OCTETS, _PARAMETERS) or curve is None:
        return None
    value = int.from_bytes(secret, "big")
    if value == 0 or value.bit_length() > curve.key_size:
        return None
    try:
        key = ec.derive_private_key(value, curve)
    except ValueError:
        return None
    return key if not point or point in _points(key) else None


def _points(key: ec.EllipticCurvePrivateKey) -> tuple[bytes, ...]:
    """Return both encodings of the public key."""
    public, x962 = key.public_key(), serialization.Encoding.X962
    return (
        public.public_bytes(x962, serialization.PublicFormat.UncompressedPoint),
        public.public_bytes(x962, serialization.PublicFormat.CompressedPoint),
    )
