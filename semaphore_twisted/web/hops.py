"""What proxies say of a request's way, in ``X-Forwarded-…`` or ``Forwarded``; pure.

``Forwarded`` (RFC 7239) is read only where no ``X-Forwarded-…`` header is: a proxy that
writes the one kind lets the other through as the client sent it.
"""

import re
from collections.abc import Callable

from attrs import frozen

from semaphore_twisted.model import ip

#: Returns the value of a header, several joined with commas, or ``None``.
Header = Callable[[str], str | None]

_SCHEMES = frozenset({"http", "https"})

#: One ``name=value`` of ``Forwarded``, and what ends it: ``;``, ``,`` or the end.
#: Nothing is tried twice: a client may have written it, as long as it likes.
_PAIR = re.compile(
    r"""\s*+(?:([!#$%&'*+.^_`|~\w-]++)=("(?:[^"\\]|\\.)*+"|[^\s;,"]*+))?+\s*+(;|,|$)""",
    re.ASCII,
)


@frozen
class Said:
    """A proxy's words: the chain of addresses, nearest last, scheme and host.

    *chain* is ``None`` where none was sent, one of its members where it is no
    address; *scheme* and *host* are empty where the nearest proxy does not say.
    """

    chain: tuple[str | None, ...] | None
    scheme: str
    host: str

    def client(self, known: Callable[[str], bool], peer: str) -> str:
        """Return the last address that is not *known* as a proxy's, else the first.

        Where all are known, a proxy's own machine has asked. What is no address, or
        no chain at all, leaves *peer*.
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
    found = ip.address(text)
    return None if found is None else str(found)


def said(header: Header) -> Said:
    """Read a request's headers; only a believed peer's mean anything."""
    chain = header("x-forwarded-for")
    scheme = header("x-forwarded-proto")
    host = header("x-forwarded-host")
    if chain is None and scheme is None and host is None:
        text = header("forwarded")
        return Said(None, "", "") if text is None else _forwarded(text)
    return Said(
        tuple(address(each) for each in chain.split(",")) if chain else None,
        _scheme(_last(scheme or "")),
        _last(host or ""),
    )


def _last(text: str) -> str:
    return text.rpartition(",")[2].strip()


def _scheme(text: str) -> str:
    text = text.lower()
    return text if text in _SCHEMES else ""


def _forwarded(text: str) -> Said:
    """Read ``Forwarded``; what cannot be read is a proxy without an address."""
    hops: list[dict[str, str]] = [{}]
    at = 0
    while at < len(text):
        found = _PAIR.match(text, at)
        if found is None:
            return Said((None,), "", "")
        name, value, end = found.groups()
        if name:
            hops[-1][name.lower()] = _unquoted(value)
        if end == ",":
            hops.append({})
        at = found.end()
    return Said(
        tuple(address(hop.get("for", "")) for hop in hops),
        _scheme(hops[-1].get("proto", "")),
        hops[-1].get("host", ""),
    )


def _unquoted(text: str) -> str:
    if text.startswith('"'):
        return re.sub(r"\\(.)", r"\1", text[1:-1])
    return text
