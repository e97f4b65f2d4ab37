"""The listening socket, bound before anything else is made.

A busy port is then one line and an exit code instead of a traceback under the reactor.
"""

import errno
import ipaddress
import os
import socket
import stat
from pathlib import Path

from semaphore_twisted.config import Config

BACKLOG = 256


class CannotListen(Exception):
    """The address cannot be bound; the sentence says which and why."""


class PlainHttpRefused(Exception):
    """Plain HTTP on an address that others can reach."""


def is_local(config: Config) -> bool:
    """Whether only this machine can reach the address that *config* names."""
    if config.unix_socket is not None:
        return True
    host = config.interface.strip("[]")
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def check_plain_http(config: Config) -> str | None:
    """Return the warning that plain HTTP deserves, ``None`` where it is no danger.

    :raises PlainHttpRefused: if others could read it and nobody said they may.
    """
    if config.tls.enabled or config.vpn.only or is_local(config):
        return None  # the tunnel encrypts too
    where = config.interface or "every address"
    if config.insecure_http:
        return (
            f"insecure_http: passwords, tokens and secrets cross the network in clear "
            f"text, since plain HTTP is served on {where}"
        )
    raise PlainHttpRefused(
        f"tls.enabled: false found, with plain HTTP on {where}; three ways out: leave "
        "TLS on (tls.enabled: true, with tls.cert_file and tls.key_file if you have a "
        "certificate), or let a proxy on this machine do TLS (interface: 127.0.0.1), "
        "or listen inside a VPN and accept plain HTTP there (insecure_http: true)"
    )


def bind(config: Config) -> socket.socket:
    """Return a listening, non-blocking socket as *config* wants it.

    :raises CannotListen: with one sentence.
    """
    try:
        if config.unix_socket is not None:
            return _unix(Path(config.unix_socket))
        return _tcp(config.interface.strip("[]"), config.port_number)
    except socket.gaierror as error:
        raise CannotListen(
            f"interface: {config.interface!r} found, an address of this machine wanted"
        ) from error
    except OSError as error:
        raise CannotListen(_sentence(config, error)) from error


def _sentence(config: Config, error: OSError) -> str:
    where = config.unix_socket or f"port {config.port_number}"
    if error.errno == errno.EADDRINUSE:
        return f"{where} is in use by another program (option: port)"
    if error.errno == errno.EADDRNOTAVAIL:
        return (
            f"interface: {config.interface!r} found, an address of this machine wanted"
        )
    if error.errno == errno.EACCES:
        return (
            f"{where} may not be used: ports below 1024 need the capability "
            "CAP_NET_BIND_SERVICE"
        )
    # a socket's path that is too long has neither a number nor a text of its own
    return f"{where} cannot be listened on: {error.strerror or error}"


def _tcp(host: str, port: int) -> socket.socket:
    """Listen on *host*, on IPv6 and IPv4 both if it is empty."""
    if not host and not _has_ipv6():
        host = "0.0.0.0"  # noqa: S104 - what an empty interface means
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
    """Listen on *path*; a socket that nobody listens on any more is replaced."""
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        if path.exists() and stat.S_ISSOCK(path.stat().st_mode):
            with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
                if probe.connect_ex(str(path)) == errno.ECONNREFUSED:
                    path.unlink()
        listener.bind(str(path))
        path.chmod(0o660)  # the proxy's user joins by the group
        listener.listen(BACKLOG)
        listener.settimeout(0)
    except BaseException:
        listener.close()
        raise
    return listener


def bind_enrolling(config: Config) -> socket.socket | None:
    """Return a socket for the devices to come, ``None`` where none is wanted.

    :raises CannotListen: with one sentence.
    """
    port = config.vpn.enroll_port
    if not port:
        return None
    host = "" if config.unix_socket is not None else config.interface.strip("[]")
    try:
        return _tcp(host, port)
    except OSError as error:
        raise CannotListen(
            f"vpn.enroll_port: port {port} cannot be listened on: {error.strerror}"
        ) from error


def adopt(listener: socket.socket) -> int:
    """Return a descriptor of *listener* that Twisted may own; children lack it."""
    return os.dup(listener.fileno())
