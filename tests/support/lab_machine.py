"""A machine of the lab: a network namespace with some directories of its own.

The commands of a machine run in a mount namespace, in which the machine's directories
cover those of the system. The mounts are not visible outside, and end with the machine.
"""

import os
import stat
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from attrs import define, field, frozen

import semaphore_twisted
from tests.support.product import clean_environment

#: Seconds after which a command of the lab is killed.
TIMEOUT = 60.0

_TUN = "/dev/net/tun"

#: Mounts, says so, and keeps the namespaces open. Its arguments: pairs of source and
#: target. A target that is a link is resolved within the machine.
_KEEP = """\
set -e
while [ -n "$1" ]; do
    target=$(readlink -m "$2")
    if [ -d "$1" ]; then
        mkdir -p "$target"
    else
        mkdir -p "${target%/*}"
        [ -e "$target" ] || : >"$target"
    fi
    mount --rbind "$1" "$target"
    shift 2
done
echo mounted
exec sleep infinity
"""


@frozen
class Account:
    """A user that runs programs in the lab, with these capabilities only."""

    name: str
    number: int
    capabilities: tuple[str, ...] = ()

    def become(self) -> list[str]:
        """Return the words before a command that run it as this user."""
        kept = ",".join(("-all", *(f"+{each}" for each in self.capabilities)))
        return [
            "setpriv",
            f"--reuid={self.number}",
            f"--regid={self.number}",
            "--clear-groups",
            f"--inh-caps={kept}",
            f"--ambient-caps={kept}",
            f"--bounding-set={kept}",
            "--no-new-privs",
            "--",
        ]


#: The two services have the capabilities that their systemd units give them.
SERVER = Account("semaphore", 61001, ("net_bind_service",))
COMPANION = Account("semaphore-vpn", 61002, ("net_admin",))
#: A user without capabilities and files.
NOBODY = Account("nosy", 61003)

ACCOUNTS = (SERVER, COMPANION, NOBODY)


class CommandFailed(AssertionError):
    """A command of the lab did not end as expected."""


@frozen
class Web:
    """The result of curl; *status* is 0 without an answer, *error* gives the reason."""

    status: int
    content: str
    error: str


@define
class Machine:
    """A machine with the namespace *namespace* and files below *folder*."""

    name: str
    namespace: str
    folder: Path
    #: directories that all users must be able to read, as pairs of source and target
    readable: Sequence[tuple[Path, str]]
    #: the machine's own mounts; tests may add some
    mounts: list[tuple[Path, str]] = field(factory=list)
    _started: list["subprocess.Popen[bytes]"] = field(factory=list)
    #: processes that keep a mount namespace, and what is mounted in the last one's
    _keepers: list["subprocess.Popen[bytes]"] = field(factory=list)
    _mounted: Sequence[tuple[Path, str]] = ()

    def __attrs_post_init__(self) -> None:
        """Create the namespace and the directories."""
        _run("ip", "netns", "add", self.namespace)
        _run(
            *("ip", "netns", "exec", self.namespace, "sysctl", "-qw"),
            *(  # duplicate address detection takes a second
                f"net.ipv6.conf.{family}.{option}=0"
                for family in ("all", "default")
                for option in ("accept_dad", "dad_transmits")
            ),
        )
        _run("ip", "-n", self.namespace, "link", "set", "lo", "up")
        for name in ("run", "etc", "bin", "home", "tmp", "etc/wireguard"):
            (self.folder / name).mkdir(parents=True)
        (self.folder / "tmp").chmod(0o1777)
        (self.folder / "etc" / "wireguard").chmod(0o700)
        self.write(
            "hosts", f"127.0.0.1 localhost\n::1 localhost\n127.0.1.1 {self.name}\n"
        )
        self.write("resolv.conf", "")
        people = "".join(
            f"{each.name}:x:{each.number}:{each.number}::/nonexistent:/bin/false\n"
            for each in ACCOUNTS
        )
        groups = "".join(f"{each.name}:x:{each.number}:\n" for each in ACCOUNTS)
        self.write("passwd", Path("/etc/passwd").read_text() + people)
        self.write("group", Path("/etc/group").read_text() + groups)
        self.mounts = [
            (self.folder / "run", "/run"),
            (self.folder / "etc" / "wireguard", "/etc/wireguard"),
            *(
                (self.folder / "etc" / name, f"/etc/{name}")
                for name in ("hosts", "resolv.conf", "passwd", "group")
            ),
            *self._device(),
            *self.mounts,
        ]

    def _device(self) -> list[tuple[Path, str]]:
        """Return a mount that lets all users open the TUN device, if one is needed.

        udev gives the device to all users; on a machine without udev only root may open
        it.
        """
        try:
            found = Path(_TUN).stat()
        except FileNotFoundError:
            return []
        if found.st_mode & 0o006 == 0o006:
            return []
        own = self.folder / "tun"
        os.mknod(own, stat.S_IFCHR, found.st_rdev)
        own.chmod(0o666)
        return [(own, _TUN)]

    def write(self, name: str, text: str) -> None:
        """Write ``/etc/NAME`` in place, since programs have it mounted."""
        path = self.folder / "etc" / name
        path.write_text(text)
        path.chmod(0o644)

    def program(self, name: str, text: str) -> None:
        """Add a program to the machine's PATH."""
        path = self.folder / "bin" / name
        path.write_text(text)
        path.chmod(0o755)

    def folder_of(self, account: Account, name: str, mode: int = 0o700) -> Path:
        """Create a directory that *account* owns, as systemd does for a service."""
        path = self.folder / name
        path.mkdir(mode=mode, parents=True)
        path.chmod(mode)
        os.chown(path, account.number, account.number)
        return path

    def words(self, *command: str, account: Account | None = None) -> list[str]:
        """Return the command line that runs *command* here, as root or *account*."""
        return [
            *("nsenter", "--target", str(self._kept()), "--net", "--mount", "--wd"),
            *(account.become() if account else ["--"]),
            *command,
        ]

    def _kept(self) -> int:
        """Return the id of a process in the namespaces, with the current mounts."""
        mounts = (*self.readable, *self.mounts)
        if self._mounted != mounts:
            keeper = subprocess.Popen(
                [
                    *("ip", "netns", "exec", self.namespace, "sh", "-c", _KEEP, "sh"),
                    *(str(word) for mount in mounts for word in mount),
                ],
                cwd=self.folder,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
            )
            self._keepers.append(keeper)
            assert keeper.stdout is not None
            with keeper.stdout as said:
                if said.read(1) == b"":
                    raise CommandFailed(f"{self.name}: cannot mount {mounts}")
            self._mounted = mounts
        return self._keepers[-1].pid

    def environ(self, more: Mapping[str, str] | None = None) -> dict[str, str]:
        """Return the environment of the machine's programs."""
        environ = clean_environment(
            HOME=str(self.folder / "home"),
            TMPDIR=str(self.folder / "tmp"),
            PYTHONDONTWRITEBYTECODE="1",
            **(more or {}),
        )
        environ["PATH"] = f"{self.folder / 'bin'}:{environ['PATH']}:/sbin"
        return environ

    def try_run(
        self,
        *command: str,
        account: Account | None = None,
        text: str = "",
        environ: Mapping[str, str] | None = None,
        timeout: float = TIMEOUT,
    ) -> "subprocess.CompletedProcess[str]":
        """Run *command* to its end; its exit code is not checked."""
        return subprocess.run(
            self.words(*command, account=account),
            cwd=self.folder,
            env=self.environ(environ),
            input=text,
            capture_output=True,
            text=True,
            timeout=timeout,
            check=False,
        )

    def run(
        self,
        *command: str,
        account: Account | None = None,
        text: str = "",
        environ: Mapping[str, str] | None = None,
        timeout: float = TIMEOUT,
    ) -> str:
        """Run *command* and return its output.

        :raises CommandFailed: if its exit code is not 0.
        """
        done = self.try_run(
            *command, account=account, text=text, environ=environ, timeout=timeout
        )
        if done.returncode != 0:
            raise CommandFailed(
                f"{self.name}: {' '.join(command)[:300]}: {done.returncode}\n"
                f"{done.stderr[-4000:]}{done.stdout[-4000:]}"
            )
        return done.stdout

    def start(
        self,
        *command: str,
        account: Account | None = None,
        environ: Mapping[str, str] | None = None,
        log: str = "",
    ) -> "subprocess.Popen[bytes]":
        """Start *command*; its output is appended to the file *log*.

        The process is the command itself, since the programs before it are replaced.
        """
        path = self.folder / f"{log or Path(command[0]).name}.log"
        with path.open("ab") as file:
            process = subprocess.Popen(
                self.words(*command, account=account),
                cwd=self.folder,
                env=self.environ(environ),
                stdin=subprocess.DEVNULL,
                stdout=file,
                stderr=file,
            )
        self._started.append(process)
        return process

    def log(self, name: str) -> str:
        """Return the output of the programs with the log *name*."""
        path = self.folder / f"{name}.log"
        return path.read_text(errors="replace") if path.exists() else ""

    def curl(self, url: str, *options: str, seconds: float = 3) -> Web:
        """Request *url*."""
        done = self.try_run(
            "curl",
            *("--silent", "--show-error", "--noproxy", "*"),
            *("--max-time", str(seconds), "--write-out", "\n%{http_code}"),
            *options,
            url,
        )
        content, _, status = done.stdout.rpartition("\n")
        return Web(int(status or 0), content, done.stderr.strip())

    def pids(self) -> list[int]:
        """Return the ids of the machine's processes."""
        done = subprocess.run(
            ["ip", "netns", "pids", self.namespace],
            capture_output=True,
            text=True,
            check=False,
        )
        keepers = {each.pid for each in self._keepers}
        return [each for each in map(int, done.stdout.split()) if each not in keepers]

    def commands(self) -> Iterator[tuple[int, str]]:
        """Yield the id and the command line of each of the machine's processes."""
        for pid in self.pids():
            try:
                words = Path(f"/proc/{pid}/cmdline").read_bytes()
            except OSError:
                continue
            yield pid, words.replace(b"\0", b" ").decode(errors="replace").strip()

    def close(self) -> None:
        """End every process and remove the namespace; files stay."""
        clear(self.namespace)
        for process in (*self._started, *self._keepers):
            process.kill()
            process.wait(TIMEOUT)


def clear(namespace: str) -> None:
    """End every process in *namespace* and remove it."""
    for _ in range(50):  # a process may start another one meanwhile
        found = subprocess.run(
            ["ip", "netns", "pids", namespace],
            capture_output=True,
            text=True,
            check=False,
        ).stdout.split()
        if not found:
            break
        for pid in found:
            try:
                os.kill(int(pid), 9)
            except ProcessLookupError:
                continue
    subprocess.run(["ip", "netns", "del", namespace], capture_output=True, check=False)


def passages(folder: Path) -> list[tuple[Path, str]]:
    """Return mounts that let all users read this Python and our code.

    Both may be in a private directory. For the lab's processes, such a directory is
    covered by one below *folder* that contains only the needed parts.
    """
    needed = {
        Path(sys.base_prefix),
        Path(sys.prefix),
        Path(semaphore_twisted.__file__).parent,
        Path(__file__).parents[1],
    }
    inner: list[tuple[Path, str]] = []
    outer: dict[Path, Path] = {}
    for path in sorted(each.resolve() for each in needed):
        closed = _closed(path)
        if closed is None:
            continue
        cover = folder / "passage" / str(closed).strip("/").replace("/", "-")
        place = cover / path.relative_to(closed)
        place.mkdir(parents=True, exist_ok=True)
        inner.append((path, str(place)))
        outer[closed] = cover
    return [*inner, *((cover, str(closed)) for closed, cover in outer.items())]


def _closed(path: Path) -> Path | None:
    for parent in reversed(path.parents):
        if not parent.stat().st_mode & stat.S_IXOTH:
            return parent
    return None


def _run(*command: str) -> None:
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise CommandFailed(f"{' '.join(command)}: {done.stderr}")
