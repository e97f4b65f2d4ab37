"""Parses ``X-Forwarded-…`` and ``Forwarded`` headers; pure.

``Forwarded`` (RFC 7239) is used only without any ``X-Forwarded-…`` header: a proxy that
writes one kind passes the other through as the client sent it.
"""

import re
from collections.abc import Callable

from attrs import frozen

from semaphore_twisted.model import ip

#: Returns the value of a header, joined with commas if repeated, or ``None``.
Header = Callable[[str], str | None]

_SCHEMES = frozenset({"http", "https"})

#: One ``name=value`` of ``Forwarded``, and its end: ``;``, ``,`` or the end of the
#: text. There is no backtracking, since a client may send a header of any length.
_PAIR = re.compile(
    r"""\s*+(?:([!#$%&'*+.^_`|~\w-]++)=("(?:[^"\\]|\\.)*+"|[^\s;,"]*+))?+\s*+(;|,|$)""",
    re.ASCII,
)


@frozen
class ForwardedElement:
    """The forwarding information of a request: addresses (nearest last), scheme, host.

    *chain* is ``None`` if no chain was sent; one of its members is ``None`` if it is
    not an address. *scheme* and *host* are empty if the nearest proxy does not state
    them.
    """

    chain: tuple[str | None, ...] | None
    scheme: str
    host: str

    def client(self, known: Callable[[str], bool], peer: str) -> str:
        """Return the last address that is not a *known* proxy, else the first one.

        If all are known, the request came from a proxy's own machine. A member that is
        not an address, or a missing chain, yields *peer*.
        """
        first = peer
        for address in reversed(self.chain or ()):
            if address is None:
                return peer
            if not known(address):
                return address
            first = address
        return first


def address(text: str) -> str | None:
    """Return the IP address in *text*, which may have a port or brackets."""
    text = text.strip()
    if text.startswith("["):
        text = text[1:].partition("]")[0]
    elif text.count(":") == 1:
        text = text.partition(":")[0]
    parsed = ip.address(text)
    return None if parsed is None else str(parsed)


def forwarded(header: Header) -> ForwardedElement:
    """Parse the forwarding headers; they count only from a trusted peer."""
    chain = header("x-forwarded-for")
    scheme = header("x-forwarded-proto")
    host = header("x-forwarded-host")
    if chain is None and scheme is None and host is None:
        text = header("forwarded")
        return ForwardedElement(None, "", "") if text is None else _forwarded(text)
    return ForwardedElement(
        tuple(address(each) for each in chain.split(",")) if chain else None,
        _scheme(_last(scheme or "")),
        _last(host or ""),
    )


def _last(text: str) -> str:
    return text.rpartition(",")[2].strip()


def _scheme(text: str) -> str:
    text = text.lower()
    return text if text in _SCHEMES else ""


def _forwarded(text: str) -> ForwardedElement:
    """Parse ``Forwarded``; an unreadable one is a proxy without an address."""
    hops: list[dict[str, str]] = [{}]
    at = 0
    while at < len(text):
        match = _PAIR.match(text, at)
        if match is None:
            return ForwardedElement((None,), "", "")
        name, value, end = match.groups()
        if name:
            hops[-1][name.lower()] = _unquoted(value)
        if end == ",":
            hops.append({})
        at = match.end()
    return ForwardedElement(
        tuple(address(hop.get("for", "")) for hop in hops),
        _scheme(hops[-1].get("proto", "")),
        hops[-1].get("host", ""),
    )


def _unquoted(text: str) -> str:
    if text.startswith('"'):
        return re.sub(r"\\(.)", r"\1", text[1:-1])
    return text
