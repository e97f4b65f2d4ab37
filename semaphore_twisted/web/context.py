"""What a handler knows of its request, and what it may do for it."""

from collections.abc import Callable
from typing import Any, Concatenate, ParamSpec, TypeVar

from attrs import define, field, frozen
from twisted.internet.defer import Deferred

from semaphore_twisted.interfaces import (
    IAccessObserver,
    IDatabase,
    IPeerControl,
    ITaskControl,
)
from semaphore_twisted.model.ids import ProjectId
from semaphore_twisted.model.users import Actor, Credentials
from semaphore_twisted.operations import access
from semaphore_twisted.persistence.engine import Connection
from semaphore_twisted.web.enroll.redeems import Redeems
from semaphore_twisted.web.forwarded import Place, Visit, origin
from semaphore_twisted.web.options import WebOptions
from semaphore_twisted.web.routing import Route

P = ParamSpec("P")
T = TypeVar("T")


@frozen(kw_only=True)
class Services:
    """The collaborators of every handler; made once by ``web.root``.

    *compute* runs a function in the CPU worker's thread. *password_changed* is
    called after somebody got another password, *repositories_changed* after a
    repository was changed or deleted. *peers* keeps the VPN, and is
    ``None`` where there is none; *redeems* counts attempts to enroll. *routes* are all
    routes. *expires* tells the seconds until the certificate ends, where there is one,
    and *failing* whether it should have been renewed and was not.
    """

    database: IDatabase
    compute: Callable[..., Deferred[Any]]
    keyring: Any
    tasks: ITaskControl
    observer: IAccessObserver
    password_changed: Callable[[], None]
    repositories_changed: Callable[[], object]
    peers: IPeerControl | None
    redeems: Redeems
    entropy: Callable[[int], bytes]
    options: WebOptions
    place: Place
    routes: tuple[Route, ...]
    expires: Callable[[], float] | None = None
    failing: Callable[[], bool] = bool


@define(kw_only=True, eq=False)
class Context:
    """One request, for its handler."""

    services: Services
    route: Route
    path: dict[str, Any]
    query: dict[str, str]
    credentials: Credentials
    visit: Visit
    user_agent: str
    #: what kind of answer is wanted
    accept: str
    #: the basic credentials of ``Authorization``, for the route that wants them
    basic: tuple[str, str] | None
    secure: bool
    cookie_path: str
    #: who asks; public routes have nobody
    _actor: Actor | None
    #: headers of the answer, besides those that every answer has
    headers: list[tuple[bytes, bytes]] = field(factory=list)

    @property
    def actor(self) -> Actor:
        """Who asks, as the check before the body found; never on a public route."""
        if self._actor is None:
            raise RuntimeError("a public route has no actor")
        return self._actor

    @property
    def project_id(self) -> ProjectId | None:
        """The project of the path."""
        return self.path.get("project_id")

    @property
    def address(self) -> str:
        """The client's address."""
        return self.visit.address

    @property
    def site_url(self) -> str:
        """Where the site is, with the base path and without a final slash."""
        place = self.services.place
        if place.origin:
            return place.origin + place.base
        here = origin("https" if self.secure else "http", self.visit.host)
        return here + self.cookie_path.rstrip("/")

    @property
    def keyring(self) -> Any:
        """Seals what is stored."""
        return self.services.keyring

    @property
    def tasks(self) -> ITaskControl:
        """The service that runs tasks."""
        return self.services.tasks

    @property
    def options(self) -> WebOptions:
        """The site's options."""
        return self.services.options

    def read(
        self,
        operation: Callable[Concatenate[Connection, Actor, P], T],
        *args: P.args,
        **kwargs: P.kwargs,
    ) -> Deferred[T]:
        """Run a short reading *operation*; the right is checked in its snapshot."""
        return self.services.database.read(
            access.authorized,
            self.credentials,
            self.route.access,
            self.project_id,
            operation,
            *args,
            **kwargs,
        )

    def long_read(
        self,
        operation: Callable[Concatenate[Connection, Actor, P], T],
        *args: P.args,
        **kwargs: P.kwargs,
    ) -> Deferred[T]:
        """Run a reading *operation* that may take long, checked likewise."""
        return self.services.database.long_read(
            access.authorized,
            self.credentials,
            self.route.access,
            self.project_id,
            operation,
            *args,
            **kwargs,
        )

    def write(
        self,
        operation: Callable[Concatenate[Connection, Actor, P], T],
        *args: P.args,
        **kwargs: P.kwargs,
    ) -> Deferred[T]:
        """Run a changing *operation*; the right is checked in its transaction."""
        return self._writing()(
            access.authorized,
            self.credentials,
            self.route.access,
            self.project_id,
            operation,
            *args,
            **kwargs,
        )

    async def write_in_slices(
        self,
        operation: Callable[Concatenate[Connection, Actor, P], bool],
        *args: P.args,
        **kwargs: P.kwargs,
    ) -> None:
        """Run *operation* until it is done; other writes come in between."""
        while await self.write(operation, *args, **kwargs):
            pass

    def read_unchecked(
        self,
        operation: Callable[Concatenate[Connection, P], T],
        *args: P.args,
        **kwargs: P.kwargs,
    ) -> Deferred[T]:
        """Run a reading *operation* that knows no actor: for public routes."""
        return self.services.database.read(operation, *args, **kwargs)

    def write_unchecked(
        self,
        operation: Callable[Concatenate[Connection, P], T],
        *args: P.args,
        **kwargs: P.kwargs,
    ) -> Deferred[T]:
        """Run a changing *operation* that knows no actor: for public routes."""
        return self._writing()(operation, *args, **kwargs)

    def _writing(self) -> Callable[..., Deferred[Any]]:
        """Return what writes; for urgent routes also on a full disk."""
        if self.route.urgent or self.route.method == "DELETE":
            return self.services.database.writing(urgent=True)
        return self.services.database.write

    def compute(
        self, function: Callable[P, T], *args: P.args, **kwargs: P.kwargs
    ) -> Deferred[T]:
        """Run *function*, which takes a while, in the CPU worker's thread."""
        return self.services.compute(function, *args, **kwargs)

    def access_changed(self) -> None:
        """Have every open websocket checked again; called after the commit.

        The VPN as well: somebody's devices and grants may have to go.
        """
        self.services.observer.access_changed()
        if self.services.peers is not None:
            self.services.peers.wake()

    def set_cookie(self, text: str) -> None:
        """Send *text* as ``Set-Cookie``."""
        self.headers.append((b"set-cookie", text.encode()))
