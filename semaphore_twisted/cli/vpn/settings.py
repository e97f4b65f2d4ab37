"""The companion's settings, built from options and former settings; pure.

An option that is not given stays as it was. Site networks are permitted only by root's
options, never by the database, which the server can write.
"""

import argparse
import ipaddress
from collections.abc import Callable, Mapping, Sequence

import msgspec
from msgspec.structs import replace

from semaphore_twisted.common.command_error import CommandError
from semaphore_twisted.config.options import Config
from semaphore_twisted.model.refusals import invalid, quoted
from semaphore_twisted.wireguard import addresses, pool_addresses
from semaphore_twisted.wireguard.settings import (
    SiteRule,
    TunnelSettings,
    WrongSettings,
    check,
)

POOL4 = "10.80.0.0/16"

#: DNS; clients use the server's address in the tunnel as resolver.
_DNS = 53


class Pools(msgspec.Struct, frozen=True):
    """The address pools of peers; *pool6* is empty without IPv6.

    The server keeps its former addresses, *servers*, if the pools contain them.
    """

    pool4: str
    pool6: str
    servers: tuple[str, ...] = ()

    @property
    def server4(self) -> str:
        """The server's own IPv4 address."""
        return self._server(self.pool4)

    @property
    def server6(self) -> str:
        """The server's own IPv6 address, or an empty text."""
        return self._server(self.pool6) if self.pool6 else ""

    def _server(self, pool: str) -> str:
        network = ipaddress.ip_network(pool)
        ends = {network.network_address, network.broadcast_address}
        for each in map(ipaddress.ip_address, self.servers):
            if each in network and each not in ends:
                return str(each)
        return pool_addresses.server_address(pool)

    @property
    def interfaces(self) -> tuple[str, ...]:
        """The server's addresses, each with its pool's prefix length."""
        return tuple(
            f"{server}/{pool.partition('/')[2]}"
            for server, pool in (
                (self.server4, self.pool4),
                (self.server6, self.pool6),
            )
            if pool
        )


def pools(
    arguments: argparse.Namespace,
    former: Pools | None,
    entropy: Callable[[int], bytes],
) -> Pools:
    """Return the requested pools.

    :raises Invalid: if an option is not a network
    """
    pool4 = former.pool4 if former else POOL4
    if arguments.pool is not None:
        pool4 = addresses.parse_network(arguments.pool)
        if ":" in pool4:
            raise CommandError(invalid("--pool", pool4, "an IPv4 network"))
    pool6 = former.pool6 if former else None
    if arguments.pool6 == "off":
        pool6 = ""
    elif arguments.pool6 not in {None, "auto"}:
        pool6 = addresses.parse_network(arguments.pool6)
        if ":" not in pool6:
            raise CommandError(
                invalid("--pool6", pool6, "an IPv6 network, auto or off")
            )
    elif arguments.pool6 == "auto" or pool6 is None:
        pool6 = pool6 or pool_addresses.pool6(entropy)
    return Pools(pool4, pool6, former.servers if former else ())


def sites(texts: Sequence[str]) -> dict[str, str]:
    """Return the networks of ``--site NAME=CIDR`` options, by name.

    :raises CommandError: if one is not of that form
    """
    networks = {}
    for text in texts:
        name, equals, network = text.partition("=")
        if not equals or not name:
            raise CommandError(invalid("--site", text, "NAME=CIDR"))
        if name in networks:
            raise CommandError(f"--site: {quoted(name)} is given twice")
        networks[name] = addresses.parse_network(network)
    return networks


def site_port(config: Config) -> int | None:
    """Return the site's TCP port inside the tunnel, ``None`` without one."""
    if config.vpn.only:
        return int(config.vpn.port)
    return None if config.unix_socket is not None else config.port_number or None


def settings(
    arguments: argparse.Namespace,
    former: TunnelSettings | None,
    *,
    config: Config,
    wanted: Pools,
    port: int,
    user: int,
    known: Mapping[str, str],
) -> TunnelSettings:
    """Return the companion's settings; *known* are the networks by their former names.

    *port* is the default UDP port, *user* the server's uid.

    :raises CommandError: if they are invalid
    """
    base = former or TunnelSettings(addresses=wanted.interfaces, port=port)
    tcp, udp = _ports(arguments, former, config)
    settings = replace(
        base,
        addresses=wanted.interfaces,
        sites=_sites(arguments, base.sites, known),
        tcp_ports=tcp,
        site_port=site_port(config) or 0,
        udp_ports=udp,
        users=(user,),
        interface=_interface(arguments, base),
        backend=arguments.backend or base.backend,
    )
    if arguments.port is not None:
        settings = replace(settings, port=addresses.parse_port(arguments.port))
    if arguments.mtu is not None:
        settings = replace(settings, mtu=_mtu(arguments.mtu))
    try:
        check(settings)
    except WrongSettings as error:
        raise CommandError(str(error)) from None
    return settings


def _interface(arguments: argparse.Namespace, base: TunnelSettings) -> str:
    name: str | None = arguments.interface
    if name is None:
        return base.interface
    if name.startswith("-"):  # programs would parse it as an option
        raise CommandError(
            invalid("--interface", name, "a name that does not begin with -")
        )
    return name


def _mtu(text: str) -> int:
    if not (
        text.isascii()
        and text.isdigit()
        and len(text) < 6
        and 1280 <= int(text) <= 9000
    ):
        raise CommandError(invalid("--mtu", text, "1280 to 9000"))
    return int(text)


def _ports(
    arguments: argparse.Namespace, former: TunnelSettings | None, config: Config
) -> tuple[tuple[int, ...], tuple[int, ...]]:
    site = site_port(config)
    dns = {_DNS} if config.vpn.dns == "forward" else set()
    own = {each for each in (site,) if each} | dns
    published = _published([*config.vpn.publish], "vpn.publish")
    if arguments.publish is not None:
        more = _published(arguments.publish, "--publish")
        published = tuple(a | b for a, b in zip(published, more, strict=True))
    elif former is not None:
        # Former ports of the site are not kept.
        past = {config.port_number, int(config.vpn.port), former.site_port, _DNS}
        kept = (set(former.tcp_ports) - past, set(former.udp_ports) - {_DNS})
        published = tuple(a | b for a, b in zip(published, kept, strict=True))
    tcp, udp = published
    return tuple(sorted(own | tcp)), tuple(sorted(dns | udp))


def _published(texts: Sequence[str], where: str) -> tuple[set[int], ...]:
    ports: dict[str, set[int]] = {"tcp": set(), "udp": set()}
    for text in texts:
        kind, slash, port = text.partition("/")
        if text == "none" and len(texts) == 1:
            continue
        if not slash or kind not in ports:
            raise CommandError(invalid(where, text, "a port such as tcp/22"))
        ports[kind].add(addresses.parse_port(port))
    return ports["tcp"], ports["udp"]


def _sites(
    arguments: argparse.Namespace, former: Sequence[SiteRule], known: Mapping[str, str]
) -> tuple[SiteRule, ...]:
    given = sites(arguments.site)
    nat = {each.network: each.nat for each in former}
    for name in (*given, *arguments.no_site):
        if name in known and known[name] != given.get(name):
            nat.pop(known[name], None)
        elif name not in known and name not in given:
            raise CommandError(f"--no-site: there is no subnet route {quoted(name)}")
    names = {**known, **given}
    for network in given.values():
        nat.setdefault(network, True)
    for option, value in (("no_nat", False), ("nat", True)):
        for name in getattr(arguments, option):
            if names.get(name) not in nat:
                text = option.replace("_", "-")
                raise CommandError(f"--{text}: there is no subnet route {quoted(name)}")
            nat[names[name]] = value
    return tuple(SiteRule(network, hides) for network, hides in nat.items())
