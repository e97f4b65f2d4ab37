"""Read names of peers from the comments in configuration files of other products."""

import re

import msgspec

from semaphore_twisted.wireguard.names import WrongName, parse_name

#: Formats in which products write a peer's name: PiVPN, wireguard-install, wg-easy,
#: OPNsense and the exporter for Prometheus, wireguard-ui, WGDashboard.
_NAMES = tuple(
    re.compile(pattern, re.IGNORECASE)
    for pattern in (
        r"### begin (.+) ###",
        r"### client (.+)",
        r"# client: (.+?)(?: \([0-9a-f-]{36}\))?",
        r"# ?(?:friendly_)?name\s*[:=]\s*(.+)",
        r"#name# ?= ?(.+)",
    )
)

#: A comment that matches no known format but may be a name.
_PLAIN_NAME = re.compile(r"# ?([^#:=\[\]]+)")


class PeerComment(msgspec.Struct, frozen=True):
    """The name of a peer in a comment; *sure* if the comment marks it as a name."""

    text: str | None = None
    sure: bool = False


#: The result for a comment without a name.
NOTHING = PeerComment()


def read(comment: str) -> PeerComment:
    """Return the name that *comment* contains, or :data:`NOTHING`."""
    for pattern in (*_NAMES, _PLAIN_NAME):
        match = pattern.fullmatch(comment)
        if match is not None:
            try:
                name = parse_name(match[1].strip())
            except WrongName:
                return NOTHING
            return PeerComment(name, sure=pattern is not _PLAIN_NAME)
    return NOTHING
