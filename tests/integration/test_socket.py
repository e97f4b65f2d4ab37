"""The websocket over real TLS: its access rules, and when it is closed."""

import signal
import time
from collections.abc import Callable
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

from semaphore_twisted.web.websocket.endpoint import server_factory
from tests.support.cases import ProductTestCase, SharedProductTestCase
from tests.support.pace import in_time
from tests.support.websocket import Refused


def parts(mask: bytes) -> bytes:
    """Return a message of 80 kB, in frames of 8 kB."""
    frames = [b"\xfe\x20\x00" + mask + bytes(8192)] * 10
    return b"\x01" + b"\x00".join(frames)


class SocketTests(SharedProductTestCase):
    """Everything is decided before the upgrade, and looked at while it is open."""

    def cookie(self) -> str:
        """Log in again and return the session's cookie."""
        token = self.product.token
        cookie = self.product.log_in()
        self.product.token = token
        return cookie

    def refusal(self, **headers: str) -> int:
        """Return the status with which a handshake is refused."""
        with self.assertRaises(Refused) as refused:
            self.product.websocket(headers)
        return int(refused.exception.status)

    def test_own_page(self) -> None:
        """A page of the site opens it with its cookie."""
        headers = {"Cookie": self.cookie(), "Origin": self.product.url}
        self.product.websocket(headers).close()
        headers["Origin"] = self.product.url.upper()
        self.product.websocket(headers).close()

    def test_foreign_page(self) -> None:
        """A page of another site cannot open it, and a missing origin neither."""
        cookie = self.cookie()
        for origin in ("https://evil.example", "null", "http://localhost", ""):
            self.assertEqual(self.refusal(Cookie=cookie, Origin=origin), 403, origin)
        self.assertEqual(self.refusal(Cookie=cookie), 403)

    def test_nobody(self) -> None:
        """Without credentials that hold it is refused before the upgrade."""
        self.assertEqual(self.refusal(), 401)
        self.assertEqual(self.refusal(Authorization="Bearer " + "a" * 43 + "="), 401)

    def test_no_handshake(self) -> None:
        """A plain request gets an explanation."""
        answer = self.product.call("GET", "/api/ws")
        self.assertEqual(answer.status, 426)
        self.assertEqual(answer.headers["upgrade"], "websocket")

    def user(self, name: str, **fields: Any) -> tuple[int, str]:
        """Create a user and log in; return the id and the cookie."""
        password = "correct horse battery"
        made = self.product.api(
            "POST",
            "/users",
            {
                "name": name,
                "username": name,
                "email": f"{name}@example.org",
                "password": password,
                **fields,
            },
        )
        answer = self.product.call(
            "POST", "/api/auth/login", {"auth": name, "password": password}, {}
        )
        return made["id"], answer.headers["set-cookie"].split(";")[0]

    def closing(self, cookie: str, end: Callable[[], Any]) -> int | None:
        """Return with which code a socket is closed within a second of *end*."""
        socket = self.product.websocket({"Cookie": cookie, "Origin": self.product.url})
        socket.settimeout(10)
        end()
        began = time.monotonic()
        self.assertIsNone(socket.read())
        in_time(time.monotonic() - began, 1)
        socket.close()
        return socket.closed

    def test_ends(self) -> None:
        """The end of membership, role, password or account closes it."""
        api = self.product.api
        project = api("POST", "/projects", {"name": "Test"})["id"]
        number, cookie = self.user("alice")
        members = f"/project/{project}/users"
        api("POST", members, {"user_id": number, "role": "manager"})
        left = self.closing(cookie, lambda: api("DELETE", f"{members}/{number}"))
        self.assertEqual(left, 4403)
        for name, end in (
            ("bob", lambda it: api("DELETE", f"/users/{it}")),
            (
                "carol",
                lambda it: api(
                    "POST", f"/users/{it}/password", {"password": "a new long password"}
                ),
            ),
        ):
            number, cookie = self.user(name)
            with self.subTest(name=name):
                ended = self.closing(cookie, partial(end, number))
                self.assertEqual(ended, 4401)
                self.assertEqual(
                    self.refusal(Cookie=cookie, Origin=self.product.url), 401
                )

    def test_token_ended(self) -> None:
        """A program's socket is closed with its token."""
        socket = self.product.websocket()
        socket.settimeout(10)
        cookie = self.product.log_in()
        mine = self.product.call("GET", "/api/user/tokens", headers={"Cookie": cookie})
        began = time.monotonic()
        for each in mine.json:
            self.product.call(
                "DELETE", f"/api/user/tokens/{each['id']}", headers={"Cookie": cookie}
            )
        self.assertIsNone(socket.read())
        in_time(time.monotonic() - began, 2)
        self.assertEqual(socket.closed, 4401)

    def test_command_line(self) -> None:
        """A session that the command line ends closes its websocket at once."""
        for verb, *more in (("disable",), ("delete", "--yes")):
            _, cookie = self.user(f"user-{verb}")
            end = partial(self.account, verb, f"user-{verb}", *more)
            self.assertEqual(self.closing(cookie, end), 4401, verb)
        _, cookie = self.user("chief", admin=True)
        less = partial(self.account, "change-by-login", "chief", "--no-admin")
        self.assertIn(self.closing(cookie, less), {4401, 4403})

    def account(self, verb: str, name: str, *more: str) -> None:
        """Change an account by the command line while the server runs."""
        done = self.product.command("user", verb, "--login", name, *more)
        self.assertEqual(done.returncode, 0, done.stderr)

    def test_changes(self) -> None:
        """Changes by the API and by a command are told within a second, if wanted."""
        socket = self.product.websocket()
        socket.settimeout(10)
        socket.send({"type": "subscribe", "logs": [], "changes": True})
        answer = {"type": "subscribed", "logs": [], "changes": True}
        self.assertEqual(socket.read(), answer)
        project = self.product.api("POST", "/projects", {"name": "Test"})["id"]
        began = time.monotonic()
        message = socket.read() or {}
        in_time(time.monotonic() - began, 1)
        self.assertEqual((message["kind"], message["id"]), ("project", project))
        number, _ = self.user("dora")
        self.account("disable", "dora")
        told = [socket.read() or {} for _ in range(2)]
        self.assertEqual({each["id"] for each in told}, {number})
        self.assertEqual([each["action"] for each in told], ["created", "updated"])
        socket.close()

    def test_too_much(self) -> None:
        """A frame that is too large or invalid closes the socket and uses no memory."""
        mask = b"\x01\x02\x03\x04"
        large = (64 * 1024 + 1).to_bytes(8)
        for name, frames, code in (
            ("a large message", b"\x81\xff" + large + mask, 1009),
            ("an endless one", b"\x81\xff" + (1 << 62).to_bytes(8) + mask, 1009),
            ("large in parts", parts(mask), 1009),
            ("not masked", b"\x81\x02hi", 1002),
            ("a reserved kind", b"\x83\x80" + mask, 1002),
            ("a long ping", b"\x89\xfe\x01\x00" + mask + bytes(256), 1002),
            ("no text", b"\x81\x82" + mask + b"\xfe\xfd", 1007),
        ):
            socket = self.product.websocket()
            socket.settimeout(10)
            socket.send_raw(frames)
            self.assertIsNone(socket.read(), name)
            self.assertEqual(socket.closed, code, name)
            socket.close()
        socket = self.product.websocket()
        before = self.memory()
        for _ in range(2000):
            socket.send_raw(b"\x89\xfd" + mask + bytes(125))  # pongs are not read
        self.assertEqual(self.product.call("GET", "/api/ping").content, b"pong")
        self.assertLess(self.memory() - before, 20_000)
        socket.close()
        self.assertNotIn("Traceback", self.product.log.read_text())

    def memory(self) -> int:
        """Return the server's resident memory in kB."""
        assert self.product.process is not None
        text = Path(f"/proc/{self.product.process.pid}/status").read_text()
        return int(text.partition("VmRSS:")[2].split()[0])

    def test_everybody_sees(self) -> None:
        """Every watcher, not only the starter, is told of a task's end at once."""
        project, repo = self.project({"a.sh": "echo done\n"})
        template = self.template(project, repo, "bash", "a.sh")
        session = {"Cookie": self.cookie(), "Origin": self.product.url}
        watchers = [self.product.websocket(), self.product.websocket(session)]
        task = self.product.run(project, template)
        for watcher in watchers:
            watcher.settimeout(60)
            last = watcher.until_final(task)[-1]
            self.assertEqual(last["status"], "success")
        shown = self.product.api("GET", f"/project/{project}/tasks/{task}")
        ended = datetime.fromisoformat(shown["end"])
        in_time((datetime.now(UTC) - ended).total_seconds(), 3)
        for watcher in watchers:
            watcher.close()

    def test_logout(self) -> None:
        """A logout closes the session's websocket and ends the session."""
        cookie = self.cookie()
        headers = {"Cookie": cookie}
        logout = partial(self.product.call, "POST", "/api/auth/logout", None, headers)
        self.assertEqual(self.closing(cookie, logout), 4401)
        answer = self.product.call("GET", "/api/user", headers={"Cookie": cookie})
        self.assertEqual((answer.status, answer.content), (401, b""))


class StopTests(ProductTestCase):
    """A server that stops."""

    def test_stop(self) -> None:
        """A stopping server notifies each client, and ends soon."""
        process = self.product.process
        assert process is not None
        sockets = [self.product.websocket() for _ in range(20)]
        began = time.monotonic()
        process.terminate()
        for socket in sockets:
            self.assertIsNone(socket.read())
            self.assertEqual(socket.closed, 1001)
            socket.close()
        self.assertIn(process.wait(60), {0, -signal.SIGTERM})
        in_time(time.monotonic() - began, 8)
        self.assertNotIn("invalid close code", self.product.log.read_text())


class PingTests(ProductTestCase):
    """A server that asks often."""

    config = {"websocket_ping_sec": 1}  # noqa: RUF012 - one value for the class

    def test_ping(self) -> None:
        """A quiet socket has pings; the usual ones are under a minute apart."""
        socket = self.product.websocket()
        socket.settimeout(35)
        self.assertTrue(socket.pinged())
        socket.close()
        self.assertEqual(server_factory().autoPingInterval, 25)
