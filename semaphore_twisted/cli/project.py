"""``semaphore project``: projects as files, also while a server runs.

Read access to the installation's files suffices, so the events have no user.
"""

import argparse
import sys
from pathlib import Path

import msgspec
from msgspec.structs import replace

from semaphore_twisted.cli import installation_database
from semaphore_twisted.cli.installation import add_options, open_installation
from semaphore_twisted.cli.numbers import LARGEST, within
from semaphore_twisted.cli.paths import path_of
from semaphore_twisted.cli.semaphore_arguments import accept_common, show_help
from semaphore_twisted.cli.target_file import check_target
from semaphore_twisted.common import atomic_file
from semaphore_twisted.common.command_error import CommandError
from semaphore_twisted.model import limits
from semaphore_twisted.model.errors import DomainError
from semaphore_twisted.model.inventories import WORKSPACES
from semaphore_twisted.model.projects import Project
from semaphore_twisted.model.refusals import quoted
from semaphore_twisted.model.users import Actor, User
from semaphore_twisted.operations.transfer import backup, restore
from semaphore_twisted.operations.transfer.backup_file import ProjectBackup
from semaphore_twisted.persistence.engine import Connection
from semaphore_twisted.start import job_settings
from semaphore_twisted.start.installation import Installation
from semaphore_twisted.start.operator_files import read_file
from semaphore_twisted.web.http import request_bodies

#: A file that was exported here can be imported, with its line ends and spaces.
_LARGEST = 4 * limits.PROJECT_BACKUP
_MOST_VALUES = limits.PROJECT_BACKUP // 8

#: Endings of the files that ``--dir`` imports, as in Semaphore.
_ENDINGS = (".json", ".backup", ".bk")


def declare(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add ``project`` and its commands."""
    parser = commands.add_parser("project", help="projects as files: export and import")
    parser.set_defaults(run=show_help(parser))
    own = parser.add_subparsers(metavar="COMMAND")
    export = own.add_parser(
        "export",
        help="write a project's objects into a file, without its secrets",
        description="Write all objects of a project into a JSON file, mode 0600, from "
        "which it can be created again. Secrets, tasks and members are not in it.",
    )
    which = export.add_mutually_exclusive_group(required=True)
    which.add_argument(
        "--project-id",
        "--project_id",
        type=within(1, LARGEST),
        metavar="ID",
        help="the project's id",
    )
    which.add_argument(
        "--project-name", "--project_name", metavar="NAME", help="the project's name"
    )
    export.add_argument(
        "--file",
        type=path_of("--file"),
        metavar="FILE",
        help="the file (default: standard output)",
    )
    export.add_argument(
        "--force", action="store_true", help="replace FILE if it exists"
    )
    add_options(export)
    accept_common(export)
    export.set_defaults(run=_export)
    add = own.add_parser(
        "import",
        help="create projects from files",
        description="Create a project from each file, of this program or of Semaphore. "
        "If one of them cannot be used, none is created. Secrets are entered again.",
    )
    source = add.add_mutually_exclusive_group(required=True)
    source.add_argument(
        "--file", type=path_of("--file"), metavar="FILE", help="the file of a project"
    )
    source.add_argument(
        "--dir",
        type=path_of("--dir"),
        metavar="DIR",
        help=f"a directory, of which each file {', '.join(_ENDINGS)} is imported",
    )
    add.add_argument(
        "--project-name",
        "--project_name",
        metavar="NAME",
        help="with --file: another name for it",
    )
    add.add_argument(
        "--owner",
        metavar="LOGIN",
        help="the project's owner (default: the first administrator)",
    )
    add.add_argument(
        "--schedules-off",
        action="store_true",
        help="switch the schedules off, as if the original project still runs",
    )
    add_options(add)
    accept_common(add)
    add.set_defaults(run=_import)


def _export(arguments: argparse.Namespace) -> int:
    target: Path | None = arguments.file
    installation = open_installation(arguments)
    if target is not None:
        check_target(target, installation.database, force=arguments.force)
    with installation_database.reading(installation) as conn:
        project = _project(conn, arguments)
        actor = Actor(
            user=installation_database.first_administrator(conn), project_id=project.id
        )
        content = backup.encoded(conn, actor)
    content = msgspec.json.format(content, indent=2) + b"\n"
    if target is None:
        sys.stdout.write(content.decode())
        return 0
    try:
        _ = atomic_file.write(target, content)
    except OSError as error:
        raise CommandError(f"{target}: {error.strerror}") from error
    print(f"{target}: project {quoted(project.name)}, {len(content)} bytes")
    return 0


def _project(conn: Connection, arguments: argparse.Namespace) -> Project:
    if arguments.project_id is not None:
        return installation_database.project_by_id(conn, arguments.project_id)
    return installation_database.project_by_name(conn, arguments.project_name)


def _import(arguments: argparse.Namespace) -> int:
    if arguments.project_name is not None and arguments.file is None:
        raise CommandError("--project-name: only one file can get it; give --file")
    installation = open_installation(arguments)
    backups = [(path, _read(path, installation)) for path in _files(arguments)]
    if arguments.project_name is not None:
        backups = [
            (path, replace(each, meta=replace(each.meta, name=arguments.project_name)))
            for path, each in backups
        ]
    with installation_database.changing(installation) as conn:
        owner = _owner(conn, arguments.owner)
        made = [
            (
                path,
                _restored(
                    conn,
                    owner,
                    path,
                    each,
                    installation,
                    schedules_off=arguments.schedules_off,
                ),
            )
            for path, each in backups
        ]
    for path, project in made:
        print(f"{path}: project {quoted(project.name)}, id {project.id}")
    print(
        f"The owner is {owner.username}. Enter the secrets of keys and variable groups "
        "again."
    )
    if any(part.type in WORKSPACES for _, each in backups for part in each.inventories):
        print(
            "The workspaces have no state yet: bring the states over before the first "
            "run, or it creates everything again."
        )
    return 0


def _files(arguments: argparse.Namespace) -> list[Path]:
    if arguments.file is not None:
        return [arguments.file]
    folder: Path = arguments.dir
    found = sorted(each for each in folder.iterdir() if each.suffix in _ENDINGS)
    if not found:
        raise CommandError(
            f"--dir: {folder} has no file that ends in {', '.join(_ENDINGS)}"
        )
    return found


def _read(path: Path, installation: Installation) -> ProjectBackup:
    """Return the checked backup in the file *path*."""
    content = read_file(path, _LARGEST)
    try:
        found: ProjectBackup
        found, _ = request_bodies.decoded(
            content, ProjectBackup, root="The file", values=_MOST_VALUES
        )
        restore.check(found, job_settings.rules(installation))
    except DomainError as error:
        raise CommandError(f"{path}: {error.message}") from None
    return found


def _owner(conn: Connection, login: str | None) -> User:
    if login is None:
        return installation_database.first_administrator(conn)
    return installation_database.user_of(conn, login, option="--owner")


def _restored(
    conn: Connection,
    owner: User,
    path: Path,
    found: ProjectBackup,
    installation: Installation,
    *,
    schedules_off: bool,
) -> Project:
    try:
        return restore.restore(
            conn,
            Actor(user=owner),
            found,
            rules=job_settings.rules(installation),
            keyring=installation.keyring(),
            usual_zone=installation.config.schedule.timezone,
            schedules_off=schedules_off,
            anybody=True,
        )
    except DomainError as error:
        raise CommandError(f"{path}: {error.message}") from None
