"""Locates and opens an installation, for the server and for commands."""

import os
from collections.abc import Mapping
from pathlib import Path

from attrs import field, frozen

from semaphore_twisted.common.command_error import CommandError
from semaphore_twisted.config import parsing as configuration
from semaphore_twisted.config.options import Config
from semaphore_twisted.config.parsing import LoadedConfig
from semaphore_twisted.config.values import WrongOption
from semaphore_twisted.crypto.keyring import Keyring
from semaphore_twisted.crypto.masterkey import MasterKey
from semaphore_twisted.model.errors import DomainError
from semaphore_twisted.persistence.engine import Connection, connect, utc_now
from semaphore_twisted.persistence.migrations.migrate import is_empty
from semaphore_twisted.start.operator_files import content_of, read_file
from semaphore_twisted.start.state import Lock, StateDirectory

#: Exit code for errors in configuration and keys (``EX_CONFIG`` of sysexits.h).
EX_CONFIG = 78

#: Exit code for resources that are in use or temporarily unavailable.
EX_BUSY = 1

#: Paths where Semaphore looks for its configuration.
SEARCHED = (
    Path("config.json"),
    Path("/usr/local/etc/semaphore/config.json"),
    Path("/etc/semaphore/config.json"),
)

#: The option with the key of all encrypted values.
KEY = "access_key_encryption"


class InstallationRefused(CommandError):
    """The installation cannot be used; the sentence names the option."""

    def __init__(self, sentence: str, exit_code: int = EX_CONFIG) -> None:
        """Store the reason *sentence* and the exit code."""
        super().__init__(sentence, exit_code)


@frozen
class Installation:
    """A configuration and the state directory that belongs to it."""

    state: StateDirectory
    settings: LoadedConfig
    #: ``None`` if all options come from the environment
    config_file: Path | None = field(default=None)

    @property
    def config(self) -> Config:
        """The effective options."""
        return self.settings.config

    @property
    def database(self) -> Path:
        """The path of the database file."""
        host = self.config.sqlite.host
        path = self.state.path / host if host else self.state.database
        # SQLite places its log beside the resolved path
        return path.resolve() if path.is_symlink() else path

    def lock(self) -> Lock:
        """Lock the state directory and the database against other servers.

        The lock of the database is a file beside it, since two state directories can
        name the same database. The database itself must not be opened for a lock:
        closing it again would release SQLite's own locks.

        :raises InUse: if another process holds one of them
        """
        lock = self.state.lock()
        real = self.database.resolve()
        try:
            lock.join(Lock.take(self.database, real.with_name(f"{real.name}-lock")))
        except BaseException:
            lock.release()
            raise
        return lock

    @property
    def known_hosts(self) -> Path:
        """The file of known SSH host keys of jobs."""
        return Path(self.config.ssh.known_hosts_file or self.state.known_hosts)

    def keyring(self) -> Keyring:
        """Return the keyring of the configured keys.

        :raises InstallationRefused: if there is no key, or one is not 32 bytes in
            base64
        """
        text = self.config.access_key_encryption
        if not text:
            raise InstallationRefused(f"{KEY}: not set; expected 32 bytes in base64")
        old = tuple(
            parse_key(each, f"{KEY}_old")
            for each in self.config.access_key_encryption_old
        )
        return Keyring(parse_key(text, KEY), old, entropy=os.urandom)

    def require_database(self) -> None:
        """Check that the database exists and has tables.

        :raises InstallationRefused: if it does not
        """
        if not self.database.is_file():
            raise InstallationRefused(
                f"{self.database}: the database does not exist; start the server once"
            )
        if is_empty(self.database):
            raise InstallationRefused(
                f"{self.database}: the database is empty; restore a backup of it to "
                "that place"
            )

    def connect(self, *, read_only: bool = False) -> Connection:
        """Open the database.

        :raises InstallationRefused: if there is none yet
        """
        self.require_database()
        return connect(
            self.database, now=utc_now, entropy=os.urandom, read_only=read_only
        )


def parse_key(text: str, option: str) -> MasterKey:
    """Parse the key in *text*.

    :raises InstallationRefused: with the option, the actual and the required length
    """
    try:
        return MasterKey.parse(text, option)
    except DomainError as error:
        raise InstallationRefused(error.message) from None


def check_paths(options: Mapping[str, object]) -> None:
    """Refuse an empty path, which usually comes from an unset script variable.

    :raises InstallationRefused: naming the option
    """
    for name in ("config", "state", "vpn-settings", "vpn-state"):
        if options[name] == "":
            raise InstallationRefused(f"--{name}: empty value; expected a path")


def locate(
    *, config: Path | None, state: Path | None, environ: Mapping[str, str]
) -> tuple[Path | None, StateDirectory]:
    """Return the configuration file, ``None`` without one, and the state directory.

    :raises InstallationRefused: if a file that was named does not exist
    """
    directory = StateDirectory(_state_path(state, environ))
    named = config or _path(environ.get("SEMAPHORE_CONFIG_PATH"))
    if named is not None:
        file = named / "config.json" if named.is_dir() else named
        if not file.is_file():
            origin = "--config" if config else "SEMAPHORE_CONFIG_PATH"
            found = "not a regular file" if file.exists() else "no such file"
            raise InstallationRefused(f"{origin}: {file}: {found}")
        return file.absolute(), directory
    searched = [*SEARCHED]
    if state is not None:
        searched.insert(0, directory.config)
    else:
        searched.append(directory.config)
    for file in searched:
        if file.is_file():
            return file.absolute(), directory
    return None, directory


def load(
    *, config: Path | None, state: Path | None, environ: Mapping[str, str]
) -> Installation:
    """Read the configuration; nothing is created or changed.

    :raises InstallationRefused: if an option or a file cannot be used
    """
    try:
        file, directory = locate(config=config, state=state, environ=environ)
        content = None if file is None else content_of(file)
        settings = configuration.parse(
            content,
            name=str(file or "no file"),
            environ=environ,
            read=read_file,
        )
    except WrongOption as error:
        raise InstallationRefused(str(error)) from None
    except OSError as error:
        raise InstallationRefused(f"{error.filename}: {error.strerror}") from error
    return Installation(directory, settings, file)


def open_existing(
    *, config: Path | None, state: Path | None, environ: Mapping[str, str]
) -> Installation:
    """Read the configuration of an existing installation.

    :raises InstallationRefused: if there is none
    """
    installation = load(config=config, state=state, environ=environ)
    if installation.config_file is None and not installation.database.exists():
        raise InstallationRefused(
            f"{installation.state.path}: there is no installation; start the server "
            "once, or name its directory with --state"
        )
    return installation


def _state_path(state: Path | None, environ: Mapping[str, str]) -> Path:
    """Return the absolute path of the state directory.

    Precedence: ``--state``, ``SEMAPHORE_STATE_PATH``, systemd's ``StateDirectory=``,
    the system directory for root, the user's data directory.
    """
    named = (
        state
        or _path(environ.get("SEMAPHORE_STATE_PATH"))
        or _path(environ.get("STATE_DIRECTORY", "").partition(":")[0])
    )
    if named is not None:
        return named.absolute()
    if os.geteuid() == 0:
        return Path("/var/lib/semaphore")
    data = _path(environ.get("XDG_DATA_HOME"))
    if data is None or not data.is_absolute():
        data = Path(environ.get("HOME") or "/").absolute() / ".local" / "share"
    return data / "semaphore"


def _path(text: str | None) -> Path | None:
    return Path(text).expanduser() if text else None
