r"""Private keys as users paste them, converted to the form that OpenSSH accepts.

The input is OpenSSH's format in any of its ciphers, PKCS#1, PKCS#8 or SEC 1 ("EC
PRIVATE KEY", also as PuTTYgen writes it), encrypted or not, with any line ends, blank
lines, indentation, or line ends converted to spaces or ``\n``. The output is OpenSSH's
format without a passphrase, with ``\n`` line ends and exactly one at the end, as
``ssh-add -`` needs it.

All other input is refused with :class:`~semaphore_twisted.model.errors.Invalid`; the
sentence describes the kind of text that was pasted and never repeats it.
"""

import base64
import binascii
import hashlib
import re
import struct
from collections import deque
from collections.abc import Iterator
from typing import Final

import msgspec
from cryptography.exceptions import InvalidTag, UnsupportedAlgorithm
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import dsa, ec, ed25519, rsa
from typing_extensions import override

from semaphore_twisted.crypto import derivation, eckeys, opensshkeys, pemkeys
from semaphore_twisted.model import limits
from semaphore_twisted.model.errors import Invalid
from semaphore_twisted.model.keys import KeyKind
from semaphore_twisted.model.reprs import redacted

#: Maximum number of characters that are parsed.
LONGEST: Final = limits.PRIVATE_KEY

#: Minimum size of RSA keys in bits; OpenSSH refuses shorter ones.
_SHORTEST_RSA = 1024

#: Maximum size in bytes of a decoded key; an RSA key of 16,384 bits, OpenSSH's longest,
#: has 10,000.
_LARGEST = 16 * 1024

#: Size of new RSA keys in bits; as strong as 128 bits (NIST SP 800-57).
_NEW_RSA = 3072

_OPENSSH = "OPENSSH PRIVATE KEY"
_WANTED = "paste the whole private key, from its BEGIN line to its END line"
_MARKER = re.compile(r"-----(BEGIN|END) ([A-Z0-9 ]+)-----")
#: Part of the key type of an OpenSSH certificate, as ssh-keygen -s writes it.
_CERTIFIED = re.compile(r"-cert-v0[01]@openssh\.com")
_PRIVATE = frozenset(
    {
        _OPENSSH,
        "RSA PRIVATE KEY",
        "EC PRIVATE KEY",
        "PRIVATE KEY",
        "ENCRYPTED PRIVATE KEY",
        "DSA PRIVATE KEY",
    }
)
_CURVES = {
    "secp256r1": "P-256",
    "secp384r1": "P-384",
    "secp521r1": "P-521",
}

_Usable = rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey | ed25519.Ed25519PrivateKey


class PrivateKey(msgspec.Struct, frozen=True, kw_only=True):
    """A private key for OpenSSH; *openssh* is not encrypted.

    *kind* is ``rsa``, ``ecdsa`` or ``ed25519``; *fingerprint* is that of the public key
    as ``ssh-keygen -l`` prints it; *public* is its line for ``authorized_keys``.
    """

    kind: str
    bits: int
    fingerprint: str
    public: str
    openssh: bytes
    #: the comment in a key in OpenSSH's format; other formats have none
    comment: str = ""

    @override
    def __repr__(self) -> str:
        """Show only the public part."""
        return f"PrivateKey({self.kind}, {self.bits}, {self.fingerprint})"


class KeyBlock(msgspec.Struct, frozen=True, kw_only=True):
    """The PEM block of a private key, parsed but not decrypted."""

    label: str
    headers: list[str]
    content: bytes
    encrypted: bool

    @override
    def __repr__(self) -> str:
        """Show no secrets."""
        return redacted(self, "label", "encrypted")

    @property
    def is_openssh(self) -> bool:
        """Whether the key is in OpenSSH's format, whose public part is readable."""
        return self.label == _OPENSSH


def normalise(text: str, passphrase: str = "") -> PrivateKey:
    """Parse the private key in *text*; decrypt it with *passphrase* if necessary.

    Raises :class:`~semaphore_twisted.model.errors.Invalid`.
    """
    return opened(parsed(text), passphrase)


def parsed(text: str) -> KeyBlock:
    """Return the only private key in *text*, still encrypted if it is encrypted.

    Raises :class:`~semaphore_twisted.model.errors.Invalid`.
    """
    label, headers, body = _block(_flat(text))
    content = _content(body)
    encrypted = _is_encrypted(label, headers, content)
    return KeyBlock(label=label, headers=headers, content=content, encrypted=encrypted)


def opened(block: KeyBlock, passphrase: str = "") -> PrivateKey:
    """Return the key in *block*; decrypt it with *passphrase* if necessary.

    Raises :class:`~semaphore_twisted.model.errors.Invalid`.
    """
    if block.encrypted and not passphrase:
        raise Invalid(
            "The private key is protected by a passphrase: give the passphrase too"
        )
    password = passphrase.encode("utf-8", "surrogatepass") if block.encrypted else None
    return _described(*_load(block.label, block.headers, block.content, password))


def generate(kind: KeyKind) -> PrivateKey:
    """Return a new key of *kind*."""
    match kind:
        case KeyKind.ED25519:
            return _described(ed25519.Ed25519PrivateKey.generate())
        case KeyKind.ECDSA:
            return _described(ec.generate_private_key(ec.SECP256R1()))
        case KeyKind.RSA:
            return _described(rsa.generate_private_key(65537, _NEW_RSA))


def fingerprint(public: str) -> str:
    """Return the fingerprint of the public key *public*, a line for authorized_keys."""
    digest = hashlib.sha256(base64.b64decode(public.split()[1])).digest()
    return "SHA256:" + base64.b64encode(digest).rstrip(b"=").decode("ascii")


def _flat(text: str) -> str:
    """Convert all line ends in *text* to a newline."""
    if len(text) > LONGEST:
        raise _unusable(f"it is longer than {LONGEST} characters")
    text = text.lstrip("\N{ZERO WIDTH NO-BREAK SPACE}")
    for end in ("\\r\\n", "\\n", "\r\n", "\r"):
        text = text.replace(end, "\n")
    if not text.strip():
        raise Invalid(f"The private key is empty: {_WANTED}")
    return text.strip()


def _blocks(text: str) -> Iterator[tuple[str, str]]:
    """Yield label and content of each PEM block in *text*, in one pass.

    A block ends at the first END line with its own label; a BEGIN line without a
    matching END line is skipped.
    """
    markers = list(_MARKER.finditer(text))
    ends: dict[str, deque[re.Match[str]]] = {}
    for each in markers:
        if each[1] == "END":
            ends.setdefault(each[2], deque()).append(each)
    over = 0
    for each in markers:
        if each[1] == "END" or each.start() < over:
            continue
        label, start = each[2], each.end()
        left = ends.get(label, deque())
        while left and left[0].start() < start:
            left.popleft()
        if left:
            over = left[0].end()
            yield label, text[start : left[0].start()]


def _block(text: str) -> tuple[str, list[str], str]:
    """Return label, header lines and base64 of the only private key in *text*."""
    blocks = list(_blocks(text))
    keys = [(label, body) for label, body in blocks if label in _PRIVATE]
    if len(keys) > 1:
        raise _unusable("there is more than one private key in it; paste one")
    if keys and _CERTIFIED.search(text):
        raise Invalid(
            "There is an SSH certificate beside the private key, and certificates are "
            "not used here: paste the private key alone, and let hosts accept the key "
            "itself (authorized_keys)"
        )
    if not keys:
        raise _refusal(text, {label for label, _ in blocks})
    label, body = keys[0]
    headers = []
    if label != _OPENSSH:
        headers = [
            each.strip() for each in re.findall(r"(?:Proc-Type|DEK-Info): *\S+", body)
        ]
        body = re.sub(r"(?:Proc-Type|DEK-Info): *\S+", "", body)
    return label, headers, body


def _refusal(text: str, labels: set[str]) -> Invalid:  # noqa: PLR0911 - a table
    """Return the refusal that describes *text*, which contains no private key."""
    first = text.split(maxsplit=1)[0].lower()
    if first.startswith("putty-user-key-file"):
        return Invalid(
            "This is a key in PuTTY's format (.ppk): export it with PuTTYgen, menu "
            "Conversions, Export OpenSSH key, and paste the result"
        )
    if "---- begin ssh2 " in text[:200].lower():
        if "public key" in text[:200].lower():
            return Invalid(f"This is a public key, not a private key: {_WANTED}")
        return Invalid(
            "This is a key in the format of ssh.com (SSH2): convert it with PuTTYgen, "
            "menu Conversions, Export OpenSSH key, or with ssh-keygen -i -f FILE, and "
            "paste the result"
        )
    if text.startswith("SSH PRIVATE KEY FILE FORMAT"):
        return _unusable("it is for version 1 of the protocol, which is not used")
    if _CERTIFIED.search(first):
        return Invalid(f"This is an SSH certificate, not a private key: {_WANTED}")
    if re.match(r"(ssh-|ecdsa-sha2-|sk-ssh-|sk-ecdsa-)", first):
        return Invalid(f"This is a public key, not a private key: {_WANTED}")
    if any("PUBLIC KEY" in each for each in labels) or "PUBLIC KEY ----" in text:
        return Invalid(f"This is a public key, not a private key: {_WANTED}")
    if any("CERTIFICATE" in each for each in labels):
        return Invalid(f"This is a certificate, not a private key: {_WANTED}")
    if any("PGP" in each for each in labels):
        return Invalid("This is a PGP key; expected an SSH private key")
    if labels:
        return _unusable("it holds no private key of a kind that is known here")
    if "BEGIN" in text:
        return _unusable(f"its BEGIN or END line is missing or cut: {_WANTED}")
    return _unusable(f"it has no BEGIN line: {_WANTED}")


def _content(body: str) -> bytes:
    try:
        content = base64.b64decode("".join(body.split()).encode("ascii"), validate=True)
    except (binascii.Error, UnicodeEncodeError):
        raise _unusable("a line is damaged") from None
    if not content:
        raise _unusable(f"there is nothing between BEGIN and END: {_WANTED}")
    if len(content) > _LARGEST:
        raise _unusable(f"it is longer than {_LARGEST} bytes")
    return content


def _rebuilt(label: str, headers: list[str], content: bytes) -> bytes:
    encoded = base64.b64encode(content).decode("ascii")
    lines = [f"-----BEGIN {label}-----"]
    if headers:
        lines += [*headers, ""]
    lines += [encoded[start : start + 64] for start in range(0, len(encoded), 64)]
    lines += [f"-----END {label}-----", ""]
    return "\n".join(lines).encode("ascii")


def _is_encrypted(label: str, headers: list[str], content: bytes) -> bool:
    """Return whether the key is encrypted; refuse it if decryption costs too much."""
    if label == _OPENSSH:
        try:
            head = derivation.openssh_head(content)
        except derivation.UnreadableKey:
            raise _unusable("its content is damaged") from None
        if head.kind == b"ssh-dss":
            raise _unusable("OpenSSH no longer takes DSA keys; make an ed25519 key")
        if head.rounds > derivation.MOST_ROUNDS:
            raise _unusable(
                f"its passphrase is derived in {head.rounds} rounds, at most "
                f"{derivation.MOST_ROUNDS} are accepted; ssh-keygen -p -a changes that"
            )
        return head.encrypted
    if label == "ENCRYPTED PRIVATE KEY":
        if derivation.pkcs8_is_costly(content):
            raise _unusable(
                "its passphrase takes too long to check; openssl pkcs8 -topk8 writes "
                "it with the usual number of iterations"
            )
        return True
    return any("ENCRYPTED" in each for each in headers)


def _load(
    label: str, headers: list[str], content: bytes, password: bytes | None
) -> tuple[object, str]:
    """Return the key in *content*, decrypted with *password*, and its comment."""
    try:
        if label == _OPENSSH:
            return _load_openssh(content, password)
        pem = _rebuilt(label, headers, content)
        return serialization.load_pem_private_key(pem, password), ""
    except UnsupportedAlgorithm:
        raise _unusable(
            "its kind or its encryption is not supported; hardware keys cannot be used "
            "by a server, and ssh-keygen -p -Z aes256-ctr changes the encryption"
        ) from None
    except (
        *(ValueError, TypeError, InvalidTag, struct.error, OverflowError),
        *(opensshkeys.WrongPassphrase, derivation.UnreadableKey),
    ):
        der: bytes | None = content
        if password is not None:
            der = pemkeys.opened(headers, content, password)
        found = eckeys.read(der) if label == "EC PRIVATE KEY" and der else None
        if found is not None:
            return found, ""
        if password is not None:
            raise Invalid(
                "The passphrase is wrong, or this is not a usable private key: it "
                "could not be decrypted"
            ) from None
        raise _unusable("its content is damaged") from None


def _load_openssh(content: bytes, password: bytes | None) -> tuple[object, str]:
    """Return the key in *content*, in any of OpenSSH's ciphers, and its comment."""
    plain = content if password is None else opensshkeys.opened(content, password)
    if plain is None:
        raise UnsupportedAlgorithm("an unknown cipher")
    key = serialization.load_ssh_private_key(_rebuilt(_OPENSSH, [], plain), None)
    return key, opensshkeys.comment(plain)


def _described(key: object, comment: str = "") -> PrivateKey:
    if isinstance(key, rsa.RSAPrivateKey):
        kind, bits = "rsa", key.key_size
        if bits < _SHORTEST_RSA:
            raise _unusable(
                f"{bits} bits are too few, OpenSSH refuses it; make a new one"
            )
    elif isinstance(key, ec.EllipticCurvePrivateKey):
        kind, bits = "ecdsa", key.curve.key_size
        if key.curve.name not in _CURVES:
            raise _unusable(
                f"OpenSSH does not know the curve {key.curve.name}; it knows "
                + ", ".join(_CURVES.values())
            )
    elif isinstance(key, ed25519.Ed25519PrivateKey):
        kind, bits = "ed25519", 256
    elif isinstance(key, dsa.DSAPrivateKey):
        raise _unusable("OpenSSH no longer takes DSA keys; make an ed25519 key")
    else:
        raise _unusable("OpenSSH does not use keys of this kind; make an ed25519 key")
    return _written(key, kind, bits, comment)


def _written(key: _Usable, kind: str, bits: int, comment: str) -> PrivateKey:
    public = (
        key.public_key()
        .public_bytes(
            serialization.Encoding.OpenSSH, serialization.PublicFormat.OpenSSH
        )
        .decode("ascii")
    )
    openssh = key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.OpenSSH,
        serialization.NoEncryption(),
    )
    return PrivateKey(
        kind=kind,
        bits=bits,
        fingerprint=fingerprint(public),
        public=public,
        openssh=openssh.rstrip(b"\n") + b"\n",
        comment=comment,
    )


def _unusable(why: str) -> Invalid:
    return Invalid(f"This is not a usable private key: {why}")
