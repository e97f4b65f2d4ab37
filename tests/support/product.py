"""The product from a user's view: a server process, HTTPS and the websocket.

All calls block; the server is another process.
"""

import contextlib
import http.client
import io
import json
import os
import random
import signal
import socket
import ssl
import stat
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from semaphore_twisted.cli.main import main
from tests.support import log_secrets, warm
from tests.support.repository import repository
from tests.support.websocket import WebSocket

#: Seconds after which waiting fails.
TIMEOUT = 60.0

ADMIN_PASSWORD = "correct horse battery staple"


def free_port() -> int:
    """Return a port of the loopback that was free a moment ago.

    It is outside of the range for outgoing connections, which other tests make at the
    same time.
    """
    while True:
        port = random.randrange(15_000, 32_000)
        with contextlib.suppress(OSError), socket.create_server(("127.0.0.1", port)):
            return port


def clean_environment(**more: str) -> dict[str, str]:
    """Return an environment without the developer's own settings of the product."""
    environ = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("SEMAPHORE_", "COVERAGE_"))
    }
    environ["PATH"] = f"{Path(sys.executable).parent}:{environ['PATH']}:/usr/sbin"
    environ.update(more)
    return environ


def run_here(
    environ: dict[str, str], *words: str
) -> "subprocess.CompletedProcess[str]":
    """Run ``semaphore`` with *words* and *environ* in this process."""
    before, umask = dict(os.environ), os.umask(0o077)
    out, err = io.StringIO(), io.StringIO()
    os.environ.clear()
    os.environ.update(environ)
    try:
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
            code = main(words)
    except SystemExit as error:
        code = int(error.code or 0)
    finally:
        os.environ.clear()
        os.environ.update(before)
        os.umask(umask)
    return subprocess.CompletedProcess(words, code, out.getvalue(), err.getvalue())


class Answer:
    """An answer of the API."""

    def __init__(self, status: int, headers: dict[str, str], content: bytes) -> None:
        """Keep the parts of the answer."""
        self.status = status
        self.headers = headers
        self.content = content

    @property
    def json(self) -> Any:
        """The decoded body, or ``None`` if it is empty."""
        return json.loads(self.content) if self.content else None


class Product:
    """A server on a state directory, started and stopped as by a user."""

    def __init__(
        self,
        state: Path,
        *arguments: str,
        config: dict[str, Any] | None = None,
        is_warm: bool = False,
    ) -> None:
        """Use *state*; *config* is added to the configuration of the first start.

        With *is_warm* the server starts as :mod:`tests.support.warm` does, unless there
        are words before its command.
        """
        self.state = state
        self.is_warm = is_warm
        self.arguments = arguments
        #: words before the server's command, such as those of setpriv
        self.prefix: tuple[str, ...] = ()
        self.port = free_port()
        self.environ = clean_environment(
            SEMAPHORE_ADMIN="admin",
            SEMAPHORE_ADMIN_PASSWORD=ADMIN_PASSWORD,
            SEMAPHORE_INTERFACE="127.0.0.1",
            SEMAPHORE_LOG_LEVEL="debug",
            SEMAPHORE_PORT=str(self.port),
        )
        if config:
            for name, value in config.items():
                text = value if isinstance(value, str) else json.dumps(value)
                self.environ[f"SEMAPHORE_{name.upper()}"] = text
        self.process: subprocess.Popen[bytes] | warm.Program | None = None
        self.log = state.parent / f"{state.name}.log"
        self.token = ""
        #: what the server was given and must not log
        self.secrets: set[str] = set()
        #: The source address of calls; the system's choice if ``None``.
        self.source: tuple[str, int] | None = None
        #: The CA certificate for a certificate of another authority.
        self.foreign_root: Path | None = None

    @property
    def url(self) -> str:
        """The URL of the server."""
        return f"https://localhost:{self.port}"

    @property
    def root(self) -> Path:
        """The CA certificate that clients trust: by default the local CA's."""
        return self.foreign_root or self.state / "tls" / "root.pem"

    def launch(self) -> None:
        """Start the server."""
        words = [
            *self.prefix,
            str(Path(sys.executable).with_name("twistd")),
            *("--nodaemon", "--pidfile=", "semaphore"),
            *("--state", str(self.state)),
            *self.arguments,
        ]
        begin = warm.start if self.is_warm and not self.prefix else subprocess.Popen
        with self.log.open("ab") as log, Path(os.devnull).open("rb") as nothing:
            self.process = begin(
                words, env=self.environ, stdin=nothing, stdout=log, stderr=log
            )

    def start(self) -> None:
        """Start the server and wait for its first answer."""
        self.launch()
        assert self.process is not None
        deadline = time.monotonic() + TIMEOUT
        while True:
            if self.process.poll() is not None:
                raise AssertionError(f"the server ended:\n{self.log.read_text()}")
            try:
                if self.call("GET", "/api/ping").content == b"pong":
                    return
            except OSError:
                if time.monotonic() > deadline:
                    raise
                time.sleep(0.02)

    def stop(self) -> None:
        """Stop the server in an orderly way, and look for secrets in its log."""
        if self.process is not None:
            self.process.terminate()
            self._ended()

    def kill(self) -> None:
        """Kill the server, as a power cut would; look for secrets in its log."""
        assert self.process is not None
        self.process.send_signal(signal.SIGKILL)
        self._ended()

    def _ended(self) -> None:
        assert self.process is not None
        self.process.wait(TIMEOUT)
        self.process = None
        self.secrets.update(log_secrets.of_settings(self.state, self.environ))
        if lines := log_secrets.found(self.log, self.secrets):
            raise AssertionError(f"secrets in the server's log: {lines}")

    @property
    def context(self) -> ssl.SSLContext:
        """A TLS context that trusts :attr:`root` only."""
        return ssl.create_default_context(cafile=str(self.root))

    def call(
        self,
        method: str,
        path: str,
        body: Any = None,
        headers: dict[str, str] | None = None,
    ) -> Answer:
        """Make one request to the absolute path *path*."""
        if not self.root.exists():
            raise ConnectionError("there is no certificate yet")
        connection = http.client.HTTPSConnection(
            "localhost",
            self.port,
            context=self.context,
            timeout=TIMEOUT,
            source_address=self.source,
        )
        self.secrets.update(log_secrets.of_body(body))
        sent = dict(headers or {})
        if self.token and "Cookie" not in sent and "Authorization" not in sent:
            sent["Authorization"] = f"Bearer {self.token}"
        content = None if body is None else json.dumps(body).encode()
        try:
            connection.request(method, path, content, sent)
            response = connection.getresponse()
            return Answer(
                response.status,
                {name.lower(): value for name, value in response.getheaders()},
                response.read(),
            )
        finally:
            connection.close()

    def api(self, method: str, path: str, body: Any = None) -> Any:
        """Call the API below ``/api`` and return the decoded answer; errors raise."""
        answer = self.call(method, f"/api{path}", body)
        if answer.status >= 300:
            raise AssertionError(
                f"{method} {path}: {answer.status} {answer.content.decode()}"
            )
        if answer.headers.get("content-type") == "application/json":
            return answer.json
        return answer.content.decode()

    def log_in(self) -> str:
        """Log in as the administrator, create and use a token; return the cookie."""
        answer = self.call(
            "POST", "/api/auth/login", {"auth": "admin", "password": ADMIN_PASSWORD}
        )
        if answer.status != 204:
            raise AssertionError(f"login: {answer.status} {answer.content!r}")
        cookie = answer.headers["set-cookie"].split(";")[0]
        made = self.call("POST", "/api/user/tokens", {}, {"Cookie": cookie})
        self.token = made.json["id"]
        self.secrets |= {self.token, cookie.partition("=")[2]}
        return cookie

    def websocket(self, headers: dict[str, str] | None = None) -> WebSocket:
        """Open the websocket with the token, or with *headers*."""
        sent = {"Authorization": f"Bearer {self.token}"} if headers is None else headers
        return WebSocket("localhost", self.port, "/api/ws", self.context, sent)

    def command(self, *words: str) -> "subprocess.CompletedProcess[str]":
        """Run ``semaphore`` on the state directory; the server need not run."""
        program = str(Path(sys.executable).with_name("semaphore"))
        return warm.run([program, *words, "--state", str(self.state)], env=self.environ)

    def command_here(self, *words: str) -> "subprocess.CompletedProcess[str]":
        """Run a command like :meth:`command`, but in this process.

        That takes a twentieth of the time; it is for a command that a test runs often.
        """
        return run_here(self.environ, *words, "--state", str(self.state))

    def script(self, folder: Path, app: str, content: str) -> tuple[int, int]:
        """Create a project with a script of *app* in a repository in *folder*.

        Returns the ids of the project and of a template for the script.
        """
        project: int = self.api("POST", "/projects", {"name": "Script"})["id"]
        key = self.api("GET", f"/project/{project}/keys")[0]["id"]
        where = repository(folder, {"script": content})
        repo = self.create(
            project,
            "repositories",
            name="Script",
            git_url=f"file://{where}",
            git_branch="main",
            ssh_key_id=key,
        )
        template = self.create(
            project,
            "templates",
            name="Script",
            app=app,
            playbook="script",
            repository_id=repo,
        )
        return project, template

    def create(self, project: int, kind: str, **fields: Any) -> int:
        """Create an object of a project and return its id."""
        answer = self.api(
            "POST", f"/project/{project}/{kind}", {"project_id": project, **fields}
        )
        number: int = answer["id"]
        return number

    def run(self, project: int, template: int, **fields: Any) -> int:
        """Start a task and return its id."""
        answer = self.api(
            "POST", f"/project/{project}/tasks", {"template_id": template, **fields}
        )
        number: int = answer["id"]
        return number

    def status(self, project: int, task: int) -> str:
        """Return a task's status."""
        status: str = self.api("GET", f"/project/{project}/tasks/{task}")["status"]
        return status

    def wait(
        self,
        project: int,
        task: int,
        *statuses: str,
        timeout: float = TIMEOUT,
    ) -> str:
        """Wait until the task has one of *statuses* (any final one by default)."""
        wanted = statuses or ("success", "error", "stopped")
        deadline = time.monotonic() + timeout
        while (status := self.status(project, task)) not in wanted:
            if time.monotonic() > deadline:
                raise AssertionError(
                    f"task {task} is {status} after {timeout} s:\n"
                    + "\n".join(self.output(project, task)[-20:])
                )
            time.sleep(0.05)
        return status

    def output(self, project: int, task: int) -> list[str]:
        """Return the lines of a task's log."""
        rows = self.api("GET", f"/project/{project}/tasks/{task}/output")
        return [row["output"] for row in rows]


def files_below(*folders: Path, since: float) -> Iterator[tuple[Path, bytes]]:
    """Yield each regular file below *folders* that was changed, with its content.

    *since* is compared with the time of the last change of the inode, which no program
    can set. A file or directory that is removed meanwhile is passed over.
    """
    for folder in folders:
        for directory, _, names in os.walk(folder):
            for path in (Path(directory, name) for name in sorted(names)):
                try:
                    facts = path.lstat()
                    if stat.S_ISREG(facts.st_mode) and facts.st_ctime >= since:
                        yield path, path.read_bytes()
                except OSError:
                    continue


def processes() -> Iterator[tuple[int, bytes, bytes]]:
    """Yield the id, the arguments and the environment of each process."""
    for folder in Path("/proc").iterdir():
        if folder.name.isdigit():
            try:
                arguments = (folder / "cmdline").read_bytes()
            except OSError:
                continue
            try:
                environ = (folder / "environ").read_bytes()
            except OSError:
                environ = b""
            yield int(folder.name), arguments, environ
