"""The URL at which new devices enroll, and the root that they must trust."""

import hashlib
import socket
import ssl
from functools import partial
from pathlib import Path

from attrs import frozen
from cryptography import x509

from semaphore_twisted.common.command_error import CommandError
from semaphore_twisted.config.listener_options import socket_path
from semaphore_twisted.crypto.certificates import covers
from semaphore_twisted.model.errors import Conflict
from semaphore_twisted.model.peers import Network
from semaphore_twisted.model.refusals import invalid
from semaphore_twisted.start.certificates import link_trust
from semaphore_twisted.start.installation import Installation
from semaphore_twisted.start.operator_files import content_of
from semaphore_twisted.start.vpn import enroll_url
from semaphore_twisted.web.enroll.commands import is_base


@frozen
class EnrollmentSite:
    """The base URL of the enrollment pages; *fingerprint* is empty for a public CA."""

    base: str
    fingerprint: str
    #: why devices may not reach it; empty without a doubt
    doubt: str = ""


def enrolling(installation: Installation, network: Network) -> EnrollmentSite:
    """Return the URL where devices enroll.

    :raises CommandError: if they could not enroll safely, or not at all
    """
    base, doubt = _base(installation, network)
    if not base.startswith("https://"):
        raise CommandError(
            f"web_host, tls.enabled: {base} is not HTTPS; expected HTTPS, over which "
            "devices enroll"
        )
    if not is_base(base):
        raise CommandError(
            invalid("web_host", base, "an address without special characters")
        )
    return EnrollmentSite(base, _fingerprint(installation, network, base), doubt)


def _base(installation: Installation, network: Network) -> tuple[str, str]:
    """Return the URL where devices enroll, and why they may not reach it."""
    config = installation.config
    if config.vpn.enroll_port:
        return enroll_url(config, network), ""
    if config.vpn.only:
        raise CommandError(
            "vpn.enroll_port: invalid value 0; expected a port: with vpn.only the site "
            "is reached inside the tunnel only, and devices enroll outside of it"
        )
    if config.web_host:
        return config.web_host.rstrip("/"), ""
    if config.unix_socket is not None or not config.tls.enabled:
        raise CommandError("web_host: not set; expected the address that devices reach")
    host, doubt = _host(installation, network)
    return _address(host, config.port_number), doubt


def _host(installation: Installation, network: Network) -> tuple[str, str]:
    """Return the first interface's address, or a name of this host for a usual one.

    Devices know the endpoint's host, which is used if the certificate covers it.
    """
    config = installation.config
    host = next(each for each in config.interfaces if socket_path(each) is None)
    usual = {"", "::", "0.0.0.0", "127.0.0.1", "::1", "localhost"}  # noqa: S104
    if host.strip("[]") not in usual:
        return f"[{host}]" if ":" in host and not host.startswith("[") else host, ""
    endpoint = network.endpoint.rpartition(":")[0]
    if config.tls.origin == "acme":
        names = config.acme_names
        return endpoint if endpoint in names else names[0], ""
    if _is_covered(installation, endpoint.strip("[]")):
        return endpoint, ""
    machine = socket.gethostname()
    return machine, (
        f"web_host: none found, so the link names this machine, {machine}, which "
        f"devices may not find; the certificate is not for {endpoint} either. Set "
        "web_host to the address at which devices reach the site"
    )


def _address(host: str, port: int) -> str:
    return f"https://{host}" + ("" if port == 443 else f":{port}")


def _fingerprint(installation: Installation, network: Network, base: str) -> str:
    """Return the SHA-256 of the local CA's root, empty if it is not needed.

    The certificate of the operator, or of a proxy, is assumed to be from a public CA.
    """
    try:
        if not link_trust.is_pinned(
            installation.config,
            base,
            partial(_is_covered, installation),
            small=enroll_url(installation.config, network),
        ):
            return ""
    except Conflict as error:
        raise CommandError(error.message) from None
    path = installation.state.tls / "root.pem"
    try:
        der = ssl.PEM_cert_to_DER_cert(content_of(path).decode())
    except FileNotFoundError:
        raise CommandError(
            f"{path}: no local certificate authority (CA) yet; start the server once"
        ) from None
    except (OSError, ValueError) as error:
        raise CommandError(f"{path}: {error}") from error
    return hashlib.sha256(der).hexdigest()


def _is_covered(installation: Installation, host: str) -> bool:
    """Return whether the certificate of this installation is for *host*."""
    path = installation.state.tls / "chain.pem"
    if installation.config.tls.origin == "files":
        path = Path(installation.config.tls.cert_file)
    try:
        return covers(x509.load_pem_x509_certificate(content_of(path)), host)
    except FileNotFoundError:
        return False  # no start yet, which is reported for the root
    except (OSError, ValueError) as error:
        raise CommandError(f"{path}: {error}") from error
