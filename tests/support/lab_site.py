"""The product in the lab: both services as their units start them, and its commands.

The web server runs as ``semaphore`` with ``CAP_NET_BIND_SERVICE``, the companion as
``semaphore-vpn`` with ``CAP_NET_ADMIN``; neither is root or could become it.
"""

import json
import shutil
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from tests.support.lab import Lab, until
from tests.support.lab_machine import COMPANION, SERVER, Account, Machine, Web
from tests.support.product import ADMIN_PASSWORD, PATIENCE

PROGRAMS = Path(sys.executable).parent

INTERFACE = "semaphore0"
INSIDE, INSIDE6 = "10.80.0.1", "fd80::1"
NAME = "https://semaphore.internal"

#: Of the small listener for devices to come.
ENROLL_PORT = 8443

#: What the lab's servers are told, besides what a test adds.
ENVIRONMENT = {
    "SEMAPHORE_ADMIN": "admin",
    "SEMAPHORE_ADMIN_PASSWORD": ADMIN_PASSWORD,
    "SEMAPHORE_PORT": "443",
    "SEMAPHORE_VPN_ENROLL_PORT": str(ENROLL_PORT),
    "SEMAPHORE_VPN_RECONCILE_SEC": "1",
    # the server as clients outside call it
    "SEMAPHORE_WEB_ROOT": "https://vpn.example",
}


class Service:
    """A program of the product, started again when it was killed, as systemd would."""

    def __init__(
        self, machine: Machine, name: str, account: Account, words: tuple[str, ...]
    ) -> None:
        """Start nothing yet."""
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
        """The number of the process."""
        assert self._process is not None
        return self._process.pid

    @property
    def log(self) -> str:
        """What it has printed."""
        return self._machine.log(self.name)

    def start(self, *, again: bool = False) -> None:
        """Start; with *again*, whenever it has ended."""
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
        """End it at once."""
        assert self._process is not None
        self._process.send_signal(signal.SIGKILL)
        self._process.wait(PATIENCE)

    def stop(self) -> None:
        """End it in good order, and leave it so."""
        self._stopping.set()
        if self._process is not None:
            self._process.terminate()
            self._process.wait(PATIENCE)
        if self._watch is not None:
            self._watch.join(PATIENCE)
            self._watch = None


class Site:
    """The product on the lab's server."""

    def __init__(self, lab: Lab, **environ: str) -> None:
        """Make the folders that systemd would make; *environ* is the server's."""
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
        #: where the site is called on its own machine
        self.address = f"https://{INSIDE}"

    @property
    def root(self) -> Path:
        """The certificate of the local authority."""
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
        """Set server and VPN up; nothing runs yet."""
        self.semaphore("setup", "--state", str(self.state), account=SERVER)
        self.vpn("init", "--endpoint", "vpn.example", "--pool6", "fd80::/64", *init)

    def start(self, *, again: bool = False) -> None:
        """Start both services, and wait until the site answers."""
        self.companion.start(again=again)
        self.server.start(again=again)
        self.until_up()

    def until_up(self, seconds: float = 20) -> float:
        """Wait until the site answers on the server itself, and return how long."""
        try:
            return until(lambda: self.ping().content == "pong", "it answers", seconds)
        except AssertionError as error:
            logs = f"{self.server.log[-3000:]}\n{self.companion.log[-3000:]}"
            raise AssertionError(f"{error}\n{self.ping()}\n{logs}") from None

    def ping(self) -> Web:
        """Ask the site for a sign of life, on the server itself."""
        return self.machine.curl(
            f"https://{INSIDE}/api/ping", "--cacert", str(self.root), seconds=1
        )

    def stop(self) -> None:
        """Stop both services; the tunnel stays."""
        self.server.stop()
        self.companion.stop()

    def api(self, method: str, path: str, body: Any = None) -> Any:
        """Call the API as the administrator; a refusal fails."""
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
        """Make an invite and return its link."""
        said = json.loads(self.vpn("invite", "--json", *words))
        link: str = said["link"]
        return link

    def wg(self, *words: str) -> str:
        """Run ``wg`` on the server, as root."""
        return self.machine.run("wg", *words)

    def rules(self) -> str:
        """Return every rule of the server."""
        return self.machine.run("nft", "list", "ruleset")

    def peers(self) -> set[str]:
        """Return the public keys that the device has."""
        return set(self.wg("show", INTERFACE, "peers").split())


def trust(site: Site, client: Machine) -> str:
    """Give *client* the site's root certificate, and return where it is."""
    path = client.folder / "root.pem"
    shutil.copy(site.root, path)
    return str(path)


def join(site: Site, client: Machine, link: str, *options: str) -> str:
    """Join with the product's own command; return what it printed."""
    del site
    return client.run(
        str(PROGRAMS / "semaphore"), "vpn", "join", "-", *options, text=f"{link}\n"
    )


def steady(true: Callable[[], bool], sentence: str, seconds: float = 2) -> float:
    """Wait until something is true, at most the time that the product promises."""
    return until(true, sentence, seconds)
