"""A server's file of another product, read to take its peers over.

Known are the files of wg-quick, PiVPN, wg-easy, OPNsense and their like. Lines end
with LF and nothing else, as ``wg`` and ``wg-quick`` have it. Hooks are refused, with
a list of where they stand; names are taken from the comments around a peer, if they
are names.
"""

import ipaddress
import re
from collections.abc import Collection, Iterator

import msgspec
from typing_extensions import override

from semaphore_twisted.model.errors import Invalid
from semaphore_twisted.wireguard import keys
from semaphore_twisted.wireguard.addresses import (
    WrongAddress,
    parse_address,
    parse_network,
    parse_port,
    prefix_of,
)
from semaphore_twisted.wireguard.names import WrongName, parse_name

_Network = ipaddress.IPv4Network | ipaddress.IPv6Network

HOOKS = frozenset({"preup", "postup", "predown", "postdown"})

#: Without a meaning for us: the peers are reached by what we decide.
_IGNORED = frozenset(
    {"dns", "mtu", "table", "saveconfig", "fwmark", "endpoint", "persistentkeepalive"}
)

_KEYS = {
    "[interface]": {"privatekey", "listenport", "address"},
    "[peer]": {"publickey", "presharedkey", "allowedips"},
}

#: How products write a peer's name: PiVPN, wireguard-install, wg-easy, wireguard-ui,
#: the exporter for Prometheus, WGDashboard; the last is a comment that is nothing else.
_NAMES = tuple(
    re.compile(pattern, re.IGNORECASE)
    for pattern in (
        r"### begin (.+?) ###",
        r"### client (.+?)",
        r"# client: (.+?)(?: \([0-9a-f-]+\))?",
        r"# ?(?:friendly_)?name ?[:=] ?(.+?)",
        r"#name# ?= ?(.+?)",
    )
)
_PLAIN_NAME = re.compile(r"# ?([^#:=]+)")
_OTHER_COMMENT = re.compile(r"#+ ?(?:end |friendly_json|disabled|generated|-).*", re.I)


class WrongFile(Invalid):
    """A file cannot be taken over; the sentence names the line, and shows no value."""

    sentence = "The file cannot be read"


class HooksFound(WrongFile):
    """A file runs commands; *hooks* says where, without the commands."""

    def __init__(self, hooks: tuple[str, ...]) -> None:
        """Keep the list."""
        super().__init__(
            "The file runs commands, which are not taken over; take these lines out: "
            + ", ".join(hooks)
        )
        self.hooks = hooks


class ImportedPeer(msgspec.Struct, frozen=True, kw_only=True):
    """A peer of the file.

    *addresses* are its own; *routes* are networks behind it, or addresses outside of
    the pools, which are not taken over. *line* is where its section begins.
    """

    line: int
    public_key: bytes
    name: str | None = None
    preshared_key: bytes | None = None
    addresses: tuple[str, ...] = ()
    routes: tuple[str, ...] = ()

    @override
    def __repr__(self) -> str:
        """Show no preshared key."""
        return f"ImportedPeer({keys.format(self.public_key)}, {self.addresses})"


class ImportedFile(msgspec.Struct, frozen=True, kw_only=True):
    """A server's file; *addresses* are its own, with their prefix lengths."""

    private_key: bytes | None = None
    port: int | None = None
    addresses: tuple[str, ...] = ()
    peers: tuple[ImportedPeer, ...] = ()

    @override
    def __repr__(self) -> str:
        """Show no private key."""
        return f"ImportedFile({self.port}, {self.addresses}, {len(self.peers)} peers)"


def parse(text: str, pools: Collection[str] = ()) -> ImportedFile:
    """Return what the file *text* says.

    A peer's ``/32`` and ``/128`` within *pools* are its own addresses; without
    *pools*, all of them are.

    :raises HooksFound: if the file runs commands.
    :raises WrongFile: if it cannot be read, or two peers have one key.
    """
    reading = _Reading(frozenset(map(ipaddress.ip_network, pools)))
    for number, line in enumerate(text.split("\n"), start=1):
        reading.take(number, line.removesuffix("\r"))
    return reading.file()


class _Reading:
    """A file while its lines are read."""

    def __init__(self, pools: frozenset[_Network]) -> None:
        self.pools = pools
        self.hooks: list[str] = []
        self.interface: dict[str, list[str]] = {}
        self.peers: list[_Peer] = []
        self.section = ""
        self.comment: str | None = None

    def take(self, number: int, line: str) -> None:
        """Take a line."""
        content, hash_, comment = line.partition("#")
        if hash_:
            self._take_comment(hash_ + comment.rstrip())
        content = content.strip()
        lowered = content.lower()
        if not content:
            return
        if lowered in {"[interface]", "[peer]"}:
            self.section = lowered
            if lowered == "[peer]":
                self.peers.append(_Peer(number, self.comment))
                self.comment = None
            return
        key, equals, value = content.partition("=")
        key, value = key.strip().lower(), value.strip()
        if key in HOOKS:
            self.hooks.append(f"line {number}: {_spelled(content)}")
        elif not equals or not self.section:
            raise WrongFile(f"Line {number} is neither a section nor KEY = VALUE")
        elif key in _IGNORED:
            pass
        elif key not in _KEYS[self.section]:
            raise WrongFile(f"Line {number} has a key that is not known here")
        elif self.section == "[peer]":
            self.peers[-1].take(number, key, value)
        else:
            self.interface.setdefault(key, []).append(value)

    def _take_comment(self, comment: str) -> None:
        """Note a name for the peer that begins here, or has just begun."""
        name = _name(comment)
        if name is None:
            return
        peer = self.peers[-1] if self.section == "[peer]" and self.peers else None
        if peer is not None and peer.name is None and not peer.values:
            peer.name = name
        else:
            self.comment = name

    def file(self) -> ImportedFile:
        """Return what was read."""
        if self.hooks:
            raise HooksFound(tuple(self.hooks))
        peers = tuple(each.peer(self.pools) for each in self.peers)
        if len({each.public_key for each in peers}) != len(peers):
            raise WrongFile("Two peers of the file have one public key")
        private = self.interface.get("privatekey", [])
        ports = self.interface.get("listenport", [])
        if len(private) > 1 or len(ports) > 1:
            raise WrongFile("The file has two private keys or two ports")
        try:
            return ImportedFile(
                private_key=keys.decode(private[0]) if private else None,
                port=parse_port(ports[0]) if ports else None,
                addresses=tuple(
                    _interface(each)
                    for value in self.interface.get("address", [])
                    for each in _listed(value)
                ),
                peers=peers,
            )
        except (keys.WrongKey, WrongAddress):
            raise WrongFile(
                "[Interface] has a private key, a port or an address that is none"
            ) from None


class _Peer:
    """A peer while its lines are read."""

    def __init__(self, line: int, name: str | None) -> None:
        self.line = line
        self.name = name
        self.values: dict[str, str] = {}

    def take(self, number: int, key: str, value: str) -> None:
        """Take a field; ``AllowedIPs`` may be given more than once."""
        if key == "allowedips" and key in self.values:
            value = f"{self.values[key]},{value}"
        elif key in self.values:
            raise WrongFile(f"Line {number} gives a second value")
        self.values[key] = value

    def peer(self, pools: frozenset[_Network]) -> ImportedPeer:
        """Return what was read."""
        try:
            public = keys.parse(self.values.get("publickey", ""))
            preshared = self.values.get("presharedkey")
            shared = None if preshared is None else keys.decode(preshared)
            prefixes = [
                _prefix(each) for each in _listed(self.values.get("allowedips", ""))
            ]
        except (keys.WrongKey, WrongAddress):
            raise WrongFile(
                f"The peer at line {self.line} has a key or an address that is none"
            ) from None
        own = [each for each in prefixes if _is_own(each, pools)]
        return ImportedPeer(
            line=self.line,
            name=self.name,
            public_key=public,
            preshared_key=None if shared == keys.ZERO else shared,
            addresses=tuple(str(each.network_address) for each in own),
            routes=tuple(str(each) for each in prefixes if each not in own),
        )


def _listed(value: str) -> Iterator[str]:
    return (each.strip() for each in value.split(",") if each.strip())


def _prefix(text: str) -> _Network:
    """Return an allowed IP; ``wg`` takes an address alone for a prefix of one."""
    if "/" not in text:
        text = prefix_of(parse_address(text))
    return ipaddress.ip_network(parse_network(text))


def _interface(text: str) -> str:
    """Return an address of the server with its prefix length."""
    address, slash, length = text.partition("/")
    address = parse_address(address)
    if not slash:
        return prefix_of(address)
    try:
        return str(ipaddress.ip_interface(f"{address}/{int(length):d}"))
    except ValueError:
        raise WrongAddress from None


def _is_own(prefix: _Network, pools: frozenset[_Network]) -> bool:
    return prefix.prefixlen == prefix.max_prefixlen and (
        not pools
        or any(
            prefix.version == pool.version and prefix.network_address in pool
            for pool in pools
        )
    )


def _spelled(content: str) -> str:
    """Return the key of a hook as a person knows it."""
    return content.partition("=")[0].strip()[:10]


def _name(comment: str) -> str | None:
    """Return the name in a comment, if that is what it holds."""
    if _OTHER_COMMENT.fullmatch(comment):
        return None
    for pattern in (*_NAMES, _PLAIN_NAME):
        found = pattern.fullmatch(comment)
        if found is not None:
            try:
                return parse_name(found[1].strip())
            except WrongName:
                return None
    return None
