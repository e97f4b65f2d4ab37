"""Derives the options of jobs from the configuration and this machine's files."""

import os
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import ClassVar

from attrs import define, field, frozen
from msgspec.structs import replace
from twisted.logger import Logger

from semaphore_twisted.common import atomic_file
from semaphore_twisted.config import parsing as configuration
from semaphore_twisted.jobs.job_inputs import JobOptions
from semaphore_twisted.model.repositories import RepositoryRules
from semaphore_twisted.start.first_start import ReadyInstallation
from semaphore_twisted.start.installation import Installation, InstallationRefused
from semaphore_twisted.start.job_user import JobUser
from semaphore_twisted.start.operator_files import content_of
from semaphore_twisted.start.own_folder import own_folder
from semaphore_twisted.start.programs import brought_along, own_programs
from semaphore_twisted.tls_client import policy

#: The system's root certificates in one file: Debian, Fedora, openSUSE, BSD.
SYSTEM = (
    "/etc/ssl/certs/ca-certificates.crt",
    "/etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem",
    "/etc/pki/tls/certs/ca-bundle.crt",
    "/etc/ssl/ca-bundle.pem",
    "/etc/ssl/cert.pem",
)

#: The file with the system's and the configured roots.
_ROOTS = "ca-bundle.pem"


def _stamp(path: Path) -> tuple[int, int]:
    status = path.stat()
    return status.st_mtime_ns, status.st_size


@define
class TrustedRoots:
    """The system's roots and those of the option ``ca_bundle``, in one file.

    git accepts only one file, which replaces the system's.
    """

    _log: ClassVar[Logger] = Logger()

    _bundle: Path
    target: Path
    _system: Sequence[str] = SYSTEM
    _seen: tuple[tuple[int, int], ...] = field(default=(), init=False)

    def refresh(self) -> None:
        """Write the file again if a source has changed.

        :raises InstallationRefused: if the bundle cannot be used; the file stays as
            it is
        """
        try:
            sources = [Path(each) for each in self._system if Path(each).exists()][:1]
            sources.append(self._bundle)
            seen = tuple(map(_stamp, sources))
            if seen == self._seen and self.target.exists():
                return
            policy.trust(only=content_of(self._bundle))
            content = b"\n".join(map(content_of, sources))
            atomic_file.write(self.target, content, 0o644)
        except OSError as error:
            reason = error.strerror or "it cannot be read"
            raise InstallationRefused(
                f"ca_bundle: {error.filename}: {reason}"
            ) from None
        except ValueError as error:
            raise InstallationRefused(f"ca_bundle: {self._bundle}: {error}") from None
        self._seen = seen

    def path(self) -> str:
        """Return the path of the file, after an attempt to refresh it."""
        try:
            self.refresh()
        except InstallationRefused as error:
            self._log.error(
                "The CA roots of jobs were not updated: {why}", why=error.sentence
            )
        return str(self.target)


#: Maximum size of a known_hosts file in bytes.
_KNOWN_HOSTS = 64 * 1024 * 1024


@frozen
class JobSettings:
    """The options that all jobs share, and values that are read for each job."""

    usual: JobOptions
    _roots: TrustedRoots | None = None

    def now(self) -> JobOptions:
        """Return the options of a job that starts now."""
        try:
            known_hosts = content_of(self.usual.known_hosts, _KNOWN_HOSTS)
        except FileNotFoundError:  # no host key is known yet
            known_hosts = b""
        except OSError:
            if self.usual.known_hosts != os.devnull:
                raise
            known_hosts = b""
        roots = None if self._roots is None else self._roots.path()
        return replace(
            self.usual,
            known_hosts_text=known_hosts,
            ca_bundle=roots,
            runs_programs=not any(
                map(_without_programs, (self.usual.workspaces, self.usual.spools))
            ),
        )


def _without_programs(folder: str) -> bool:
    """Return whether *folder* is on a file system mounted with ``noexec``."""
    try:
        return bool(os.statvfs(folder).f_flag & os.ST_NOEXEC)
    except OSError:
        return False


def rules(installation: Installation) -> RepositoryRules:
    """Return the rules for repositories; the server's own directories are excluded."""
    config, places = installation.config, installation.state
    own = [places.path, Path(config.tmp_path)]
    if installation.config_file is not None and installation.config_file.parent != Path(
        "/"
    ):
        own.append(installation.config_file.parent)
    folders = config.repositories.folders
    return RepositoryRules(
        allowed=None if folders is None else _real(folders),
        denied=_real(own),
        demo=str(places.demo),
        insecure_http=config.repositories.insecure_http,
    )


def _check_file(option: str, text: str) -> None:
    """Refuse a path that is not a regular file; it may be missing.

    ``ssh`` could not read it, or would wait for it.

    :raises InstallationRefused: naming the *option*
    """
    path = Path(text)
    if text and path.exists() and not path.is_file() and text != os.devnull:
        raise InstallationRefused(f"{option}: {text}: not a regular file")


def _real(folders: Iterable[str | Path]) -> tuple[str, ...]:
    return tuple(os.path.realpath(each) for each in folders)


def settings(
    made: ReadyInstallation, jobs: JobUser, path: str, environ: Mapping[str, str]
) -> JobSettings:
    """Return the options of jobs, and create the directory of workspaces.

    :raises InstallationRefused: if another user owns that directory, or ``ca_bundle``
        is unusable
    """
    found, config = made.installation, made.installation.config
    _check_file("ssh_config_path", config.ssh_config_path)
    _check_file("ssh.known_hosts_file", config.ssh.known_hosts_file)
    places = found.state
    workspaces = places.workspaces
    if jobs.is_other:
        # The job's user must traverse it, and the state directory is private.
        workspaces = Path(config.tmp_path).absolute()
        own_folder(workspaces, "tmp_path", 0o711)
    forwarded = {
        name: environ[name]
        for name in config.forwarded_env_vars
        if name in environ and not name.startswith(configuration.PREFIX)
    }
    usual = JobOptions(
        workspaces=str(workspaces),
        spools=str(places.spools),
        repositories=str(places.repositories),
        known_hosts=str(found.known_hosts),
        rules=rules(found),
        strict_host_key_checking=config.ssh.strict_host_key_checking,
        ssh_config=config.ssh_config_path or None,
        project_ssh_options=config.ssh.project_options,
        web_host=config.web_host.rstrip("/") or None,
        environment={**forwarded, **config.env_vars},
        search_path=path,
        programs=brought_along(path, own_programs()),
        time_limit=float(config.max_task_duration_sec),
        max_output_bytes=config.max_task_output_bytes,
        uid=jobs.uid,
        gid=jobs.gid,
    )
    roots = None
    if config.ca_bundle:
        # readable for the job's user
        folder = workspaces if jobs.is_other else places.path
        roots = TrustedRoots(Path(config.ca_bundle), folder / _ROOTS)
        roots.refresh()
    return JobSettings(usual, roots)
