"""Assembles the ACME service and the certificate source that it feeds."""

import os
from collections.abc import Callable, Sequence
from datetime import datetime
from pathlib import Path

from attrs import frozen
from cryptography import x509
from OpenSSL import SSL
from twisted.internet.interfaces import IProtocolFactory, IReactorTime
from twisted.web.iweb import IAgent

from semaphore_twisted.acme import schedule
from semaphore_twisted.acme.certificate_files import CertificateFiles, StoredCertificate
from semaphore_twisted.acme.challenges import Challenges
from semaphore_twisted.acme.client import Binding
from semaphore_twisted.acme.exchange import AgentTransport
from semaphore_twisted.acme.service import AcmeService, AcmeSettings
from semaphore_twisted.acme.state_store import DatabaseStateStore
from semaphore_twisted.common import atomic_file
from semaphore_twisted.config import acme_options
from semaphore_twisted.config.options import Config
from semaphore_twisted.crypto.keyring import Keyring
from semaphore_twisted.interfaces import IDatabase, IServerReactor
from semaphore_twisted.start.installation import InstallationRefused
from semaphore_twisted.start.operator_files import content_of
from semaphore_twisted.tls_client import policy
from semaphore_twisted.tls_client.policy import TlsPolicy
from semaphore_twisted.web.listener.challenge_port import challenge_site
from semaphore_twisted.web.listener.client_hello import ClientHello
from semaphore_twisted.web.listener.public_certificate import (
    PublicCertificates,
    challenge_context,
)
from semaphore_twisted.web.listener.tls import PemCertificates


def folder(path: Path) -> CertificateFiles:
    """Return the certificate directory at *path*."""
    return CertificateFiles(path, atomic_file.write)


def agent(config: Config, reactor: IReactorTime) -> IAgent:
    """Return the agent that connects to the CA.

    It trusts only ``acme.ca_bundle``, or else the system's roots and ``ca_bundle``.

    :raises InstallationRefused: if one of them cannot be used
    """
    only = _roots("acme.ca_bundle", config.acme.ca_bundle)
    also = None if only else _roots("ca_bundle", config.ca_bundle)
    return policy.agent(reactor, TlsPolicy(policy.trust(only=only, also=also)))


def _roots(option: str, path: str) -> bytes | None:
    """Read the roots at *path*, which *option* names; ``None`` without a path."""
    if not path:
        return None
    try:
        roots = content_of(path)
        policy.trust(only=roots)
    except OSError as error:
        raise InstallationRefused(f"{option}: {path}: {error.strerror}") from None
    except ValueError as error:
        raise InstallationRefused(f"{option}: {path}: {error}") from None
    return roots


def settings(config: Config) -> AcmeSettings:
    """Return the settings of the ACME service."""
    acme = config.acme
    binding = None
    if acme.eab_kid:
        binding = Binding(acme.eab_kid, acme_options.binding_key(acme.eab_key))
    return AcmeSettings(
        directory=acme.directory,
        names=config.acme_names,
        challenge=acme.challenge,
        email=acme.email,
        binding=binding,
    )


@frozen
class AcmeParts:
    """The parts of ACME that the server uses."""

    source: PublicCertificates
    service: AcmeService
    _challenges: Challenges
    _store: DatabaseStateStore
    _names: Sequence[str]

    @property
    def error(self) -> str:
        """Why there is no newer certificate; empty if nothing is wrong."""
        return self.service.broken or self._store.record.reason

    def wake(self) -> None:
        """Check the certificate now."""
        self.service.wake()

    def planned(self, leaf: x509.Certificate) -> datetime | None:
        """Return when *leaf* is to be renewed, ``None`` if another CA issued it.

        A CA may suggest a time later than two thirds of the validity period.
        """
        record = self._store.record
        return None if record.issued is None else schedule.renewal(leaf, record)

    def site(self, url: str, port: int, *, clock: IReactorTime) -> IProtocolFactory:
        """Return the factory that answers HTTP-01 challenges and redirects to *url*.

        If *url* is not an HTTPS URL, it redirects to *port* of the certificate's first
        name.
        """
        if not url.startswith("https:"):
            host = self._names[0]
            url = f"https://{host}" if port == 443 else f"https://{host}:{port}"
        factory: IProtocolFactory = challenge_site(
            self._challenges.answer, url, clock=clock
        )
        return factory

    def challenge(self, said: ClientHello) -> SSL.Context | None:
        """Return the context for the TLS-ALPN-01 challenge of a hello, or ``None``."""
        found = self._challenges.certificate(said.server_name)
        if found is None:
            return None
        return challenge_context(chain=found.certificate_pem, key=found.key_pem)


def assemble(
    config: Config,
    path: Path,
    *,
    local: PemCertificates,
    database: IDatabase,
    keyring: Keyring,
    reactor: IServerReactor,
    now: Callable[[], datetime],
) -> AcmeParts:
    """Assemble the parts; a stored certificate in *path* is served at once.

    :raises InstallationRefused: if ``acme.ca_bundle`` or ``ca_bundle`` cannot be used
    """
    source = PublicCertificates(local, now, inside=config.vpn.only)
    files = folder(path)
    challenges = Challenges(now)

    def present(stored: StoredCertificate) -> None:
        source.present(chain=stored.chain, key=stored.key)

    newest = files.newest(now())
    if newest is not None:
        present(newest)
    store = DatabaseStateStore(database, keyring, config.acme.directory, files, now)
    service = AcmeService(
        settings=settings(config),
        exchange=AgentTransport(agent(config, reactor), reactor),
        store=store,
        challenges=challenges,
        present=present,
        clock=reactor,
        now=now,
        chance=_chance,
    )
    return AcmeParts(source, service, challenges, store, config.acme_names)


def _chance() -> float:
    return int.from_bytes(os.urandom(7)) / (1 << 56)
