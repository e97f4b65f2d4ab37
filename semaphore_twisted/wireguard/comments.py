"""Peers' names in the comments of other products' files."""

import re

import msgspec

from semaphore_twisted.wireguard.names import WrongName, parse_name

#: How products write a peer's name: PiVPN, wireguard-install, wg-easy, OPNsense and
#: the exporter for Prometheus, wireguard-ui, WGDashboard.
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

#: A comment that may be a name, since it is nothing else that is known.
_PLAIN_NAME = re.compile(r"# ?([^#:=\[\]]+)")


class Calling(msgspec.Struct, frozen=True):
    """What a comment calls a peer; *sure* if it says that this is a name."""

    text: str | None = None
    sure: bool = False


#: What most comments hold.
NOTHING = Calling()


def read(comment: str) -> Calling:
    """Return the name in a comment, if that is what it holds."""
    for pattern in (*_NAMES, _PLAIN_NAME):
        found = pattern.fullmatch(comment)
        if found is not None:
            try:
                name = parse_name(found[1].strip())
            except WrongName:
                return NOTHING
            return Calling(name, sure=pattern is not _PLAIN_NAME)
    return NOTHING
