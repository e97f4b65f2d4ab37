"""Parse the server file of another product, to import its peers.

The files of wg-quick, PiVPN, wg-easy, OPNsense and similar products are supported. As
in ``wg`` and ``wg-quick``, only LF ends a line. Hooks are refused with a list of their
lines. Names are taken from the comments around a peer if they are valid names.
"""

import ipaddress
import re
from collections.abc import Collection, Iterator

import msgspec
from typing_extensions import override

from semaphore_twisted.model.errors import Invalid
from semaphore_twisted.wireguard import comments, key_pairs, keys
from semaphore_twisted.wireguard.addresses import (
    WrongAddress,
    parse_address,
    parse_network,
    parse_port,
    prefix_of,
)

_Network = ipaddress.IPv4Network | ipaddress.IPv6Network

HOOKS = frozenset({"preup", "postup", "predown", "postdown"})

#: Keys without effect here: the server's own settings replace them.
_IGNORED = frozenset(
    {"dns", "mtu", "table", "saveconfig", "fwmark", "endpoint", "persistentkeepalive"}
)

_KEYS = {
    "[interface]": {"privatekey", "listenport", "address"},
    "[peer]": {"publickey", "presharedkey", "allowedips"},
}


class WrongFile(Invalid):
    """A file cannot be imported; the sentence names the line and shows no value."""

    sentence = "The file cannot be read"


class HooksFound(WrongFile):
    """A file runs commands; *hooks* lists their lines, without the commands."""

    def __init__(self, hooks: tuple[str, ...]) -> None:
        """Keep *hooks* for the caller."""
        super().__init__(
            "The file runs commands, which are not taken over; take these lines out: "
            + ", ".join(hooks)
        )
        self.hooks = hooks


class ImportedPeer(msgspec.Struct, frozen=True, kw_only=True):
    """A peer of the file.

    *addresses* are the peer's own; *routes* are networks behind it or addresses outside
    of the pools, which are not imported. *line* is the first line of its section.
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
    """The content of a server file; *addresses* include their prefix lengths."""

    private_key: bytes | None = None
    port: int | None = None
    addresses: tuple[str, ...] = ()
    peers: tuple[ImportedPeer, ...] = ()

    @override
    def __repr__(self) -> str:
        """Show no private key."""
        return f"ImportedFile({self.port}, {self.addresses}, {len(self.peers)} peers)"


def parse(text: str, pools: Collection[str] = ()) -> ImportedFile:
    """Return the content of the file *text*.

    A peer's ``/32`` and ``/128`` prefixes within *pools* are its own addresses; with
    empty *pools*, all of them are.

    :raises HooksFound: if the file runs commands.
    :raises WrongFile: if the file is invalid, or two peers have one key.
    """
    reading = _FileReader(frozenset(map(ipaddress.ip_network, pools)))
    for number, line in enumerate(text.split("\n"), start=1):
        reading.take(number, line.removesuffix("\r"))
    return reading.file()


class _FileReader:
    """The state of the parser."""

    def __init__(self, pools: frozenset[_Network]) -> None:
        self.pools = pools
        self.hooks: list[str] = []
        self.interface: dict[str, list[str]] = {}
        self.peers: list[_Peer] = []
        self.section = ""
        self.name = comments.NOTHING

    def take(self, number: int, line: str) -> None:
        """Parse a line."""
        content, hash_, comment = line.partition("#")
        content = content.strip()
        name = comments.read(hash_ + comment.rstrip()) if hash_ else comments.NOTHING
        section = content.lower()
        if section in _KEYS:
            self._begin(section, number, name)
        elif content:
            self._take_field(number, content)
        elif self.section == "[peer]" and not self.peers[-1].values and name.text:
            self.peers[-1].called(name)
        elif not hash_ and not self.name.sure:
            self.name = comments.NOTHING  # a blank line ends the scope of a comment
        elif comment.lower().startswith("## end "):
            self.name = comments.NOTHING
        elif name.text and name.sure >= self.name.sure:
            self.name = name

    def _begin(self, section: str, number: int, name: comments.PeerComment) -> None:
        """Begin a section; a name from the comments before it belongs to its peer."""
        self.section = section
        if section == "[peer]":
            self.peers.append(_Peer(number))
            self.peers[-1].called(self.name)
            self.peers[-1].called(name)
        self.name = comments.NOTHING

    def _take_field(self, number: int, content: str) -> None:
        key, equals, value = content.partition("=")
        shown, value = key.strip(), value.strip()
        key = shown.lower()
        if key in HOOKS:
            if value:
                self.hooks.append(f"line {number} ({shown})")
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

    def file(self) -> ImportedFile:
        """Return the parsed file."""
        if self.hooks:
            raise HooksFound(tuple(self.hooks))
        peers = tuple(each.peer(self.pools) for each in self.peers)
        if len({each.public_key for each in peers}) != len(peers):
            raise WrongFile("Two peers of the file have the same public key")
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
                "[Interface] has an invalid private key, port or address"
            ) from None


class _Peer:
    """The fields of a peer's section, collected line by line."""

    def __init__(self, line: int) -> None:
        self.line = line
        self.name = comments.NOTHING
        self.values: dict[str, str] = {}

    def called(self, name: comments.PeerComment) -> None:
        """Set the name, unless a surer one is set; of equals the last one counts."""
        if name.text is not None and name.sure >= self.name.sure:
            self.name = name

    def take(self, number: int, key: str, value: str) -> None:
        """Set a field; ``AllowedIPs`` may be repeated."""
        if key == "allowedips" and key in self.values:
            value = f"{self.values[key]},{value}"
        elif key in self.values:
            raise WrongFile(f"Line {number} repeats a key")
        self.values[key] = value

    def peer(self, pools: frozenset[_Network]) -> ImportedPeer:
        """Return the parsed peer."""
        try:
            public = key_pairs.parse_key(self.values.get("publickey", ""))
            preshared = self.values.get("presharedkey")
            shared = None if preshared is None else keys.decode(preshared)
            prefixes = [
                _prefix(each) for each in _listed(self.values.get("allowedips", ""))
            ]
        except (keys.WrongKey, WrongAddress):
            raise WrongFile(
                f"The peer at line {self.line} has an invalid key or address"
            ) from None
        own = [each for each in prefixes if _is_own(each, pools)]
        return ImportedPeer(
            line=self.line,
            name=self.name.text,
            public_key=public,
            preshared_key=None if shared == keys.ZERO else shared,
            addresses=tuple(str(each.network_address) for each in own),
            routes=tuple(str(each) for each in prefixes if each not in own),
        )


def _listed(value: str) -> Iterator[str]:
    return (each.strip() for each in value.split(",") if each.strip())


def _prefix(text: str) -> _Network:
    """Return an allowed IP as a network; a bare address is a ``/32`` or ``/128``."""
    if "/" not in text:
        text = prefix_of(parse_address(text))
    return ipaddress.ip_network(parse_network(text))


def _length(address: str) -> int:
    return 128 if ":" in address else 32


def _interface(text: str) -> str:
    """Return an address of the server with its prefix length."""
    address, slash, length = text.partition("/")
    address = parse_address(address)
    if not slash:
        return prefix_of(address)
    if not re.fullmatch("[0-9]{1,3}", length) or int(length) > _length(address):
        raise WrongAddress
    return f"{address}/{int(length)}"


def _is_own(prefix: _Network, pools: frozenset[_Network]) -> bool:
    return prefix.prefixlen == prefix.max_prefixlen and (
        not pools
        or any(
            prefix.version == pool.version and prefix.network_address in pool
            for pool in pools
        )
    )
