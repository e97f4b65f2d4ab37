"""The master key from ``access_key_encryption``; it encrypts all stored secrets."""

import base64
import binascii
from collections.abc import Callable
from typing import NoReturn, SupportsIndex, final

import nacl.encoding
import nacl.hash
from typing_extensions import override

from semaphore_twisted.model.errors import DomainError

#: Size of a master key in bytes.
SIZE = 32

#: The option that contains the master key.
OPTION = "access_key_encryption"

#: A command that generates a master key.
COMMAND = "head -c32 /dev/urandom | base64"

_KEY_ID_PERSON = b"semaphore-kid-01"
_KEY_ID_BYTES = 8


class UnusableMasterKey(DomainError):
    """The configured text is not base64 of 32 bytes; the sentence tells the error."""

    sentence = f"{OPTION}: expected base64 of exactly {SIZE} bytes"


@final
class MasterKey:
    """A 32-byte key from which other keys are derived; its repr shows only its id."""

    __slots__ = ("__content", "key_id")

    def __init__(self, content: bytes) -> None:
        """Keep *content*, which must have 32 bytes."""
        if len(content) != SIZE:
            raise _wrong_length(OPTION, len(content))
        self.__content = content
        self.key_id = _text(
            self.derive(_KEY_ID_PERSON, b"")[:_KEY_ID_BYTES],
        )

    @classmethod
    def parse(cls, text: str, option: str = OPTION) -> "MasterKey":
        """Decode the base64 *text* of *option*; white space is ignored.

        Raises :class:`UnusableMasterKey`; the sentence never contains the text.
        """
        compact = "".join(text.split())
        if not compact.rstrip("="):
            raise _wrong_length(option, 0)
        try:
            content = base64.b64decode(compact.encode("ascii"), validate=True)
        except (binascii.Error, UnicodeEncodeError):
            raise UnusableMasterKey(
                f"{option}: the text is not base64 (0 bytes); expected base64 of "
                f"exactly {SIZE} bytes, made for example by: {COMMAND}"
            ) from None
        if len(content) != SIZE:
            raise _wrong_length(option, len(content))
        return cls(content)

    def derive(self, person: bytes, message: bytes) -> bytes:
        """Return the 32-byte key for *message* in the domain *person* (16 bytes)."""
        digest: bytes = nacl.hash.blake2b(
            message,
            key=self.__content,
            person=person,
            encoder=nacl.encoding.RawEncoder,
        )
        return digest

    @override
    def __repr__(self) -> str:
        return f"MasterKey({self.key_id})"

    @override
    def __reduce_ex__(self, protocol: SupportsIndex) -> NoReturn:
        raise TypeError("a MasterKey is neither copied nor pickled")


def make(entropy: Callable[[int], bytes]) -> str:
    """Return a new master key as base64 text."""
    return base64.b64encode(entropy(SIZE)).decode("ascii")


def _wrong_length(option: str, found: int) -> UnusableMasterKey:
    return UnusableMasterKey(
        f"{option}: {found} bytes found after base64 decoding, exactly {SIZE} bytes "
        f"wanted; a good one is made by: {COMMAND}"
    )


def _text(content: bytes) -> str:
    return base64.urlsafe_b64encode(content).rstrip(b"=").decode("ascii")
