"""Checks of ``vpn doctor`` on the server's side; each yields findings.

Facts that only the companion can see (forwarding, foreign rules, backend, MTU) are
checked by the companion.
"""

import ipaddress
import secrets
import socket
import stat
from collections.abc import Callable, Iterator, Sequence
from datetime import datetime
from pathlib import Path

from twisted.names import dns

from semaphore_twisted.config.options import Config
from semaphore_twisted.model.peers import Network, SiteNetwork
from semaphore_twisted.wireguard import keys, wire, wire_answers
from semaphore_twisted.wireguard.settings import TunnelSettings
from semaphore_twisted.wireguard.wire import Finding

#: Handshakes further in the future, in seconds, mean that the clock was set back.
_AHEAD = 5

_RESOLVERS = Path("/etc/resolv.conf")

#: Timeout of a DNS query in seconds.
_TIMEOUT = 3.0


def ok(subject: str, sentence: str) -> Finding:
    """Return a finding without a problem."""
    return Finding(subject, "ok", sentence)


def warning(subject: str, sentence: str) -> Finding:
    """Return a finding that may be intentional."""
    return Finding(subject, "warning", sentence)


def error(subject: str, sentence: str) -> Finding:
    """Return a finding that makes the VPN unusable or unsafe."""
    return Finding(subject, "error", sentence)


def modes(state: Path, folder: Path) -> Iterator[Finding]:
    """Check the permissions of each file with secrets, and of the directories."""
    wrong = []
    folders = [(state, 0o700), (state / "tls", 0o700), (folder, 0o750)]
    files = [
        *(state / name for name in ("config.json", "semaphore.db", "wake.sock")),
        *(state / f"semaphore.db{end}" for end in ("-wal", "-shm")),
        state / "tls" / "key.pem",
        folder / "companion.json",
        folder / "private.key",
    ]
    unseen = False
    for path, most in [*folders, *((path, 0o600) for path in files)]:
        try:
            mode = stat.S_IMODE(path.stat().st_mode)
        except FileNotFoundError:
            continue
        except OSError:
            unseen = True
            continue
        if mode & ~most:
            wrong.append(f"{path} has {mode:04o}")
            yield error(
                "file modes",
                f"{path} has the mode {mode:04o}, {most:04o} wanted: "
                f"chmod {most:o} {path}",
            )
    if unseen:
        yield warning("file modes", f"not all of {folder} can be seen; run as root")
    elif not wrong:
        yield ok("file modes", f"nobody else can read {state} and {folder}")


def agreement(
    network: Network, sites: Sequence[SiteNetwork], welcome: wire.Welcome
) -> Iterator[Finding]:
    """Compare the database with the companion's settings, which root wrote."""
    mend = "run `semaphore vpn init` as root again, and restart the companion"
    if welcome.version < wire_answers.WITH_EXPIRY:
        yield warning(
            "companion",
            "it is of an older release, which does not know when peers expire: while "
            "the server does not run they stay; install the release of the server and "
            "run `systemctl restart semaphore-vpn`",
        )
    if keys.format(welcome.public_key) != network.public_key:
        yield error(
            "server key",
            f"the database has {network.public_key}, the companion "
            f"{keys.format(welcome.public_key)}: clients get the wrong one; {mend}",
        )
    else:
        yield ok("server key", f"{network.public_key} on both sides")
    wanted = {each for each in (network.pool4, network.pool6) if each}
    if wanted != set(welcome.pools):
        yield error(
            "pools",
            f"the database has {_listed(wanted)}, the companion allows "
            f"{_listed(welcome.pools)}; {mend}",
        )
    port = int(network.endpoint.rpartition(":")[2])
    if port != welcome.port:
        yield warning(
            "endpoint",
            f"clients send to port {port}, the server listens on {welcome.port}: right "
            "only if a router translates it",
        )
    for each in sites:
        if each.network not in welcome.sites:
            yield warning(
                "site networks",
                f"{each.name} ({each.network}) is not allowed by the companion, so "
                f"grants of it do nothing: semaphore vpn init --site "
                f"{each.name}={each.network}",
            )
    if network.mtu != welcome.mtu:
        yield warning(
            "mtu",
            f"clients get {network.mtu}, the server's interface has {welcome.mtu}; "
            f"{mend}",
        )


def ports(config: Config, port: int | None, welcome: wire.Welcome) -> Iterator[Finding]:
    """Check that peers reach the site (on *port*) and the published ports."""
    if port is None:
        yield warning("ports", "the site has no TCP port that peers could reach")
    elif port not in welcome.tcp_ports:
        yield error(
            "ports",
            f"peers cannot reach the site: TCP port {port} is not open to them; run "
            "`semaphore vpn init` again",
        )
    else:
        yield ok("ports", f"the site is open to peers on TCP port {port}")
    if config.vpn.dns == "forward" and 53 not in welcome.udp_ports:
        yield error(
            "ports",
            "peers cannot ask for names: UDP port 53 is not open to them; run "
            "`semaphore vpn init` again, or set vpn.dns to off",
        )
    for protocol, number in config.vpn.published:
        allowed = welcome.tcp_ports if protocol == "tcp" else welcome.udp_ports
        if number not in allowed:
            yield error(
                "ports",
                f"vpn.publish: {protocol}/{number} is not open to peers; run "
                "`semaphore vpn init` again",
            )


def nat(settings: TunnelSettings) -> Iterator[Finding]:
    """Report how hosts of the site networks see peers."""
    for each in settings.sites:
        if each.nat:
            yield ok("nat", f"{each.network} sees peers as this server's own address")
        else:
            pools = _listed([str(pool) for pool in settings.pools])
            yield warning(
                "nat",
                f"{each.network} sees peers' own addresses: its router needs a route "
                f"to {pools} by way of this server",
            )


def clock(observed: wire.Observed, now: datetime) -> Iterator[Finding]:
    """Check that the clock is not behind the last handshake."""
    newest = max((peer.handshake for peer in observed.peers), default=0)
    ahead = int(newest - now.timestamp())
    if ahead > _AHEAD:
        yield error(
            "clock",
            f"the newest handshake is {ahead} s in the future: the clock was set back, "
            "and clients are refused until it has caught up; check NTP",
        )
    elif abs(observed.time - now.timestamp()) > _AHEAD:
        yield error("clock", "the companion's clock is another one")
    else:
        yield ok("clock", f"{now:%Y-%m-%d %H:%M:%S} UTC")


def endpoint(
    network: Network,
    sites: Sequence[SiteNetwork] = (),
    *,
    resolve: Callable[..., Sequence[tuple[object, ...]]] = socket.getaddrinfo,
) -> Iterator[Finding]:
    """Check that the endpoint's name resolves to an address clients can reach.

    A client with a grant for a network that contains the endpoint would route the
    tunnel's own packets into the tunnel.
    """
    host = network.endpoint.rpartition(":")[0].strip("[]")
    try:
        addresses = {str(each[4][0]) for each in resolve(host, None)}  # type: ignore[index]
    except OSError as problem:
        yield error("endpoint", f"{host}: {problem.strerror or problem}")
        return
    loopback = [each for each in addresses if _is_inside(each, network)]
    if loopback:
        yield error(
            "endpoint",
            f"{host} is {_listed(loopback)}, which no client can reach from outside",
        )
    else:
        yield ok("endpoint", f"{network.endpoint} is {_listed(addresses)}")
    for each in sites:
        inside = [text for text in addresses if _holds(each.network, text)]
        if inside:
            yield warning(
                "site networks",
                f"{each.name} ({each.network}) holds {_listed(inside)}, the endpoint: "
                "clients that are granted it would send the tunnel's own packets into "
                "the tunnel; name the networks around it",
            )


def resolvers(network: Network, path: Path = _RESOLVERS) -> Iterator[Finding]:
    """Check that no resolver of this machine has an address in the pools."""
    try:
        lines = path.read_text(errors="replace").splitlines()
    except OSError:
        return
    for words in map(str.split, lines):
        if words[:1] != ["nameserver"] or len(words) < 2:
            continue
        for pool in filter(None, (network.pool4, network.pool6)):
            if words[1] not in {network.server4, network.server6} and _holds(
                pool, words[1]
            ):
                yield error(
                    "networks",
                    f"the resolver {words[1]} of this machine has an address in the "
                    f"pool {pool}, so it cannot be reached",
                )


def _holds(network: str, text: str) -> bool:
    """Return whether *text* is an address in *network*."""
    try:
        address = ipaddress.ip_address(text.partition("%")[0])
    except ValueError:
        return False
    parsed = ipaddress.ip_network(network)
    return address.version == parsed.version and address in parsed


def _is_inside(text: str, network: Network) -> bool:
    try:
        address = ipaddress.ip_address(text.partition("%")[0])
    except ValueError:
        return True
    pools = (
        ipaddress.ip_network(each) for each in (network.pool4, network.pool6) if each
    )
    return (
        address.is_loopback
        or address.is_unspecified
        or any(address.version == pool.version and address in pool for pool in pools)
    )


def names(network: Network) -> Iterator[Finding]:
    """Query the resolver on the tunnel's address for the site's own name."""
    if not network.dns:
        yield ok("names", "vpn.dns is off; clients use the address")
        return
    try:
        answer = asked(network.server4, network.domain)
    except OSError as problem:
        reason = "no answer" if isinstance(problem, TimeoutError) else problem.strerror
        yield error(
            "names",
            f"{network.server4}:53: {reason or problem}: names do not work on clients; "
            "does the server run, with CAP_NET_BIND_SERVICE for port 53?",
        )
        return
    if answer == network.server4:
        yield ok("names", f"{network.domain} is {answer}")
    else:
        yield error(
            "names",
            f"{network.domain} is {answer or 'unknown'}, {network.server4} wanted; is "
            "another resolver on port 53?",
        )


def asked(server: str, name: str) -> str:
    """Return the IPv4 address that *server* returns for *name*, empty if none.

    :raises OSError: if it does not answer
    """
    query = dns.Message(secrets.randbits(16), recDes=1)
    query.addQuery(name.encode("ascii"), dns.A)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as connection:
        connection.settimeout(_TIMEOUT)
        connection.connect((server, 53))
        connection.send(query.toStr())
        return address_in(connection.recv(4096), query.id)


def address_in(content: bytes, number: int) -> str:
    """Return the first IPv4 address in the answer *content* to query *number*.

    It is empty if there is none, or if *content* is not an answer to that query.
    """
    answer = dns.Message()
    try:
        answer.fromStr(content)
    except (EOFError, ValueError):
        return ""
    if not answer.answer or answer.id != number:
        return ""
    payloads: list[object] = [each.payload for each in answer.answers]
    addresses = [each for each in payloads if isinstance(each, dns.Record_A)]
    return addresses[0].dottedQuad() if addresses else ""


def site(address: str, port: int) -> Iterator[Finding]:
    """Check that the site answers inside the tunnel."""
    try:
        socket.create_connection((address, port), timeout=_TIMEOUT).close()
    except OSError as problem:
        reason = problem.strerror or str(problem)
        yield error(
            "site", f"{address}:{port} does not answer inside the tunnel: {reason}"
        )
    else:
        yield ok("site", f"{address}:{port} answers inside the tunnel")


def _listed(texts: Sequence[str] | set[str]) -> str:
    return ", ".join(sorted(texts)) or "nothing"
