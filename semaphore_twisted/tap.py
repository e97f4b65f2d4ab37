"""The composition root of the server: ``twistd -n semaphore``.

:func:`makeService` loads configuration and keys and runs migrations before the reactor
starts, so an error is one line and an exit code. Only this module connects the
packages.
"""

import gc
import os
import socket
import sys
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from twisted.application.service import Service
from twisted.internet.interfaces import IProtocolFactory
from twisted.python.failure import Failure

from semaphore_twisted.config import parsing as configuration
from semaphore_twisted.jobs.invocation import specification
from semaphore_twisted.jobs.job_inputs import JobOrder
from semaphore_twisted.jobs.process import SupervisedRunner
from semaphore_twisted.lifecycle import SequentialService
from semaphore_twisted.model.ids import TaskId
from semaphore_twisted.model.jobs import JobSpecification, Step
from semaphore_twisted.model.tasks import OutputLine
from semaphore_twisted.model.users import Credentials, Visibility
from semaphore_twisted.operations.events import changes
from semaphore_twisted.operations.tasks import output
from semaphore_twisted.operations.visibility import audiences
from semaphore_twisted.persistence.database import Database
from semaphore_twisted.persistence.engine import utc_now
from semaphore_twisted.persistence.worker import Compute
from semaphore_twisted.runtime import exhaustion
from semaphore_twisted.runtime.daemon import DaemonOptions
from semaphore_twisted.runtime.reactor_setup import end_once, steady
from semaphore_twisted.start import (
    banner,
    demo,
    hardening,
    health,
    installation,
    retention,
    running,
    services,
    site_names,
    socket_activation,
    vpn,
)
from semaphore_twisted.start.certificates import server_certificates
from semaphore_twisted.start.installation import InstallationRefused
from semaphore_twisted.start.preparation import Prepared, prepare
from semaphore_twisted.start.sighup import SighupService
from semaphore_twisted.start.site_options import site_options
from semaphore_twisted.start.state_listener import NAME as STATES
from semaphore_twisted.start.state_listener import StateListener
from semaphore_twisted.tasks.branch_heads import BranchHeads
from semaphore_twisted.tasks.checks import CheckService
from semaphore_twisted.tasks.job_directories import JobDirectories
from semaphore_twisted.tasks.mirrors import Mirrors
from semaphore_twisted.tasks.observers import Observers
from semaphore_twisted.tasks.previews import previewed
from semaphore_twisted.tasks.queue import TaskOptions
from semaphore_twisted.tasks.schedules import ScheduleService
from semaphore_twisted.tasks.service import TaskService
from semaphore_twisted.tasks.state_backend import StateBackends
from semaphore_twisted.vpn.wake_socket import NAME, WakePort
from semaphore_twisted.web.enroll.site import build_enroll_site
from semaphore_twisted.web.http.context import Services
from semaphore_twisted.web.http.root import build_site
from semaphore_twisted.web.http.state_site import state_site
from semaphore_twisted.web.websocket.endpoint import framing, server_factory
from semaphore_twisted.web.websocket.hub import Hub

if TYPE_CHECKING:
    from semaphore_twisted.vpn.service import PeerService


class Options(DaemonOptions):
    """The command-line options; everything else is in the configuration."""

    synopsis = "[options]"
    longdesc = "Run Ansible, Terraform and scripts from a browser or an API."
    optParameters: ClassVar[list[list[object]]] = [
        ["config", "c", None, "The configuration file, JSON or TOML."],
        ["state", "s", None, "The state directory."],
        ["user", None, None, "The account to switch to, with --with-vpn."],
        ["vpn-settings", None, "/etc/semaphore-vpn", "Written by `vpn init`."],
        ["vpn-state", None, "/var/lib/semaphore-vpn", "The companion's state."],
    ]
    optFlags: ClassVar[list[list[object]]] = [
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


def makeService(options: Options) -> SequentialService:
    """Return the server's service; exits with one line if it cannot start."""
    from twisted.internet import reactor  # noqa: PLC0415 - a root chooses the reactor

    exhaustion.install()
    steady(reactor)
    end_once(reactor)
    passed = socket_activation.variables(os.environ)
    hardening.harden()
    hardening.allow_many_files()
    environ = {**os.environ, **passed}
    if options["insecure-http"]:
        environ["SEMAPHORE_INSECURE_HTTP"] = "true"
    hardening.forget(
        os.environ, configuration.secret_variables() | socket_activation.VARIABLES
    )
    try:
        installation.check_paths(options)
        prepared = prepare(options, environ)
        service = _Assembly(prepared, reactor).service()
    except InstallationRefused as error:
        sys.stderr.write(f"semaphore: {error.sentence}\n")
        raise SystemExit(error.exit_code) from None
    _print_banner(prepared)
    _spare_collections()
    return service


def _spare_collections() -> None:
    """Make garbage collection rarer, and exclude the objects that exist by now.

    A list of fifty tasks creates thousands of objects that are freed with the response;
    searching them for cycles costs 3 % of the requests (``bench``).
    """
    gc.freeze()
    gc.set_threshold(20_000, 20, 20)


def _print_banner(prepared: Prepared) -> None:
    """Print the URL of the site, and how to log in for the first time."""
    made, sockets = prepared.made, prepared.sockets
    config = made.installation.config
    if sockets.main:
        url = banner.site_url(config, sockets.port)
    else:
        url = config.web_host.rstrip("/") or (made.network.url if made.network else "")
    sys.stdout.write(banner.banner(made, url=url, terminal=sys.stdout.isatty()))
    sys.stdout.flush()


class _Assembly:
    """Creates and connects the parts of the server; it owns none of them afterwards."""

    def __init__(self, prepared: Prepared, reactor: Any) -> None:
        self.made = made = prepared.made
        self.sockets = prepared.sockets
        self.notes = prepared.notes
        self.job_settings = prepared.job_settings
        self.reactor = reactor
        self.config = config = made.installation.config
        self.database = Database(
            made.installation.database,
            reactor=reactor,
            now=utc_now,
            entropy=os.urandom,
        )
        self.served = server_certificates.served(
            made, database=self.database, reactor=reactor, now=utc_now
        )
        self.compute = Compute(reactor=reactor)
        self.socket_factory = server_factory(config.websocket_ping_sec)
        self.hub = Hub(
            frame=framing(self.socket_factory),
            read_lines=self._read_lines,
            read_audiences=self._read_audiences,
            read_changes=lambda after: self.database.read(changes, after),
            clock=reactor,
            now=utc_now,
        )
        self.report = running.report(made.installation)
        self.peers = self._peers()
        self.directories = JobDirectories(
            spools=Path(self.job_settings.usual.spools),
            workspaces=Path(self.job_settings.usual.workspaces),
        )
        self.states = StateBackends(
            self.database, made.installation.state.path / STATES
        )
        self.runner = SupervisedRunner(
            reactor=reactor,
            identities=prepared.identities,
            last_steps=self._last_steps,
        )
        self.tasks = self._tasks()
        self.checks = self._checks()
        self.heads = self._heads()
        self.schedules = self._schedules()
        self.mirrors = Mirrors(
            Path(self.job_settings.usual.repositories), self.database, self.compute
        )
        self.services = self._services()
        #: the port of the site, inside the tunnel if it is only there
        self.port = config.vpn.port if config.vpn.only else self.sockets.port
        self.listener_factories = server_certificates.listener_factories(
            self.served, config, clock=reactor
        )
        self.site = self.listener_factories.to(
            build_site(self.services, hub=self.hub, socket_factory=self.socket_factory),
            port=self.port,
            web_host=config.web_host,
        )

    def service(self) -> SequentialService:
        """Return all services in their start order; they stop in reverse."""
        tasks, mirrors, hub = self.tasks, self.mirrors, self.hub
        parts: list[Service] = [
            SighupService(self._woken, reactor=self.reactor),
            services.Warnings(self.made, (*self.notes, *self._doubts())),
            self.database,
            self.compute,
            services.PartService("tasks", tasks.startService, tasks.stopService),
            services.PartService("checks", tuple, self.checks.stopService),
            services.PartService("branches", tuple, self.heads.stopService),
            services.PartService(
                "schedules",
                self.schedules.startService,
                self.schedules.stopService,
            ),
            services.PartService("mirrors", mirrors.startService, mirrors.stopService),
            retention.Retention(
                self.database, keep=self.config.events.keep, clock=self.reactor
            ),
            services.PartService("hub", hub.startService, hub.stopService),
            *(() if self.served is None else self.served.services),
            self.report,
            *(() if self.peers is None else (self.peers,)),
            WakePort(
                self.made.installation.state.path / NAME,
                self._woken,
                reactor=self.reactor,
                clock=self.reactor,
            ),
            StateListener(
                self.made.installation.state.path / STATES,
                state_site(self.services),
                reactor=self.reactor,
            ),
            *self._listeners(self.sockets.main, lambda: self.site),
            *self._listeners(self.sockets.enrolling, self._enroll_site),
            *self._listeners(self.sockets.redirect, self._plain_port),
            *self._tunnel(),
        ]
        return SequentialService(parts, failed=self._failed)

    # the parts

    def _peers(self) -> "PeerService | None":
        """Return the VPN's service, which reports its trouble, if there is a VPN."""
        if self.made.network is None:
            return None
        # a server without a VPN does not need this megabyte
        from semaphore_twisted.start import vpn_services  # noqa: PLC0415

        peers = vpn_services.peer_service(
            self.config,
            database=self.database,
            keyring=self.made.keyring,
            observers=[self.hub],
            reactor=self.reactor,
            now=utc_now,
        )
        peers.noted = lambda now: self.report.companion(now.failure_reason)
        return peers

    def _checks(self) -> CheckService:
        return CheckService(
            database=self.database,
            runner=self.runner,
            keyring=self.made.keyring,
            options=self.job_settings.now,
            directories=self.directories,
            compute=self.compute,
            now=utc_now,
        )

    def _heads(self) -> BranchHeads:
        return BranchHeads(
            database=self.database,
            runner=self.runner,
            keyring=self.made.keyring,
            options=self.job_settings.now,
            directories=self.directories,
            compute=self.compute,
            now=utc_now,
        )

    def _schedules(self) -> ScheduleService:
        return ScheduleService(
            database=self.database,
            keyring=self.made.keyring,
            tasks=self.tasks,
            head=self.heads.head,
            zone=self.config.schedule.timezone,
            clock=self.reactor,
            now=utc_now,
        )

    def _tasks(self) -> TaskService:
        return TaskService(
            database=self.database,
            runner=self.runner,
            keyring=self.made.keyring,
            prepare=self._prepare,
            directories=self.directories,
            compute=self.compute,
            observers=Observers([self.hub]),
            options=TaskOptions(
                max_parallel_tasks=self.config.most_tasks,
                max_tasks_per_template=self.config.max_tasks_per_template,
            ),
            clock=self.reactor,
        )

    def _services(self) -> Services:
        """Return the collaborators of the site."""
        served = self.served
        return Services(
            database=self.database,
            compute=self.compute,
            keyring=self.made.keyring,
            tasks=self.tasks,
            checks=self.checks,
            schedules=self.schedules,
            preview=partial(previewed, self.job_settings.usual),
            demo=partial(
                demo.prepare,
                self.made.installation.state.demo,
                self.job_settings.usual.search_path,
            ),
            observer=self.hub,
            clock=self.reactor,
            entropy=os.urandom,
            options=site_options(self.made, served, self.job_settings.usual),
            password_changed=self._password_changed,
            repositories_changed=self.mirrors.sweep,
            clear_copies=self.mirrors.clear,
            peers=self.peers,
            expires=None if served is None else served.expires,
            failing=bool if served is None else served.failing,
            certified=self._certified,
            health=health.InstallationHealth(
                installation=self.made.installation,
                jobs=self.job_settings.usual,
                leaf=lambda: None if served is None else served.presented.leaf,
                failure_reason=lambda: "" if served is None else served.failure_reason,
                shortage=self.directories.shortage,
            ).findings,
        )

    # the listeners

    def _listeners(
        self,
        sockets: Sequence[socket.socket],
        factory: Callable[[], IProtocolFactory],
    ) -> list[Service]:
        """Return a listener for each of *sockets*; without any, no factory is made."""
        if not sockets:
            return []
        made = factory()
        return [
            services.ListenerService(each, made, reactor=self.reactor)
            for each in sockets
        ]

    def _enroll_site(self) -> IProtocolFactory:
        """Return the factory of the site where new devices enroll.

        It has the certificate of the local CA, whose root they were given.
        """
        network = self.made.network
        return self.listener_factories.to(
            build_enroll_site(self.services, inner=network.url if network else ""),
            port=self.config.vpn.enroll_port,
            source=self.served.own if self.served else None,
        )

    def _plain_port(self) -> IProtocolFactory:
        """Return the factory of the ports for plain HTTP."""
        return server_certificates.plain_port(
            self.served,
            self.listener_factories,
            url=vpn.outside_url(self.config, self.made.network),
            port=self.port,
            clock=self.reactor,
        )

    def _tunnel(self) -> list[Service]:
        """Return the service that listens inside the tunnel, if there is one."""
        if self.made.network is None:
            return []
        from semaphore_twisted.start import vpn_services  # noqa: PLC0415

        inner = vpn_services.tunnel(
            self.config, self.made.network, self.site, reactor=self.reactor
        )
        return [] if inner is None else [inner]

    # callbacks

    def _doubts(self) -> Sequence[str]:
        """Return warnings about the certificate."""
        return () if self.served is None else self.served.doubts(self.config)

    def _woken(self) -> None:
        """Check for changes that a command has made."""
        if self.peers is not None:
            self.peers.wake()
        self.hub.access_changed()
        if self.served is not None:
            self.served.check()

    def _certified(self) -> Sequence[str]:
        """Return the names in the certificates that are served now."""
        served = self.served
        leaves = () if served is None else (served.presented.leaf, served.own.leaf)
        return site_names.certified(leaves)

    async def _read_audiences(
        self, credentials: Sequence[Credentials]
    ) -> list[Visibility | None]:
        return await self.database.read(audiences, credentials)

    async def _read_lines(
        self, task_id: TaskId, above: int, limit: int
    ) -> list[OutputLine]:
        return await self.database.long_read(
            output.page, task_id, above=above, limit=limit
        )

    async def _prepare(self, order: JobOrder) -> JobSpecification:
        """Return the supervisor's specification of a job."""
        whole = await self.states.given(order)
        return specification(whole, self.job_settings.now())

    async def _last_steps(self, spool: Path) -> tuple[Step, ...]:
        """Return the last steps of a job whose supervisor vanished."""
        # a vanished supervisor is rare, and most servers run no Terraform
        from semaphore_twisted.tasks.state_rescue import rescue_steps  # noqa: PLC0415

        return await rescue_steps(
            spool,
            states=self.states,
            database=self.database,
            directories=self.directories,
            options=self.job_settings.now(),
            clock=self.reactor,
        )

    def _password_changed(self) -> None:
        """Delete the file with the initial password, which is no longer valid."""
        self.made.installation.state.initial_password.unlink(missing_ok=True)

    def _failed(self, failure: Failure) -> None:
        """End the process with an error: a service could not start."""
        del failure  # already logged
        self.reactor.addSystemEventTrigger("after", "shutdown", os._exit, 1)
        self.reactor.callWhenRunning(self.reactor.stop)
