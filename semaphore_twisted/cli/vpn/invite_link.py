"""The link of an invite: URL of the server, token and fingerprint.

``https://HOST[:PORT][/BASE]/enroll#TOKEN[.FINGERPRINT]``, where FINGERPRINT is the
SHA-256 of the root certificate's DER in lower-case hex digits; without it the server's
certificate is from a public CA. Browsers do not send the part after ``#``, so it is in
no log.
"""

import hashlib
import re
from urllib.parse import urlsplit

from attrs import field, frozen
from typing_extensions import override

from semaphore_twisted.common.command_error import CommandError

_FRAGMENT = re.compile(r"(smp-enroll-[A-Za-z0-9_-]{43})(?:\.([0-9a-f]{64}))?")
_PAGE = "/enroll"
_WANTED = (
    "expected https://HOST[:PORT]/enroll#TOKEN, as `semaphore vpn invite` prints it"
)


@frozen
class InviteLink:
    """The parts of an invite's link; *base* is the server's URL."""

    base: str
    token: str = field(repr=False)
    fingerprint: str = ""

    @classmethod
    def parse(cls, text: str) -> "InviteLink":
        """Parse the link in *text*.

        :raises CommandError: if it is invalid; the sentence does not contain the token
        """
        text = text.strip()
        try:
            parts = urlsplit(text)
            host, port = parts.hostname, parts.port
        except ValueError:
            raise CommandError(f"LINK: not an address; {_WANTED}") from None
        if parts.scheme == "http":
            raise CommandError(
                "LINK: http would show the token to the network; expected https"
            )
        if parts.scheme != "https" or not host or port == 0 or parts.query:
            raise CommandError(f"LINK: not the address of an invite; {_WANTED}")
        if parts.username is not None or not text.isprintable() or "\\" in text:
            raise CommandError(f"LINK: invalid characters; {_WANTED}")
        if not parts.path.rstrip("/").endswith(_PAGE):
            raise CommandError(f"LINK: the path does not end in {_PAGE}; {_WANTED}")
        fragment = _FRAGMENT.fullmatch(parts.fragment)
        if fragment is None:
            raise CommandError(
                "LINK: no token after #; put the link in quotes, since shells and "
                "chats cut it there"
            )
        path = parts.path.rstrip("/").removesuffix(_PAGE)
        return cls(
            base=f"https://{parts.netloc}{path}",
            token=fragment[1],
            fingerprint=fragment[2] or "",
        )

    @property
    def digest(self) -> str:
        """A public identifier of the link: the SHA-256 of its token."""
        return hashlib.sha256(self.token.encode()).hexdigest()

    @override
    def __str__(self) -> str:
        """Return the complete link."""
        end = f".{self.fingerprint}" if self.fingerprint else ""
        return f"{self.base}{_PAGE}#{self.token}{end}"
