"""Prepares the server before the reactor runs: keys, database, sockets, jobs.

An error is one sentence, and leaves nothing that the next start cannot use.
"""

import os
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from attrs import evolve, frozen

from semaphore_twisted.jobs.identities import Identities
from semaphore_twisted.model.apps import AppTable
from semaphore_twisted.operations import apps
from semaphore_twisted.start import (
    demo,
    first_start,
    installation,
    job_settings,
    job_user,
    programs,
    separation,
    socket_activation,
    with_vpn,
)
from semaphore_twisted.start.first_start import ReadyInstallation
from semaphore_twisted.start.installation import (
    EX_BUSY,
    Installation,
    InstallationRefused,
)
from semaphore_twisted.start.job_settings import JobSettings
from semaphore_twisted.start.job_user import UnusableUser
from semaphore_twisted.start.listening import CannotListen, Sockets, bind


@frozen
class Prepared:
    """The installation, its bound sockets, the settings of jobs, and warnings."""

    made: ReadyInstallation
    sockets: Sockets
    job_settings: JobSettings
    identities: Identities | None
    notes: tuple[str, ...]


def prepare(options: Mapping[str, Any], environ: Mapping[str, str]) -> Prepared:
    """Return everything that the services need, from the command line's *options*.

    :raises InstallationRefused: if the server cannot start
    """
    config_path, state_path = _path(options["config"]), _path(options["state"])
    if options["with-vpn"]:
        current = installation.load(
            config=config_path, state=state_path, environ=environ
        )
        with_vpn.begin(
            options,
            config=current.config,
            state=current.state.path,
            root=os.geteuid() == 0,
        )
    elif options["user"]:
        raise InstallationRefused(
            "--user: needs --with-vpn; otherwise start the server as that account"
        )
    try:
        given = socket_activation.inherited(environ, pid=os.getpid())
    except CannotListen as error:
        raise InstallationRefused(str(error), EX_BUSY) from None
    begun = first_start.begin(
        config=config_path, state_path=state_path, environ=environ, given=given.main
    )
    config = begun.installation.config
    try:
        jobs = job_user.resolve(config.process)
        sockets = bind(config, given)
    except UnusableUser as error:
        raise InstallationRefused(error.message) from None
    except CannotListen as error:
        raise InstallationRefused(str(error), EX_BUSY) from None
    made = first_start.complete(begun, terminal=sys.stdout.isatty())
    if config.vpn.only and made.network is None:
        raise InstallationRefused(
            "vpn.only: true, but the VPN is not set up; set it up as root with: "
            "semaphore vpn init --endpoint HOST"
        )
    path = programs.search_path(environ.get("PATH"), programs.own_programs())
    settings = job_settings.settings(made, jobs, path, environ)
    separated = separation.separation(made.installation, jobs, settings.usual)
    notes: list[str | None] = [
        *programs.missing(
            path,
            brought=settings.usual.programs,
            apps=_apps(made.installation),
        ),
        *separated.notes,
    ]
    if options["demo"]:
        notes.append(demo.ensure(made.installation, search_path=path))
    return Prepared(
        made=made,
        sockets=sockets,
        job_settings=evolve(settings, usual=separated.options),
        identities=job_user.identities(
            jobs, settings.usual.spools, settings.usual.workspaces
        ),
        notes=tuple(filter(None, notes)),
    )


def _apps(there: Installation) -> AppTable:
    """Return the apps with their stored settings."""
    conn = there.connect()
    try:
        with conn.transaction(write=False):
            return apps.table(conn)
    finally:
        conn.close()


def _path(text: str | None) -> Path | None:
    return Path(text) if text else None
