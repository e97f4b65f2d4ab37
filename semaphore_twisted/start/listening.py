"""Binds the listening sockets before anything else is created.

A busy port is then one line and an exit code instead of a traceback under the reactor.
"""

import errno
import os
import socket
import stat
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

from attrs import frozen

from semaphore_twisted.config.listener_options import socket_path
from semaphore_twisted.config.options import Config
from semaphore_twisted.model import ip
from semaphore_twisted.model.refusals import invalid

BACKLOG = 256


class CannotListen(Exception):
    """The address cannot be bound; the sentence names the address and the reason."""


class PlainHttpRefused(Exception):
    """Plain HTTP on an address that other machines can reach."""


@frozen
class Sockets:
    """The listening sockets by purpose; *redirect* also receives ACME challenges."""

    main: Sequence[socket.socket] = ()
    redirect: Sequence[socket.socket] = ()
    enrolling: Sequence[socket.socket] = ()

    @property
    def port(self) -> int:
        """The site's port, 0 if it has only UNIX sockets."""
        addresses = [each.getsockname() for each in self.main]
        return next((each[1] for each in addresses if isinstance(each, tuple)), 0)


def is_local(config: Config, given: Sequence[socket.socket] = ()) -> bool:
    """Return whether only this machine can reach *given*, else *config*'s hosts."""
    if given:
        addresses = [each.getsockname() for each in given]
        return all(
            _is_local_host(each[0]) if isinstance(each, tuple) else True
            for each in addresses
        )
    return all(
        socket_path(each) is not None or _is_local_host(each.strip("[]"))
        for each in config.interfaces
    )


def _is_local_host(host: str) -> bool:
    if host == "localhost":
        return True
    return ip.is_loopback(host)


def check_plain_http(config: Config, given: Sequence[socket.socket] = ()) -> str | None:
    """Return a warning about plain HTTP, ``None`` if other machines cannot read it.

    It is served on the sockets *given*, if there are any, or on the interfaces of
    *config*.

    :raises PlainHttpRefused: if other machines could read it without permission
    """
    if config.tls.enabled or config.vpn.only or is_local(config, given):
        return None  # the tunnel encrypts as well
    where = "the sockets given" if given else config.interface or "every address"
    if config.insecure_http:
        return (
            f"insecure_http: passwords, tokens and secrets cross the network in clear "
            f"text, since plain HTTP is served on {where}"
        )
    raise PlainHttpRefused(
        f"tls.enabled: false would serve plain HTTP on {where}; three ways out: leave "
        "TLS on (tls.enabled: true, with tls.cert_file and tls.key_file if you have a "
        "certificate), or let a proxy on this machine do TLS (interface: 127.0.0.1), "
        "or listen inside a VPN and accept plain HTTP there (insecure_http: true)"
    )


def bind(config: Config, given: Sockets) -> Sockets:
    """Return listening, non-blocking sockets for *config*.

    Sockets that were *given* replace those with the same purpose.

    :raises CannotListen: with one sentence
    """
    main: Sequence[socket.socket] = ()
    if not config.vpn.only:
        main = given.main or _bind_main(config)
    return Sockets(
        main=main,
        redirect=given.redirect or [*_bind_challenges(config), *_bind_redirect(config)],
        enrolling=given.enrolling or _bind_enrolling(config),
    )


def _bind_main(config: Config) -> list[socket.socket]:
    port = config.port_number
    sockets: list[socket.socket] = []
    for each in config.interfaces:
        path = socket_path(each)
        if path is None:
            sockets.append(
                _bound(partial(_tcp, each, port), "port", f"port {port}", each)
            )
            port = sockets[-1].getsockname()[1]  # the kernel's choice applies to all
        else:
            sockets.append(_bound(partial(_unix, Path(path)), "port", path, each))
    return sockets


def _bound(
    bind: Callable[[], socket.socket], option: str, where: str, interface: str
) -> socket.socket:
    try:
        return bind()
    except (socket.gaierror, UnicodeError) as error:
        raise CannotListen(_foreign(interface)) from error
    except OSError as error:
        raise CannotListen(_sentence(error, option, where, interface)) from error


def _foreign(interface: str) -> str:
    return invalid("interface", interface, "an address of this machine")


def _sentence(error: OSError, option: str, where: str, interface: str) -> str:
    if error.errno == errno.EADDRINUSE:
        return f"{where} is in use by another program (option: {option})"
    if error.errno == errno.EADDRNOTAVAIL:
        return _foreign(interface)
    if error.errno == errno.EINVAL and ":" in interface and "%" not in interface:
        return invalid(
            "interface",
            interface,
            f"a link-local address with its zone, such as {interface}%eth0",
        )
    if error.errno == errno.EACCES:
        return (
            f"{where} may not be used: ports below 1024 need the capability "
            "CAP_NET_BIND_SERVICE"
        )
    # the error for a socket path that is too long has no number and no text
    return f"{where} cannot be listened on: {error.strerror or error}"


def _tcp(host: str, port: int) -> socket.socket:
    """Listen on *host*; on IPv6 and IPv4 if it is empty."""
    host = host.strip("[]")
    if not host and not _has_ipv6():
        host = "0.0.0.0"  # noqa: S104 - the meaning of an empty interface
    family, kind, protocol, _, address = socket.getaddrinfo(
        host or "::", port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
    )[0]
    listener = socket.socket(family, kind, protocol)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if family == socket.AF_INET6:
            listener.setsockopt(
                socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1 if host else 0
            )
        listener.bind(address)
        listener.listen(BACKLOG)
        listener.settimeout(0)
    except BaseException:
        listener.close()
        raise
    return listener


def _has_ipv6() -> bool:
    try:
        with socket.socket(socket.AF_INET6, socket.SOCK_STREAM) as probe:
            probe.bind(("::", 0))
    except OSError:
        return False
    return True


def _unix(path: Path) -> socket.socket:
    """Listen on *path*; a stale socket is replaced."""
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        if path.exists() and stat.S_ISSOCK(path.stat().st_mode):
            with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
                if probe.connect_ex(str(path)) == errno.ECONNREFUSED:
                    path.unlink()
        listener.bind(str(path))
        path.chmod(0o660)  # the proxy's user gets access by the group
        listener.listen(BACKLOG)
        listener.settimeout(0)
    except BaseException:
        listener.close()
        raise
    return listener


def _hosts(config: Config) -> list[str]:
    """Return the hosts of ``interface``; an empty one, for every address, if none."""
    hosts = [each for each in config.interfaces if socket_path(each) is None]
    return hosts or [""]


def _bind_enrolling(config: Config) -> list[socket.socket]:
    """Return the sockets of the enrollment listener, none without one."""
    port = config.vpn.enroll_port
    if not port:
        return []
    option = "vpn.enroll_port"
    return [
        _bound(partial(_tcp, each, port), option, f"{option}: port {port}", each)
        for each in _hosts(config)
    ]


def _bind_redirect(config: Config) -> list[socket.socket]:
    """Return the sockets that redirect, none if the challenge port does so."""
    host, port = config.tls.redirect_at
    if not port or not config.tls.enabled or _challenges_at(config) == port:
        return []
    option = "tls.http_redirect_addr" if host else "tls.http_redirect_port"
    hosts = _hosts(config) if host is None else [host]
    return [
        _bound(partial(_tcp, each, port), option, f"{option}: port {port}", each)
        for each in hosts
    ]


def _bind_challenges(config: Config) -> list[socket.socket]:
    """Return the sockets for HTTP-01 challenges; they redirect other requests."""
    port = _challenges_at(config)
    option = "acme.http_port"
    return [
        _bound(partial(_tcp, each, port), option, f"{option}: port {port}", each)
        for each in (_hosts(config) if port else ())
    ]


def _challenges_at(config: Config) -> int:
    """Return the port for HTTP-01 challenges, or 0."""
    acme = config.tls.enabled and config.tls.origin == "acme"
    return config.acme.http_port if acme and config.acme.challenge == "http-01" else 0


def adopt(listener: socket.socket) -> int:
    """Return a duplicate of *listener*'s descriptor for Twisted.

    Children do not get it.
    """
    return os.dup(listener.fileno())
