"""The request context of a handler: its request, and the operations it may run."""

from collections.abc import Awaitable, Callable, Iterable, Sequence
from typing import Concatenate, ParamSpec, TypeVar

import msgspec
from attrs import define, field, frozen
from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IReactorTime

from semaphore_twisted.config.options import Config
from semaphore_twisted.crypto.keyring import Keyring
from semaphore_twisted.interfaces import (
    ComputeFunction,
    IAccessObserver,
    ICheckControl,
    IDatabase,
    IPeerControl,
    IScheduleControl,
    ITaskControl,
    WriteFunction,
)
from semaphore_twisted.model.apps import AppTable
from semaphore_twisted.model.deliveries import RawDelivery
from semaphore_twisted.model.documents import JsonObject
from semaphore_twisted.model.health import HealthFinding
from semaphore_twisted.model.ids import ProjectId
from semaphore_twisted.model.previews import RunPreview
from semaphore_twisted.model.users import Actor, Credentials
from semaphore_twisted.operations import access
from semaphore_twisted.operations.projects.demo import DemoFiles
from semaphore_twisted.operations.tasks.overrides import NewTask
from semaphore_twisted.persistence.engine import Connection
from semaphore_twisted.web.enroll.redeem_limit import RedeemLimit
from semaphore_twisted.web.http import parameters
from semaphore_twisted.web.http.hook_limit import HookLimit
from semaphore_twisted.web.http.host_header import no_names
from semaphore_twisted.web.http.options import WebOptions
from semaphore_twisted.web.http.preconditions import guarded
from semaphore_twisted.web.http.routing import Route
from semaphore_twisted.web.http.turns import Turns
from semaphore_twisted.web.proxies.client_address import ClientInfo, PublicUrl, origin
from semaphore_twisted.web.task_lists import TaskLists
from semaphore_twisted.web.template_lists import TemplateLists

P = ParamSpec("P")
T = TypeVar("T")
Q = TypeVar("Q", bound=msgspec.Struct)


async def nothing_to_clear(_: ProjectId | None) -> None:
    """Stand for a server that has no copies of repositories."""


def no_findings(_: AppTable) -> Sequence[HealthFinding]:
    """Stand for a server of which the start knows nothing."""
    return ()


@frozen(kw_only=True)
class Services:
    """The collaborators of the site; created once by the composition root.

    *compute* runs a function in the CPU worker's thread, *preview* is the operation
    that shows what a task would receive, *demo* makes the repository of demo projects
    if it is missing. *observer* is told of changed rights.
    *password_changed* is called after the password of an account was changed
    (the file with the initial one can then be deleted), *repositories_changed* after a
    repository was changed or deleted. *peers* is the VPN's service, ``None`` without a
    VPN; *redeem_limit* limits enrolling, *hook_limit* wrong secrets of webhooks,
    *state_limit* those of aliases of states. *expires* returns the seconds until the
    certificate expires, if there is one, *failing* whether its renewal is overdue, and
    *certified* the names in it. *health* checks what only the start knows, with the
    programs of the apps, and may take as long as a slow disk. *computing* and *reading*
    are the accounts whose expensive computations and long reads run. *public_url* and
    *routes* are those of one site.
    """

    database: IDatabase
    compute: ComputeFunction
    keyring: Keyring
    tasks: ITaskControl
    checks: ICheckControl
    schedules: IScheduleControl
    preview: Callable[[Connection, Actor, NewTask], RunPreview]
    demo: Callable[[], DemoFiles]
    observer: IAccessObserver
    clock: IReactorTime
    entropy: Callable[[int], bytes]
    options: WebOptions
    password_changed: Callable[[], object] = bool
    repositories_changed: Callable[[], object] = bool
    clear_copies: Callable[[ProjectId | None], Awaitable[None]] = nothing_to_clear
    peers: IPeerControl | None = None
    expires: Callable[[], float] | None = None
    failing: Callable[[], bool] = bool
    certified: Callable[[], Iterable[str]] = no_names
    health: Callable[[AppTable], Sequence[HealthFinding]] = no_findings
    redeem_limit: RedeemLimit = field()
    hook_limit: HookLimit = field()
    state_limit: HookLimit = field()
    public_url: PublicUrl = field()
    routes: tuple[Route, ...] = ()
    task_lists: TaskLists = field(factory=TaskLists)
    template_lists: TemplateLists = field(factory=TemplateLists)
    computing: Turns = field(factory=Turns)
    reading: Turns = field(factory=Turns)

    @redeem_limit.default
    def _redeem_limit(self) -> RedeemLimit:
        return RedeemLimit(self.clock.seconds)

    @hook_limit.default
    def _hook_limit(self) -> HookLimit:
        return HookLimit(self.clock.seconds)

    @state_limit.default
    def _state_limit(self) -> HookLimit:
        return HookLimit(self.clock.seconds)

    @public_url.default
    def _place(self) -> PublicUrl:
        return PublicUrl(self.options.config.web_host)


@define(kw_only=True, eq=False)
class RequestContext:
    """One request, as its handler sees it."""

    services: Services
    route: Route
    path: JsonObject
    query: dict[str, str]
    #: the names in :attr:`query` that are given more than once
    repeated: frozenset[str]
    credentials: Credentials
    client: ClientInfo
    user_agent: str
    #: the request itself, on a route that reads it as it is
    delivery: RawDelivery | None = None
    #: the request's ``Accept`` header
    accept: str
    #: the request's ``If-Match`` header, if there is one
    if_match: str | None
    #: name and password of HTTP basic authentication, for the route that uses it
    basic: tuple[str, str] | None
    secure: bool
    cookie_path: str
    #: the check of the caller's rights; ``None`` on public routes
    _checked: access.Checked | None
    #: response headers, in addition to the common ones
    headers: list[tuple[bytes, bytes]] = field(factory=list)

    @property
    def actor(self) -> Actor:
        """The authenticated caller; raises ``RuntimeError`` on a public route."""
        return self._check.actor

    @property
    def _check(self) -> access.Checked:
        if self._checked is None:
            raise RuntimeError("a public route has no actor")
        return self._checked

    @property
    def project_id(self) -> ProjectId | None:
        """The project in the path, ``None`` if the path has none."""
        return self.path.get("project_id")

    @property
    def own_number(self) -> int:
        """The id of the object in the path, which is the last one."""
        return int(self.path[self.route.own_id or ""])

    @property
    def address(self) -> str:
        """The client's address."""
        return self.client.address

    @property
    def site_url(self) -> str:
        """The site's URL, with the base path and without a final slash."""
        public_url = self.services.public_url
        if public_url.origin:
            return public_url.origin + public_url.base
        here = origin("https" if self.secure else "http", self.client.host)
        return here + self.cookie_path.rstrip("/")

    @property
    def keyring(self) -> Keyring:
        """The keyring that encrypts stored secrets."""
        return self.services.keyring

    @property
    def tasks(self) -> ITaskControl:
        """The service that runs tasks."""
        return self.services.tasks

    @property
    def options(self) -> WebOptions:
        """The site's options."""
        return self.services.options

    @property
    def config(self) -> Config:
        """The configuration."""
        return self.services.options.config

    def parameters(self, of: type[Q]) -> Q:
        """Return the query parameters, which the route declares as *of*.

        :raises Invalid: if a value is not accepted
        """
        if of is not self.route.query:
            raise RuntimeError(f"{self.route.name} does not declare {of.__name__}")
        return parameters.decoded(self.query, of, self.repeated)

    def read(
        self,
        operation: Callable[Concatenate[Connection, Actor, P], T],
        *args: P.args,
        **kwargs: P.kwargs,
    ) -> Deferred[T]:
        """Run a short reading *operation*; the right is checked in its snapshot."""
        return self.services.database.read(
            access.authorized_again,
            self._check,
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
        """Run a long reading *operation*; the right is checked in its snapshot.

        Those of one account run one after the other.
        """
        services = self.services
        return self._in_turn(
            services.reading,
            lambda: services.database.long_read(
                access.authorized,
                self.credentials,
                self.route.demand,
                self.project_id,
                operation,
                *args,
                **kwargs,
            ),
        )

    def write(
        self,
        operation: Callable[Concatenate[Connection, Actor, P], T],
        *args: P.args,
        **kwargs: P.kwargs,
    ) -> Deferred[T]:
        """Run a changing *operation*; the right is checked in its transaction.

        With ``If-Match`` it is checked there too that the object is unchanged.
        """
        tagged = self.route.tagged
        if self.if_match is not None and tagged is not None:
            operation = guarded(operation, tagged, self.own_number, self.if_match)
        return self._writing()(
            access.authorized,
            self.credentials,
            self.route.demand,
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
        """Run *operation* in one transaction after another until it returns false."""
        while await self.write(operation, *args, **kwargs):
            pass

    def read_unchecked(
        self,
        operation: Callable[Concatenate[Connection, P], T],
        *args: P.args,
        **kwargs: P.kwargs,
    ) -> Deferred[T]:
        """Run a reading *operation* without an actor, for public routes."""
        return self.services.database.read(operation, *args, **kwargs)

    def long_read_unchecked(
        self,
        operation: Callable[Concatenate[Connection, P], T],
        *args: P.args,
        **kwargs: P.kwargs,
    ) -> Deferred[T]:
        """Run a long reading *operation* without an actor, for public routes."""
        return self.services.database.long_read(operation, *args, **kwargs)

    def write_unchecked(
        self,
        operation: Callable[Concatenate[Connection, P], T],
        *args: P.args,
        **kwargs: P.kwargs,
    ) -> Deferred[T]:
        """Run a changing *operation* without an actor, for public routes."""
        return self._writing()(operation, *args, **kwargs)

    def _writing(self) -> WriteFunction:
        """Return the write function.

        That of urgent routes also works on a full disk.
        """
        if self.route.urgent or self.route.method == "DELETE":
            return self.services.database.writing(urgent=True)
        return self.services.database.write

    def compute(
        self, function: Callable[P, T], *args: P.args, **kwargs: P.kwargs
    ) -> Deferred[T]:
        """Run the expensive *function* in the CPU worker's thread.

        Those of one account run one after the other.
        """
        services = self.services
        return self._in_turn(
            services.computing, lambda: services.compute(function, *args, **kwargs)
        )

    def _in_turn(self, turns: Turns, work: Callable[[], Deferred[T]]) -> Deferred[T]:
        """Call *work* when it is the account's turn; on a public route at once."""
        if self._checked is None:
            return work()
        return turns.run(self.actor.user.id, work)

    def access_changed(self) -> None:
        """Check every open websocket again; call this after the commit.

        The VPN is synchronized too, since devices and grants may have to be removed.
        """
        self.services.observer.access_changed()
        if self.services.peers is not None:
            self.services.peers.wake()

    def set_cookie(self, text: str) -> None:
        """Add a ``Set-Cookie`` header with *text*."""
        self.headers.append((b"set-cookie", text.encode()))
