"""The product in the lab: both services as in their units, and its commands.

The web server runs as ``semaphore`` with ``CAP_NET_BIND_SERVICE``, the companion as
``semaphore-vpn`` with ``CAP_NET_ADMIN``; neither is root or can become root.
"""

import atexit
import json
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from tests.support.lab import Lab, until
from tests.support.lab_machine import (
    COMPANION,
    SERVER,
    Account,
    CommandFailed,
    Machine,
    Web,
)
from tests.support.product import ADMIN_PASSWORD, TIMEOUT, run_here

PROGRAMS = Path(sys.executable).parent

INTERFACE = "semaphore0"
INSIDE, INSIDE6 = "10.80.0.1", "fd80::1"
NAME = "https://semaphore.internal"

#: Port of the enrollment listener.
ENROLL_PORT = 8443

#: The configuration of the lab's servers, to which a test can add.
ENVIRONMENT = {
    "SEMAPHORE_ADMIN": "admin",
    "SEMAPHORE_ADMIN_PASSWORD": ADMIN_PASSWORD,
    "SEMAPHORE_PORT": "443",
    "SEMAPHORE_VPN_ENROLL_PORT": str(ENROLL_PORT),
    "SEMAPHORE_VPN_RECONCILE_SEC": "1",
    # the server's URL for clients outside the tunnel
    "SEMAPHORE_WEB_ROOT": "https://vpn.example",
}

#: Copies of the directories of sites, by configuration and options, for later sites.
_SET_UP: dict[tuple[object, ...], tuple[Path, Path]] = {}


class Service:
    """A program of the product that is restarted when it was killed, as by systemd."""

    def __init__(
        self, machine: Machine, name: str, account: Account, words: tuple[str, ...]
    ) -> None:
        """Prepare the service without starting it."""
        self.name = name
        self.account = account
        self.words = words
        self.environ: Mapping[str, str] = {}
        self._machine = machine
        self._process: subprocess.Popen[bytes] | None = None
        self._watch: threading.Thread | None = None
        self._stopping = threading.Event()
        self.starts = 0

    @property
    def pid(self) -> int:
        """The id of the process."""
        assert self._process is not None
        return self._process.pid

    @property
    def log(self) -> str:
        """Its output so far."""
        return self._machine.log(self.name)

    def start(self, *, again: bool = False) -> None:
        """Start; with *again*, restart it whenever it has ended."""
        self._stopping.clear()
        self._spawn()
        if again:
            self._watch = threading.Thread(target=self._keep, daemon=True)
            self._watch.start()

    def _spawn(self) -> None:
        self.starts += 1
        self._process = self._machine.start(
            *self.words, account=self.account, environ=self.environ, log=self.name
        )

    def _keep(self) -> None:
        while True:
            assert self._process is not None
            self._process.wait()
            if self._stopping.wait(0.2):  # RestartSec= of the units
                return
            self._spawn()

    def kill(self) -> None:
        """Kill it."""
        assert self._process is not None
        self._process.send_signal(signal.SIGKILL)
        self._process.wait(TIMEOUT)

    def stop(self) -> None:
        """Stop it in an orderly way, without a restart."""
        self._stopping.set()
        if self._process is not None:
            self._process.terminate()
            self._process.wait(TIMEOUT)
        if self._watch is not None:
            self._watch.join(TIMEOUT)
            self._watch = None


class Site:
    """The product on the lab's server."""

    def __init__(self, lab: Lab, **environ: str) -> None:
        """Create the units' directories; *environ* is the server's environment."""
        self.lab = lab
        machine = self.machine = lab.server
        self.state = machine.folder_of(SERVER, "state")
        self.settings = machine.folder / "etc" / "semaphore-vpn"
        kept = machine.folder_of(COMPANION, "companion")
        machine.folder_of(COMPANION, "run/semaphore-vpn", 0o755)
        sockets = machine.folder_of(COMPANION, "run/semaphore-vpn/wireguard")
        machine.mounts.append((sockets, "/run/wireguard"))
        self.environ = {**ENVIRONMENT, **environ}
        self.server = Service(
            machine,
            "server",
            SERVER,
            (
                str(PROGRAMS / "twistd"),
                *("--nodaemon", "--pidfile=", "semaphore", "--state", str(self.state)),
            ),
        )
        self.server.environ = self.environ
        self.companion = Service(
            machine,
            "companion",
            COMPANION,
            (
                str(PROGRAMS / "twistd"),
                *("--nodaemon", "--pidfile=", "semaphore-vpn"),
                *("--settings", str(self.settings), "--state", str(kept)),
            ),
        )
        self.token = ""
        #: the site's URL on its own machine
        self.address = f"https://{INSIDE}"

    @property
    def root(self) -> Path:
        """The path of the local CA's certificate."""
        return self.state / "tls" / "root.pem"

    def semaphore(
        self, *words: str, text: str = "", account: Account | None = None
    ) -> str:
        """Run a command on the server, as root unless *account* is given."""
        return self.machine.run(
            str(PROGRAMS / "semaphore"),
            *words,
            account=account,
            text=text,
            environ=self.environ,
        )

    def vpn(self, *words: str, text: str = "") -> str:
        """Run ``semaphore vpn …`` on the server, as root."""
        places = ["--state", str(self.state)]
        if words[0] in {"init", "backup", "restore", "doctor"}:
            places += ["--vpn-settings", str(self.settings)]
        return self.semaphore("vpn", *words, *places, text=text)

    def set_up(self, *init: str) -> None:
        """Set up the server and the VPN without starting them.

        The commands run once in a process; later sites get copies of their files.
        """
        key = (*sorted(self.environ.items()), *init)
        kept = _SET_UP.get(key)
        if kept is not None:
            for source, target in zip(kept, self._files, strict=True):
                _copy(source, target)
            return
        self.semaphore("setup", "--state", str(self.state), account=SERVER)
        self.vpn("init", "--endpoint", "vpn.example", "--pool6", "fd80::/64", *init)
        folder = Path(tempfile.mkdtemp(prefix="lab-site-"))
        atexit.register(shutil.rmtree, folder, ignore_errors=True)
        _SET_UP[key] = (folder / "state", folder / "settings")
        for source, target in zip(self._files, _SET_UP[key], strict=True):
            _copy(source, target)

    @property
    def _files(self) -> tuple[Path, Path]:
        """The directories that :meth:`set_up` fills."""
        return (self.state, self.settings)

    def start(self, *, again: bool = False) -> None:
        """Start both services, and wait until the site answers."""
        self.companion.start(again=again)
        self.server.start(again=again)
        self.until_up()

    def until_up(self, seconds: float = 20) -> float:
        """Wait until the site answers on the server itself; return the seconds."""
        try:
            return until(lambda: self.ping().content == "pong", "it answers", seconds)
        except AssertionError as error:
            logs = f"{self.server.log[-3000:]}\n{self.companion.log[-3000:]}"
            raise AssertionError(f"{error}\n{self.ping()}\n{logs}") from None

    def ping(self) -> Web:
        """Request the site's ping on the server itself."""
        return self.machine.curl(
            f"https://{INSIDE}/api/ping", "--cacert", str(self.root), seconds=1
        )

    def stop(self) -> None:
        """Stop both services; the tunnel stays up."""
        self.server.stop()
        self.companion.stop()

    def api(self, method: str, path: str, body: Any = None) -> Any:
        """Call the API as the administrator; an error status fails the test."""
        if not self.token:
            self.token = self._log_in()
        found = self._call(
            method, path, body, "--header", f"Authorization: Bearer {self.token}"
        )
        if not 200 <= found.status < 300:
            raise AssertionError(f"{method} {path}: {found}")
        return json.loads(found.content) if found.content.strip() else None

    def _call(self, method: str, path: str, body: Any, *options: str) -> Web:
        content = () if body is None else ("--data-binary", json.dumps(body))
        return self.machine.curl(
            f"{self.address}/api{path}",
            *("--request", method, "--cacert", str(self.root)),
            *("--header", "Content-Type: application/json"),
            *content,
            *options,
            seconds=20,
        )

    def _log_in(self) -> str:
        jar = str(self.machine.folder / "cookies")
        login = {"auth": "admin", "password": ADMIN_PASSWORD}
        found = self._call("POST", "/auth/login", login, "--cookie-jar", jar)
        if found.status != 204:
            raise AssertionError(f"login: {found}")
        made = self._call("POST", "/user/tokens", {}, "--cookie", jar)
        token: str = json.loads(made.content)["id"]
        return token

    def invite(self, *words: str) -> str:
        """Create an invite and return its link.

        The command runs in this process: it needs only the database.
        """
        environ = self.machine.environ(self.environ)
        place = ("--state", str(self.state))
        done = run_here(environ, "vpn", "invite", "--json", *words, *place)
        if done.returncode != 0:
            raise CommandFailed(f"vpn invite: {done.stderr}")
        link: str = json.loads(done.stdout)["link"]
        return link

    def wg(self, *words: str) -> str:
        """Run ``wg`` on the server, as root."""
        return self.machine.run("wg", *words)

    def rules(self) -> str:
        """Return the nftables ruleset of the server."""
        return self.machine.run("nft", "list", "ruleset")

    def peers(self) -> set[str]:
        """Return the public keys of the peers on the device."""
        return set(self.wg("show", INTERFACE, "peers").split())


def _copy(source: Path, target: Path) -> None:
    """Copy a directory with owners and modes; *target* may exist."""
    subprocess.run(["cp", "-aT", source, target], check=True)


def trust(site: Site, client: Machine) -> str:
    """Copy the site's root certificate to *client*, and return its path."""
    path = client.folder / "root.pem"
    shutil.copy(site.root, path)
    return str(path)


def join(site: Site, client: Machine, link: str, *options: str) -> str:
    """Join with the product's own command; return its output."""
    del site
    return client.run(
        str(PROGRAMS / "semaphore"), "vpn", "join", "-", *options, text=f"{link}\n"
    )


def steady(true: Callable[[], bool], sentence: str, seconds: float = 2) -> float:
    """Wait until *true* returns true, at most the time that the product guarantees."""
    return until(true, sentence, seconds)
