"""Collects the accepted host names of the site."""

from collections.abc import Collection, Iterable
from pathlib import Path

from cryptography import x509

from semaphore_twisted.config.options import Config
from semaphore_twisted.config.site_address import host_of
from semaphore_twisted.model.peers import Network
from semaphore_twisted.start.listener_factories import known_hosts

#: Names the search domains that are appended to a bare name.
_RESOLV_CONF = Path("/etc/resolv.conf")


def hosts(
    config: Config,
    network: Network | None,
    *,
    own: Collection[str] | None = None,
    resolv_conf: Path = _RESOLV_CONF,
) -> tuple[str, ...]:
    """Return the accepted host names: the site's own, and ``allowed_hosts``.

    *own* are the names and addresses of this machine, by default those that it finds.
    """
    own = sorted(known_hosts(config) if own is None else own)
    inside: tuple[str, ...] = (config.vpn.domain,)
    if network is not None:
        outside = network.endpoint.rpartition(":")[0]
        inside = (*inside, network.domain, host_of(network.url), outside)
    every = (
        *own,
        *_longer(own, _search_domains(_read(resolv_conf))),
        host_of(config.web_host),
        *config.acme_names,
        *inside,
        *config.allowed_hosts,
    )
    return tuple(dict.fromkeys(filter(None, every)))


def certified(leaves: Iterable[x509.Certificate]) -> tuple[str, ...]:
    """Return the DNS names in the served certificates *leaves*."""
    kind = x509.SubjectAlternativeName
    found: list[str] = []
    for leaf in leaves:
        try:
            names = leaf.extensions.get_extension_for_class(kind).value
        except x509.ExtensionNotFound:
            continue
        found += names.get_values_for_type(x509.DNSName)
    return tuple(found)


def _longer(names: list[str], domains: list[str]) -> list[str]:
    """Return the bare names in *names* with each domain, as other machines use them."""
    bare = [each for each in names if not {".", ":"} & set(each)]
    return [f"{each}.{domain}" for each in bare for domain in (*domains, "local")]


def _search_domains(text: str) -> list[str]:
    """Return the search domains in ``resolv.conf``; the last such line counts."""
    domains: list[str] = []
    for line in text.splitlines():
        word, *rest = line.split() or [""]
        if word in {"search", "domain"}:
            domains = [each.strip(".").lower() for each in rest]
    return list(filter(None, domains))


def _read(path: Path) -> str:
    try:
        return path.read_text(errors="replace")
    except OSError:
        return ""
