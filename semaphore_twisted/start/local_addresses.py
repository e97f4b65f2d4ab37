"""The names and addresses of this machine, found without the network.

A lookup over the network could take longer than the whole start.
"""

import ipaddress
import socket
from pathlib import Path

from semaphore_twisted.crypto.certificates import dns_name


def own_names() -> tuple[str, ...]:
    """Return localhost, the host name, and its longer forms in ``/etc/hosts``."""
    host = dns_name(socket.gethostname())
    names = ["localhost"]
    if host:
        names.append(host)
        names += longer_forms(host, _read("/etc/hosts"))
    return tuple(dict.fromkeys(names))


def own_addresses() -> tuple[str, ...]:
    """Return the loopback and interface addresses, except link-local ones."""
    addresses = [
        "127.0.0.1",
        "::1",
        *ipv4_addresses(_read("/proc/net/fib_trie")),
        *ipv6_addresses(_read("/proc/net/if_inet6")),
    ]
    return tuple(dict.fromkeys(addresses))


def longer_forms(host: str, hosts: str) -> list[str]:
    """Return the names in *hosts* (``/etc/hosts``) that begin with *host* and a dot."""
    short = host.partition(".")[0]
    forms = []
    for line in hosts.splitlines():
        words = line.partition("#")[0].split()[1:]
        forms += [
            name
            for name in filter(None, map(dns_name, words))
            if name.startswith(f"{short}.")
        ]
    return forms


def ipv4_addresses(trie: str) -> list[str]:
    """Return the local addresses in *trie* (``/proc/net/fib_trie``)."""
    found = []
    last = ""
    for line in trie.splitlines():
        text = line.strip()
        if text.startswith("|--"):
            last = text.removeprefix("|--").strip()
        elif text == "/32 host LOCAL" and last:
            found.append(last)
    return [each for each in dict.fromkeys(found) if _usable(each)]


def ipv6_addresses(table: str) -> list[str]:
    """Return the addresses in *table* (``/proc/net/if_inet6``)."""
    found = []
    for line in table.splitlines():
        digits = line.split(" ")[0]
        if len(digits) == 32:
            try:
                found.append(str(ipaddress.IPv6Address(bytes.fromhex(digits))))
            except ValueError:
                continue
    return [each for each in dict.fromkeys(found) if _usable(each)]


def _usable(text: str) -> bool:
    address = ipaddress.ip_address(text)
    return not (address.is_link_local or address.is_unspecified)


def _read(path: str) -> str:
    try:
        return Path(path).read_text(errors="replace")
    except OSError:
        return ""
