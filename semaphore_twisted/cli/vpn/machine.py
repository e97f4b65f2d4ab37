"""Inspects this machine's interfaces, networks and connections.

``vpn init`` and ``vpn restore`` check them before anything is written: the companion
must not take an interface or a network away from the machine.
"""

import ipaddress
import os
import shutil
import subprocess
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TypeVar

import msgspec

from semaphore_twisted.cli.vpn.companion import ask
from semaphore_twisted.common.command_error import CommandError
from semaphore_twisted.wireguard import machine, pool_conflicts, wire
from semaphore_twisted.wireguard.machine import (
    MachineInterface,
    MachineRoute,
    UsedNetwork,
)
from semaphore_twisted.wireguard.settings import TunnelSettings

T = TypeVar("T")

_FOLDERS = "/usr/local/sbin:/usr/sbin:/sbin"
_TIMEOUT = 30.0

#: Types of interfaces that a companion creates.
_OURS = ("wireguard", "tun")


def check_interface(name: str, former: TunnelSettings | None, companion: Path) -> None:
    """Refuse the name of an interface that the companion did not create.

    *former* are the former settings, *companion* is its socket.

    :raises CommandError: with the remedy
    """
    link = next((x for x in links() if name in {x.ifname, *x.altnames}), None)
    if link is None:
        return
    if link.ifname != name:
        raise CommandError(
            f"--interface: {name} is another name of the interface {link.ifname}; "
            "choose a name that no interface has, such as semaphore0"
        )
    known = former is not None and former.interface == name and link.kind in _OURS
    if not known and not _is_companions(name, link.ifindex, companion):
        raise CommandError(
            f"--interface: {name} exists, and the companion did not make it"
            f"{f' (its type is {link.kind})' if link.kind else ''}; choose a name that "
            "no interface has, such as semaphore0"
        )


def _is_companions(name: str, index: int, companion: Path) -> bool:
    """Return whether a running companion says that it owns the interface."""
    try:
        welcome = ask(companion, wire.Hello(), wire.Welcome)
    except CommandError:
        return False
    return (welcome.interface, welcome.index) == (name, index)


def check_pools(
    pools: Sequence[str], *, endpoint: str, without: str, force: bool
) -> None:
    """Refuse pools that overlap with networks in use on this machine.

    *without* is the tunnel's interface; *force* accepts unusual but possible pools.

    :raises CommandError: with the overlap, and a free pool
    """
    present = [*used_networks(without)]
    host = endpoint.rpartition(":")[0]
    for text in pools:
        pool = ipaddress.ip_network(text)
        found = pool_conflicts.conflicts(pool, present, host)
        wrong = [each for each in found if not (each.forcible and force)]
        if not wrong:
            continue
        option = "--pool6" if pool.version == 6 else "--pool"
        hint = "choose another network"
        if pool.version == 4:
            free = pool_conflicts.suggested(present, pool.prefixlen)
            hint += f", such as {free}" if free else ""
        if all(each.forcible for each in wrong):
            hint += ", or say --force if that is meant"
        raise CommandError(f"{option}: {wrong[0].sentence}; {hint}")


def check_site(option: str, text: str, endpoint: str) -> None:
    """Refuse a network that cannot be a site network.

    :raises CommandError: with the reason
    """
    network = ipaddress.ip_network(text)
    reason = pool_conflicts.no_site(network, endpoint.rpartition(":")[0])
    if reason:
        raise CommandError(f"{option}: {reason}")


def used_networks(without: str) -> Iterator[UsedNetwork]:
    """Yield the networks, routers and connections of this machine.

    :raises CommandError: if they cannot be determined
    """
    routes = [
        each
        for family in ("-4", "-6")
        for each in _printed(
            list[MachineRoute], family, "route", "show", "table", "all"
        )
    ]
    yield from machine.used_networks(links(), routes, without=without)
    for address in _others():
        yield UsedNetwork(ipaddress.ip_network(address), f"a connection to {address}")


def links() -> list[MachineInterface]:
    """Return the interfaces.

    :raises CommandError: if they cannot be determined
    """
    return _printed(list[MachineInterface], "-details", "address", "show")


def _printed(kind: type[T], *words: str) -> T:
    program = _program("ip")
    if program is None:
        raise CommandError("ip is not installed: apt install iproute2")
    try:
        done = subprocess.run(
            [program, "-json", *words],
            capture_output=True,
            timeout=_TIMEOUT,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise CommandError(f"ip {' '.join(words)}: {error}") from None
    if done.returncode != 0 and words[0] != "-6":  # a kernel without IPv6 fails
        reason = done.stderr.decode(errors="replace").strip().partition("\n")[0]
        raise CommandError(f"ip {' '.join(words)}: {reason}")
    try:
        return msgspec.json.decode(done.stdout.strip() or b"[]", type=kind)
    except msgspec.DecodeError:
        raise CommandError(
            f"ip {' '.join(words)}: its output is not understood"
        ) from None


def _others() -> Iterator[str]:
    """Yield the peers of TCP connections, such as the administrator's login."""
    program = _program("ss")
    if program is None:
        return
    try:
        done = subprocess.run(
            [program, "-H", "-n", "-t", "state", "established"],
            capture_output=True,
            text=True,
            timeout=_TIMEOUT,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired):
        return
    networks: set[str] = set()
    for line in done.stdout.splitlines():
        words = line.split()
        if len(words) > 3:  # queues, local end, remote end
            networks.update(_usable(words[3].rpartition(":")[0].strip("[]")))
    yield from sorted(networks)


def _program(name: str) -> str | None:
    """Return the path of a system program."""
    return shutil.which(name, path=f"{os.environ.get('PATH', '')}:{_FOLDERS}")


def _usable(text: str) -> Iterator[str]:
    """Yield the address in *text*, unless it is invalid or local to this machine."""
    try:
        address = ipaddress.ip_address(text.partition("%")[0])
    except ValueError:
        return
    if isinstance(address, ipaddress.IPv6Address) and address.ipv4_mapped:
        yield from _usable(str(address.ipv4_mapped))
    elif not (address.is_loopback or address.is_link_local or address.is_unspecified):
        yield str(address)
