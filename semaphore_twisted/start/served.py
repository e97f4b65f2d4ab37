"""The certificates of a running server: presented, renewed, and watched."""

from collections.abc import Callable
from datetime import datetime, timedelta
from functools import partial
from typing import Any

from attrs import frozen
from twisted.application.service import Service
from twisted.internet.interfaces import IProtocolFactory

from semaphore_twisted.config import Config
from semaphore_twisted.interfaces import IDatabase
from semaphore_twisted.start import acme, first_start, serving
from semaphore_twisted.start.acme import Acme
from semaphore_twisted.start.entrances import Entrances
from semaphore_twisted.start.expiry import ExpiryWatch
from semaphore_twisted.start.first_start import Complete
from semaphore_twisted.web.entrance import no_challenge
from semaphore_twisted.web.tls import PemCertificates


@frozen
class Served:
    """What is presented, and who looks after it.

    *own* is the operator's or the local authority's certificate; *presented* that, or
    a public authority's in front of it.
    """

    own: PemCertificates
    presented: Any
    acme: Acme | None
    _renewal: serving.Renewal
    _watch: ExpiryWatch
    _now: Callable[[], datetime]

    @property
    def services(self) -> list[Service]:
        """What runs beside the listeners."""
        first: list[Service] = [self._renewal, self._watch]
        return first if self.acme is None else [*first, self.acme.service]

    def look(self) -> None:
        """Look at the files and the store now: somebody asked for it."""
        self._renewal.look()
        if self.acme is not None:
            self.acme.service.wake()

    def expires(self) -> float:
        """Return the seconds until what is presented ends."""
        end: datetime = self.presented.leaf.not_valid_after_utc
        return (end - self._now()).total_seconds()


def served(
    made: Complete,
    *,
    database: IDatabase,
    reactor: Any,
    now: Callable[[], datetime],
) -> Served | None:
    """Return what *made* presents, ``None`` without TLS.

    :raises Refused: if it cannot be used.
    """
    found = made.installation
    config = found.config
    if not config.tls.enabled:
        return None
    renew = public = None
    if made.certificates is None:
        own = serving.own_pair(config)
    else:
        own = serving.local_pair(made.certificates)
        renew = partial(database.write, first_start.certificates, made.keyring, found)
    if acme.wanted(config):
        public = acme.assemble(
            config,
            found.state.tls,
            local=own,
            database=database,
            keyring=made.keyring,
            reactor=reactor,
            now=now,
        )
    presented = own if public is None else public.source
    watch = ExpiryWatch(
        presented,
        reason=lambda: "" if public is None else public.trouble,
        # what we renew ourselves is given a day for it
        grace=timedelta(days=0 if renew is None else 1),
        clock=reactor,
        now=now,
    )
    renewal = serving.Renewal(source=own, config=config, renew=renew, clock=reactor)
    return Served(own, presented, public, renewal, watch, now)


def entrances(found: Served | None, config: Config, *, clock: Any) -> Entrances:
    """Return what makes the listeners' factories, with the certificates of *found*."""
    public = None if found is None else found.acme
    return Entrances(
        config=config,
        source=None if found is None else found.presented,
        clock=clock,
        challenge=no_challenge if public is None else public.challenge,
    )


def plain_port(
    found: Served | None, made: Entrances, *, url: str, port: int, clock: Any
) -> IProtocolFactory:
    """Return what answers on plain ports: challenges, and the way to *url*.

    That is at *port* of this machine where *url* does not say it.
    """
    if found is None or found.acme is None:
        return made.redirects(port=port, url=url)
    return found.acme.site(url, port, clock=clock)
