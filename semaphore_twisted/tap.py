"""The composition root of the server: ``twistd -n semaphore``.

:func:`makeService` loads configuration and keys and runs migrations before the reactor
starts, so an error is one line and an exit code. Only this module connects the
packages.
"""

import gc
import os
import socket
import sys
from collections.abc import Mapping, Sequence
from importlib import metadata
from pathlib import Path
from typing import Any, ClassVar

from attrs import evolve
from twisted.application.service import Service
from twisted.internet.interfaces import IProtocolFactory
from twisted.python import usage
from twisted.python.failure import Failure
from typing_extensions import override

from semaphore_twisted import __version__, exhaustion
from semaphore_twisted import config as configuration
from semaphore_twisted.jobs.identities import Identities
from semaphore_twisted.jobs.invocation import specification
from semaphore_twisted.jobs.order import JobOrder
from semaphore_twisted.jobs.process import SupervisedRunner
from semaphore_twisted.jobs.steps import JobSpecification
from semaphore_twisted.lifecycle import SequentialService, end_once, steady
from semaphore_twisted.model.ids import TaskId
from semaphore_twisted.model.tasks import OutputLine
from semaphore_twisted.model.users import Audience, Credentials
from semaphore_twisted.operations import output
from semaphore_twisted.operations.audience import audiences
from semaphore_twisted.persistence.database import Database
from semaphore_twisted.persistence.engine import utc_now
from semaphore_twisted.persistence.worker import Compute
from semaphore_twisted.start import (
    activation,
    banner,
    demo,
    first_start,
    hardening,
    hosts,
    installation,
    job_settings,
    job_user,
    programs,
    retention,
    running,
    separation,
    served,
    serving,
    vpn,
    with_vpn,
)
from semaphore_twisted.start.first_start import Complete
from semaphore_twisted.start.hangup import Hangup
from semaphore_twisted.start.installation import EX_BUSY, Refused
from semaphore_twisted.start.job_settings import JobSettings
from semaphore_twisted.start.job_user import UnusableUser
from semaphore_twisted.start.listening import CannotListen, Sockets, bind
from semaphore_twisted.tasks.mirrors import Mirrors
from semaphore_twisted.tasks.observers import Observers
from semaphore_twisted.tasks.places import Places
from semaphore_twisted.tasks.service import TaskOptions, TaskService
from semaphore_twisted.vpn.nudge import NAME, NudgePort
from semaphore_twisted.web.enroll.redeems import Redeems
from semaphore_twisted.web.enroll.site import build_enroll_site
from semaphore_twisted.web.hub import Hub
from semaphore_twisted.web.options import WebOptions
from semaphore_twisted.web.root import build_site
from semaphore_twisted.web.roots import Roots
from semaphore_twisted.web.site import Site
from semaphore_twisted.web.socket import framing, server_factory

#: Seconds for which browsers enforce HTTPS (HSTS): with the operator's certificate, and
#: with the local CA's, whose loss would lock people out for that long.
HSTS_OWN, HSTS_LOCAL = 63_072_000, 86_400


class Options(usage.Options):
    """The command-line options; everything else is in the configuration."""

    synopsis = "[options]"
    longdesc = "Run Ansible and scripts from a browser or an API."
    optParameters: ClassVar[list[list[Any]]] = [
        ["config", "c", None, "The configuration file, JSON or TOML."],
        ["state", "s", None, "The state directory."],
        ["user", None, None, "The account to switch to, with --with-vpn."],
        ["vpn-settings", None, "/etc/semaphore-vpn", "Written by `vpn init`."],
        ["vpn-state", None, "/var/lib/semaphore-vpn", "The companion's state."],
    ]
    optFlags: ClassVar[list[list[Any]]] = [
        ["demo", None, 'Add the project "Demo", unless it is there.'],
        [
            "insecure-http",
            None,
            "Serve plain HTTP on any address (tls.enabled: false).",
        ],
        [
            "with-vpn",
            None,
            "Start the VPN companion too; root only, the server then runs as --user.",
        ],
    ]

    @override
    def postOptions(self) -> None:
        """Disable twistd's pid file in the foreground; the state has a lock of its own.

        A ``twistd.pid`` in the current directory would outlive a container, and its
        number could then belong to another process.
        """
        parent: Any = getattr(self, "parent", None)
        if (
            parent is not None
            and parent.get("nodaemon")
            and parent.get("pidfile") == "twistd.pid"
        ):
            parent["pidfile"] = ""


def makeService(options: Options) -> SequentialService:
    """Return the server's service; exits with one line if it cannot start."""
    from twisted.internet import reactor  # noqa: PLC0415 - a root chooses the reactor

    exhaustion.install()
    steady(reactor)
    end_once(reactor)
    passed = activation.variables(os.environ)
    hardening.harden()
    hardening.allow_many_files()
    environ = {**os.environ, **passed}
    if options["insecure-http"]:
        environ["SEMAPHORE_INSECURE_HTTP"] = "true"
    hardening.forget(
        os.environ, configuration.secret_variables() | activation.VARIABLES
    )
    try:
        installation.check_paths(options)
        made = _made(options, environ, reactor)
    except Refused as error:
        sys.stderr.write(f"semaphore: {error.sentence}\n")
        raise SystemExit(error.exit_code) from None
    _spare_collections()
    return made


def _spare_collections() -> None:
    """Make garbage collection rarer, and exclude the objects that exist by now.

    A list of fifty tasks creates thousands of objects that are freed with the response;
    searching them for cycles costs 3 % of the requests (``bench``).
    """
    gc.freeze()
    gc.set_threshold(20_000, 20, 20)


def _made(
    options: Options, environ: Mapping[str, str], reactor: Any
) -> SequentialService:
    if options["with-vpn"]:
        found = installation.load(
            config=_path(options["config"]),
            state=_path(options["state"]),
            environ=environ,
        )
        with_vpn.begin(
            options,
            config=found.config,
            state=found.state.path,
            root=os.geteuid() == 0,
        )
    elif options["user"]:
        raise Refused("--user: it goes with --with-vpn; else start as that account")
    try:
        given = activation.inherited(environ, pid=os.getpid())
    except CannotListen as error:
        raise Refused(str(error), EX_BUSY) from None
    begun = first_start.begin(
        config=_path(options["config"]),
        state_path=_path(options["state"]),
        environ=environ,
        given=given.main,
    )
    config = begun.installation.config
    try:
        jobs = job_user.resolve(config.process)
        sockets = bind(config, given)
    except UnusableUser as error:
        raise Refused(error.message) from None
    except CannotListen as error:
        raise Refused(str(error), EX_BUSY) from None
    terminal = sys.stdout.isatty()
    made = first_start.complete(begun, terminal=terminal)
    if config.vpn.only and made.network is None:
        raise Refused(
            "vpn.only: true found, and there is no VPN; make it as root with: "
            "semaphore vpn init --endpoint HOST"
        )
    path = programs.search_path(environ.get("PATH"), programs.own_programs())
    settings = job_settings.settings(made, jobs, path, environ)
    separated = separation.separation(made.installation, jobs, settings.usual)
    notes: list[str | None] = [
        *programs.missing(path, brought=settings.usual.programs),
        *separated.notes,
    ]
    if options["demo"]:
        notes.append(demo.ensure(made.installation, search_path=path))
    service = _Assembly(
        made=made,
        reactor=reactor,
        job_settings=evolve(settings, usual=separated.options),
        identities=job_user.identities(
            jobs, settings.usual.spools, settings.usual.workspaces
        ),
    ).service(sockets, tuple(filter(None, notes)))
    url = _url(made, sockets)
    text = banner.banner(made, url=url, terminal=terminal)
    sys.stdout.write(text)
    sys.stdout.flush()
    return service


def _url(made: Complete, sockets: Sockets) -> str:
    """Return the URL of the site."""
    config = made.installation.config
    if sockets.main:
        return banner.site_url(config, sockets.port)
    return config.web_host.rstrip("/") or (made.network.url if made.network else "")


def _path(text: str | None) -> Path | None:
    return Path(text) if text else None


class _Assembly:
    """Creates and connects the parts of the server; it owns none of them afterwards."""

    def __init__(
        self,
        *,
        made: Complete,
        reactor: Any,
        job_settings: JobSettings,
        identities: Identities | None,
    ) -> None:
        self.made = made
        self.reactor = reactor
        self.job_settings = job_settings
        self.config = made.installation.config
        self.database = Database(
            made.installation.database,
            reactor=reactor,
            now=utc_now,
            entropy=os.urandom,
        )
        self.served = served.served(
            made, database=self.database, reactor=reactor, now=utc_now
        )
        self.compute = Compute(reactor=reactor)
        self.socket_factory = server_factory(self.config.websocket_ping_sec)
        self.hub = Hub(
            frame=framing(self.socket_factory),
            read_lines=self._read_lines,
            read_audiences=self._read_audiences,
            clock=reactor,
            now=utc_now,
        )
        self.redeems = Redeems(reactor.seconds)
        self.peers = None
        if made.network is not None:
            self.peers = vpn.peer_service(
                self.config,
                database=self.database,
                keyring=made.keyring,
                observers=[self.hub],
                reactor=reactor,
                now=utc_now,
            )
        self.tasks = TaskService(
            database=self.database,
            runner=SupervisedRunner(reactor=reactor, identities=identities),
            keyring=made.keyring,
            prepare=self._prepare,
            places=Places(
                spools=Path(job_settings.usual.spools),
                workspaces=Path(job_settings.usual.workspaces),
            ),
            compute=self.compute,
            observers=Observers([self.hub]),
            options=TaskOptions(
                max_parallel_tasks=self.config.most_tasks,
                max_tasks_per_template=self.config.max_tasks_per_template,
            ),
            clock=reactor,
        )
        self.mirrors = Mirrors(
            Path(job_settings.usual.repositories), self.database, self.compute
        )

    def service(
        self,
        sockets: Sockets,
        notes: tuple[str, ...],
    ) -> SequentialService:
        """Return all services in their start order; they stop in reverse."""
        parts: list[Service] = [
            Hangup(self._nudged, reactor=self.reactor),
            serving.Warnings(self.made, (*notes, *self._doubts())),
            self.database,
            self.compute,
            serving.Part("tasks", self.tasks.startService, self.tasks.stopService),
            serving.Part(
                "mirrors", self.mirrors.startService, self.mirrors.stopService
            ),
            retention.Retention(
                self.database, keep=self.config.events.keep, clock=self.reactor
            ),
            serving.Part("hub", self.hub.startService, self.hub.stopService),
        ]
        if self.served is not None:
            parts += self.served.services
        report = running.report(self.made.installation)
        parts.append(report)
        if self.peers is not None:
            self.peers.noted = lambda now: report.companion(now.trouble)
            parts.append(self.peers)
        nudges = NudgePort(
            self.made.installation.state.path / NAME,
            self._nudged,
            reactor=self.reactor,
            clock=self.reactor,
        )
        parts.append(nudges)
        config = self.config
        entrances = served.entrances(self.served, config, clock=self.reactor)
        port = config.vpn.port if config.vpn.only else sockets.port
        factory = entrances.to(self._site(), port=port, web_host=config.web_host)
        parts += self._listeners(sockets.main, factory)
        if sockets.enrolling:
            # new devices were given the root of the local CA
            small = entrances.to(
                self._enroll_site(),
                port=config.vpn.enroll_port,
                source=self.served.own if self.served else None,
            )
            parts += self._listeners(sockets.enrolling, small)
        plain = served.plain_port(
            self.served,
            entrances,
            url=vpn.outside_url(config, self.made.network),
            port=port,
            clock=self.reactor,
        )
        parts += self._listeners(sockets.redirect, plain)
        if self.made.network is not None:
            inner = vpn.tunnel(
                self.config, self.made.network, factory, reactor=self.reactor
            )
            if inner is not None:
                parts.append(inner)
        return SequentialService(parts, failed=self._failed)

    def _doubts(self) -> Sequence[str]:
        """Return warnings about the certificate."""
        return () if self.served is None else self.served.doubts(self.config)

    def _nudged(self) -> None:
        """Check for changes that a command has made."""
        if self.peers is not None:
            self.peers.wake()
        self.hub.access_changed()
        if self.served is not None:
            self.served.look()

    def _site(self) -> Site:
        return build_site(
            database=self.database,
            compute=self.compute,
            keyring=self.made.keyring,
            tasks=self.tasks,
            hub=self.hub,
            socket_factory=self.socket_factory,
            clock=self.reactor,
            entropy=os.urandom,
            options=self._web_options(),
            password_changed=self._password_changed,
            repositories_changed=self.mirrors.look,
            peers=self.peers,
            redeems=self.redeems,
            expires=None if self.served is None else self.served.expires,
            failing=bool if self.served is None else self.served.failing,
            certified=self._certified,
        )

    def _certified(self) -> Sequence[str]:
        """Return the names in the certificates that are served now."""
        found = self.served
        leaves = () if found is None else (found.presented.leaf, found.own.leaf)
        return hosts.certified(leaves)

    def _enroll_site(self) -> Site:
        network = self.made.network
        return build_enroll_site(
            database=self.database,
            compute=self.compute,
            keyring=self.made.keyring,
            tasks=self.tasks,
            hub=self.hub,
            clock=self.reactor,
            entropy=os.urandom,
            options=self._web_options(),
            peers=self.peers,
            redeems=self.redeems,
            inner=network.url if network else "",
        )

    def _listeners(
        self, sockets: Sequence[socket.socket], factory: IProtocolFactory
    ) -> list[Service]:
        return [
            serving.Listener(each, factory, reactor=self.reactor) for each in sockets
        ]

    def _web_options(self) -> WebOptions:
        config = self.config
        return WebOptions(
            web_host=config.web_host,
            roots=Roots if self.served is None else self.served.roots,
            insecure_http=config.insecure_http,
            hosts=hosts.hosts(config, self.made.network),
            trusted_proxies=config.trusted_proxies,
            websocket_require_origin=config.websocket_require_origin,
            session=config.session.limits,
            hsts_seconds=HSTS_LOCAL if config.tls.origin == "local-ca" else HSTS_OWN,
            password_min_length=config.password_min_length,
            password_login_disable=config.password_login_disable,
            non_admin_can_create_project=config.non_admin_can_create_project,
            metrics_enabled=config.metrics.enabled,
            metrics_username=config.metrics.username,
            metrics_password=config.metrics.password,
            version=__version__,
            ansible=_ansible_version(),
            enroll_url=vpn.enroll_url(config, self.made.network),
            pinned=vpn.pins(self.served, config, self.made.network),
            vpn=vpn.options_of(config),
            repositories=self.job_settings.usual.rules,
            known_hosts=self.job_settings.usual.known_hosts,
        )

    async def _read_audiences(
        self, credentials: Sequence[Credentials]
    ) -> list[Audience | None]:
        return await self.database.read(audiences, credentials)

    async def _read_lines(
        self, task_id: TaskId, above: int, limit: int
    ) -> list[OutputLine]:
        return await self.database.long_read(
            output.page, task_id, above=above, limit=limit
        )

    def _prepare(self, order: JobOrder) -> JobSpecification:
        """Return the supervisor's specification of a job."""
        return specification(order, self.job_settings.now())

    def _password_changed(self) -> None:
        """Delete the file with the initial password, which is no longer valid."""
        self.made.installation.state.initial_password.unlink(missing_ok=True)

    def _failed(self, failure: Failure) -> None:
        """End the process with an error: a service could not start."""
        del failure  # already logged
        self.reactor.addSystemEventTrigger("after", "shutdown", os._exit, 1)
        self.reactor.callWhenRunning(self.reactor.stop)


def _ansible_version() -> str:
    """Return the first line of ``ansible --version`` without running it."""
    try:
        return f"ansible [core {metadata.version('ansible-core')}]"
    except metadata.PackageNotFoundError:
        return ""
