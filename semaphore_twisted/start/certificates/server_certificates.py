"""The certificates of a running server: served, renewed, and checked."""

from collections.abc import Callable
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path
from typing import ClassVar, Protocol

from attrs import define, field, frozen
from cryptography import x509
from OpenSSL import SSL
from twisted.application.service import Service
from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IProtocolFactory, IReactorTime
from twisted.logger import Logger

from semaphore_twisted.config.options import Config
from semaphore_twisted.config.site_address import host_of
from semaphore_twisted.crypto.certificates import covers, fingerprint
from semaphore_twisted.crypto.pairs import names_of
from semaphore_twisted.interfaces import ICertificateSource, IDatabase, IServerReactor
from semaphore_twisted.start import first_start
from semaphore_twisted.start import services as start_services
from semaphore_twisted.start.certificates import link_trust, reload
from semaphore_twisted.start.certificates.authority import Certificates
from semaphore_twisted.start.certificates.expiry_warning import GRACE, ExpiryWarning
from semaphore_twisted.start.certificates.reload import CertificateReload
from semaphore_twisted.start.first_start import ReadyInstallation
from semaphore_twisted.start.listener_factories import ListenerFactories
from semaphore_twisted.web.http.ca_roots import CaRoot, CaRoots
from semaphore_twisted.web.listener.client_hello import ClientHello
from semaphore_twisted.web.listener.port import no_challenge
from semaphore_twisted.web.listener.tls import PemCertificates


@define
class LocalCertificates:
    """The local CA of the running server, as of its last renewal."""

    _made: Certificates
    _renew: Callable[[], "Deferred[Certificates]"]
    roots: CaRoots = field(init=False)
    _log: ClassVar[Logger] = Logger()

    def __attrs_post_init__(self) -> None:
        """Read the roots once; a page shows them at each request."""
        self.roots = _roots(self._made)

    def renew(self) -> "Deferred[Certificates]":
        """Renew what is due; fires with the certificates."""
        return self._renew().addCallback(self._noted)

    def _noted(self, certificates: Certificates) -> Certificates:
        if certificates.next_root is not None and self._made.next_root is None:
            self._log.warn(
                "The next root is {path}: clients must trust it before {day}, when it "
                "takes over",
                path=str(certificates.next_root),
                day=f"{certificates.takes_over:%Y-%m-%d}",
            )
        if certificates.fingerprint != self._made.fingerprint:
            self._log.warn(
                "The next root is in use now (SHA-256 {it})",
                it=certificates.fingerprint,
            )
        self._made, self.roots = certificates, _roots(certificates)
        return certificates


def _roots(certificates: Certificates) -> CaRoots:
    upcoming = None if certificates.next_root is None else _root(certificates.next_root)
    former = (
        None if certificates.former_root is None else _root(certificates.former_root)
    )
    return CaRoots(_root(certificates.root), upcoming, certificates.takes_over, former)


def _root(path: Path) -> CaRoot | None:
    try:
        pem = path.read_bytes()
        return CaRoot(pem, fingerprint(x509.load_pem_x509_certificate(pem)))
    except (OSError, ValueError):
        return None  # another file has replaced it


class OrderedCertificate(Protocol):
    """A certificate that is ordered by ACME: ``start.certificates.acme.AcmeParts``.

    That module and the client need 1 MB of memory, so a server without ACME does not
    import them.
    """

    @property
    def source(self) -> ICertificateSource:
        """The source of the certificate, or of the local one until there is one."""

    @property
    def service(self) -> Service:
        """The service that orders and renews it."""

    @property
    def error(self) -> str:
        """Why there is no newer certificate; empty if nothing is wrong."""

    def wake(self) -> None:
        """Check the certificate now."""

    def planned(self, leaf: x509.Certificate) -> datetime | None:
        """Return when *leaf* is to be renewed, ``None`` if another CA issued it."""

    def site(self, url: str, port: int, *, clock: IReactorTime) -> IProtocolFactory:
        """Return the factory that answers challenges and redirects to *url*."""

    def challenge(self, said: ClientHello) -> SSL.Context | None:
        """Return the context for the challenge of a hello, or ``None``."""


@frozen
class ServerCertificates:
    """The served certificates, and the services that renew and check them.

    *own* is the certificate of the operator or of the local CA; *presented* is *own*,
    or an ACME certificate with *own* as fallback.
    """

    own: PemCertificates
    presented: ICertificateSource
    acme: OrderedCertificate | None
    _renewal: CertificateReload
    _watch: ExpiryWarning
    _now: Callable[[], datetime]
    _local: LocalCertificates | None = None

    def roots(self) -> CaRoots:
        """Return the roots of the local CA; empty without one."""
        return CaRoots() if self._local is None else self._local.roots

    def is_pinned(self, config: Config, base: str, *, small: str) -> bool:
        """Return whether a link to *base* has the fingerprint of the local root.

        *small* is the URL of the enrollment listener.

        :raises Conflict: if devices could not trust the certificate there
        """
        covered = partial(covers, self.own.leaf)
        return link_trust.is_pinned(config, base, covered, small=small)

    @property
    def services(self) -> list[Service]:
        """The services that run beside the listeners."""
        first: list[Service] = [self._renewal, self._watch]
        return first if self.acme is None else [*first, self.acme.service]

    def check(self) -> None:
        """Check the files and the database now."""
        self._renewal.check()
        if self.acme is not None:
            self.acme.wake()

    def doubts(self, config: Config) -> tuple[str, ...]:
        """Return warnings about an operator's certificate that is usable."""
        host = host_of(config.web_host)
        if config.tls.origin != "files" or not host or covers(self.own.leaf, host):
            return ()
        names = ", ".join(names_of(self.own.leaf))
        return (
            f"tls.cert_file: the certificate is for {names}, web_host says {host}: "
            "browsers refuse it there, unless a proxy has another",
        )

    def failing(self) -> bool:
        """Return whether the renewal of a certificate has failed."""
        return bool(self.failure_reason)

    @property
    def failure_reason(self) -> str:
        """The reason why the renewal of a certificate has failed; empty if it works."""
        return self._renewal.why or ("" if self.acme is None else self.acme.error)

    def expires(self) -> float:
        """Return the seconds until the served certificate expires."""
        end: datetime = self.presented.leaf.not_valid_after_utc
        return (end - self._now()).total_seconds()


def served(
    made: ReadyInstallation,
    *,
    database: IDatabase,
    reactor: IServerReactor,
    now: Callable[[], datetime],
) -> ServerCertificates | None:
    """Return the certificates of *made*, ``None`` without TLS.

    :raises Refused: if they cannot be used
    """
    installation = made.installation
    config = installation.config
    if not config.tls.enabled:
        return None
    public: OrderedCertificate | None = None
    local = None
    files: tuple[str, ...] = ()
    if made.certificates is None:
        own = start_services.own_pair(config)
        newest, every = reload.of_files(config), reload.FILES
        files = (config.tls.cert_file, config.tls.key_file)
    else:
        own = start_services.local_pair(made.certificates)
        renew = partial(
            database.write, first_start.certificates, made.keyring, installation
        )
        local = LocalCertificates(made.certificates, renew)
        newest, every = reload.of_authority(local.renew), reload.AUTHORITY
    checking = CertificateReload(
        own,
        newest,
        every=every,
        host=host_of(config.web_host),
        folder=installation.state.tls,
        presented=lambda: presented.leaf,
        files=files,
        reactor=reactor,
        now=now,
    )
    if config.orders_certificate:
        from semaphore_twisted.start.certificates import acme  # noqa: PLC0415

        public = acme.assemble(
            config,
            installation.state.tls,
            local=own,
            database=database,
            keyring=made.keyring,
            reactor=reactor,
            now=now,
        )
    presented = own if public is None else public.source
    watch = ExpiryWarning(
        presented,
        reason=lambda: checking.why if public is None else public.error,
        grace=timedelta() if files else GRACE,
        clock=reactor,
        now=now,
        planned=lambda leaf: None if public is None else public.planned(leaf),
    )
    return ServerCertificates(own, presented, public, checking, watch, now, local)


def listener_factories(
    found: ServerCertificates | None, config: Config, *, clock: IReactorTime
) -> ListenerFactories:
    """Return the creator of listener factories, with the certificates of *found*."""
    public = None if found is None else found.acme
    return ListenerFactories(
        config=config,
        source=None if found is None else found.presented,
        clock=clock,
        challenge=no_challenge if public is None else public.challenge,
    )


def plain_port(
    found: ServerCertificates | None,
    made: ListenerFactories,
    *,
    url: str,
    port: int,
    clock: IReactorTime,
) -> IProtocolFactory:
    """Return the factory for plain HTTP ports: ACME challenges, and redirects to *url*.

    Without *url* it redirects to *port* of this machine.
    """
    if found is None or found.acme is None:
        return made.redirects(port=port, url=url)
    return made.plain(found.acme.site(url, port, clock=clock))
