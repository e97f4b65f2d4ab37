"""Separates jobs from each other and from the server by namespaces.

The possibilities depend on the server's privileges and on the kernel, so they are tried
at the start, by the program that runs jobs. A requested namespace that is impossible
stops the start; one that is neither requested nor possible causes a warning.
"""

import os
import secrets
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path

import msgspec
from attrs import frozen
from msgspec.structs import replace

from semaphore_twisted.config.options import Config
from semaphore_twisted.config.process_options import AppNamespaces
from semaphore_twisted.jobs import spool, supervisor
from semaphore_twisted.jobs.job_inputs import JobOptions
from semaphore_twisted.jobs.shortages import TEMPORARY, shortage
from semaphore_twisted.jobs.workspace import files
from semaphore_twisted.model.jobs import JobIsolation, JobSpecification, Namespace, Step
from semaphore_twisted.start.installation import (
    EX_BUSY,
    Installation,
    InstallationRefused,
)
from semaphore_twisted.start.job_user import JobUser, lacking

#: The default namespaces of a job.
_USUAL: tuple[Namespace, ...] = ("mount", "ipc", "pid")
_ALL: tuple[Namespace, ...] = ("user", *_USUAL, "uts")
#: The directories of login sessions contain sockets by which a job could start programs
#: outside its namespaces.
_SESSIONS = "/run/user"
#: Shared directories, which are never hidden as a whole.
_COMMON = frozenset(
    ("/", "/run", "/var/run", "/etc", "/usr", "/var", "/home", "/tmp", "/var/tmp")  # noqa: S108 - it is left alone
)
_SEE = 'see "What a job can reach" in docs/operating.md'
_SECONDS = 60.0
#: Capabilities for namespaces without a user namespace (capabilities(7)).
_RIGHTS = {"CAP_SYS_CHROOT": 18, "CAP_SYS_ADMIN": 21}


@frozen
class Separation:
    """The options of jobs with their isolation, and sentences for the log."""

    options: JobOptions
    notes: tuple[str, ...]


def separation(
    installation: Installation,
    jobs: JobUser,
    options: JobOptions,
    *,
    try_it: Callable[[JobOptions], str] | None = None,
    lacks: Callable[[Mapping[str, int]], str] = lacking,
    root: bool | None = None,
) -> Separation:
    """Return how jobs with *options* are separated.

    *try_it* returns why a job with its options could not start, *lacks* the missing
    ones of some capabilities; both return an empty text for success. *root* is whether
    jobs run as root.

    :raises InstallationRefused: if the configuration requests what is not possible
    """
    chosen = installation.config.process.app_namespaces
    asked = [f"process.app_namespaces.{kind}" for kind in _ALL if getattr(chosen, kind)]
    root = jobs.is_root if root is None else root
    if root and not asked:
        return Separation(options, (_as_root(),))
    kinds, reason = _kinds(chosen, jobs, lacks(_RIGHTS))
    separated = replace(
        options, isolation=_isolation(installation, jobs, options, kinds)
    )
    if not reason and kinds:
        reason = (try_it or _try)(separated)
    if not reason and kinds:
        return Separation(separated, tuple(_notes(jobs, kinds, root=root)))
    reason = reason or "process.app_namespaces switches it off"
    reason = reason.removeprefix("The job cannot be separated from others: ")
    if asked:
        raise InstallationRefused(f"{asked[0]}: not possible on this machine: {reason}")
    if jobs.uids and not jobs.have_accounts:
        raise InstallationRefused(
            "process.uid_range: its numbers need accounts of this machine (ssh refuses"
            f" a user without one), since jobs cannot have namespaces here: {reason}"
        )
    return Separation(options, (_not_separated(jobs, reason),))


def _kinds(
    chosen: AppNamespaces, jobs: JobUser, missing: str
) -> tuple[tuple[Namespace, ...], str]:
    """Return the namespaces of a job, and the reason if they are not possible."""
    kinds: list[Namespace] = [
        kind
        for kind in _USUAL
        if getattr(chosen, kind) is not False
        and not (kind == "pid" and chosen.mount is False)
    ]
    if chosen.uts:
        kinds.append("uts")
    if chosen.user or (missing and chosen.user is None and not jobs.is_other):
        if jobs.is_other:
            return tuple(kinds), (
                "a user namespace has one user here, and jobs run as another one than"
                " the server (process.user, process.uid_range)"
            )
        kinds.insert(0, "user")
    elif missing:
        return tuple(kinds), f"the server lacks {missing}"
    return tuple(kinds), ""


def _isolation(
    installation: Installation,
    jobs: JobUser,
    options: JobOptions,
    kinds: tuple[Namespace, ...],
) -> JobIsolation:
    """Return the file system view of jobs."""
    config = installation.config
    hidden = [str(installation.state.path.absolute()), options.workspaces, _SESSIONS]
    companion = str(Path(config.vpn.socket).parent)
    if companion not in _COMMON:
        hidden.append(companion)
    own = not jobs.is_other and os.geteuid() != 0
    return JobIsolation(
        kinds=kinds,
        hidden=tuple(dict.fromkeys(hidden)),
        covered=tuple(dict.fromkeys(_files(installation))),
        shown=tuple(dict.fromkeys(_shown(options, hidden[:2]))),
        fixed=tuple(dict.fromkeys(_fixed())) if own else (),
    )


def _files(installation: Installation) -> Iterator[str]:
    """Yield the server's files that may be outside the state directory."""
    config: Config = installation.config
    if installation.config_file is not None:
        yield str(installation.config_file.absolute())
    for suffix in ("", "-wal", "-shm"):
        yield f"{installation.database.absolute()}{suffix}"
    if config.tls.key_file:
        yield str(Path(config.tls.key_file).absolute())


def _shown(options: JobOptions, hidden: Sequence[str]) -> Iterator[str]:
    """Yield the paths that jobs need, even below hidden directories."""
    yield from map(str, _program())
    for folder in options.search_path.split(":"):
        if folder:
            above = Path(folder).parent
            virtual = os.path.exists(above / "pyvenv.cfg")  # noqa: PTH110 - no error
            yield str(above) if virtual else folder
    for file in (options.ssh_config, options.ca_bundle):
        if file:
            yield str(Path(file).absolute())
    # for example the socket of the operator's own agent, or a settings file
    ours = [Path(os.path.realpath(each)) for each in hidden]
    for text in options.environment.values():
        found = Path(os.path.realpath(text))
        inside = not set(ours).isdisjoint(found.parents)
        if text.startswith("/") and _is_file(text) and not inside:
            yield text


def _is_file(path: str) -> bool:
    """Return whether *path* exists and is not a directory."""
    return os.path.exists(path) and not os.path.isdir(path)  # noqa: PTH110, PTH112


def _fixed() -> Iterator[str]:
    """Yield the program's directories that a job of the server's user could write."""
    for folder in _program():
        if os.access(folder, os.W_OK):
            yield str(folder)


def _program() -> tuple[Path, ...]:
    """Return the directories that this program runs from."""
    return Path(sys.prefix), Path(__file__).parents[1]


def _notes(jobs: JobUser, kinds: tuple[Namespace, ...], *, root: bool) -> Iterator[str]:
    left = [kind for kind in _USUAL if kind not in kinds]
    if left:
        yield (
            "Jobs are separated from each other in part only: process.app_namespaces"
            f" switches {', '.join(left)} off; {_SEE}"
        )
    if root:
        yield _as_root()
    elif "user" in kinds:
        yield (
            "Jobs run as the server's own user, in namespaces of their own: they do not"
            " reach the state directory or each other, but this account's other files;"
            f" sudo does not work in them (process.app_namespaces.user); {_SEE}"
        )
    elif not jobs.is_other:
        yield (
            "Jobs run as the server's own user (process.user is not set): they do not"
            " reach the state directory or each other, but this account's other files;"
            f" {_SEE}"
        )


def _as_root() -> str:
    return (
        "Jobs run as root and cannot be separated: each can read the key, the database"
        " and the secrets of every other job; set process.uid_range or process.user;"
        f" {_SEE}"
    )


def _not_separated(jobs: JobUser, reason: str) -> str:
    if jobs.uids:
        return (
            "Jobs have users of their own, but see each other's processes and share"
            f" /tmp: {reason}; {_SEE}"
        )
    can = "processes, environments and files"
    if jobs.is_other:
        return (
            "Jobs that run at the same time are not separated: each can read the"
            f" {can} of the others: {reason}; {_SEE}"
        )
    return (
        "Jobs run as the server's own user and are not separated: each can read the"
        f" key, the database, and the {can} of other jobs: {reason}; {_SEE}"
    )


def _for_now(reason: str) -> InstallationRefused:
    """Return the refusal of a start that may succeed later."""
    return InstallationRefused(f"The test job could not be started: {reason}", EX_BUSY)


def _try(options: JobOptions) -> str:
    """Run a job that does nothing with *options*; return the error, if any.

    :raises InstallationRefused: if the machine temporarily lacks a resource
    """
    try:
        place = Path(tempfile.mkdtemp(prefix="trial_", dir=options.spools))
    except OSError as error:
        raise InstallationRefused(
            f"{error.filename}: {error.strerror}", EX_BUSY
        ) from None
    order = JobSpecification(
        mark=secrets.token_hex(16),
        spool=str(place),
        workspace=f"{options.workspaces}/{place.name}",
        steps=(Step(name="trial", argv=("true",), environ={"PATH": "/usr/bin:/bin"}),),
        files=files(options),
        uid=options.uid,
        gid=options.gid,
        isolation=options.isolation,
    )
    command = [sys.executable, "-I", "-S", "-X", "utf8", str(supervisor.__file__)]
    try:
        done = subprocess.run(
            command,
            input=msgspec.json.encode(order),
            env={"LC_ALL": "C.UTF-8"},
            capture_output=True,
            timeout=_SECONDS,
            check=False,
        )
        if done.returncode == TEMPORARY:
            raise _for_now(done.stderr.decode("utf-8", "replace").strip())
        if done.returncode:
            said = done.stderr.decode("utf-8", "replace").strip()
            return said.rpartition("\n")[2] or f"exit status {done.returncode}"
        return spool.result((place / "result").read_bytes()).reason
    except subprocess.TimeoutExpired as error:
        raise _for_now(str(error)) from None
    except OSError as error:
        if shortage(error):
            raise _for_now(error.strerror or str(error)) from None
        return str(error)
    except (ValueError, subprocess.SubprocessError) as error:
        return str(error)
    finally:
        shutil.rmtree(place, ignore_errors=True)
