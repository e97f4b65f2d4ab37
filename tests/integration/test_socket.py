"""The websocket over real TLS: who may open it, and when it is closed."""

import time
from collections.abc import Callable
from datetime import UTC, datetime
from functools import partial
from typing import Any

from tests.support.cases import ProductTestCase
from tests.support.websocket import Refused


class SocketTests(ProductTestCase):
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
        """B44: a page of the site opens it with its cookie."""
        headers = {"Cookie": self.cookie(), "Origin": self.product.url}
        self.product.websocket(headers).close()
        headers["Origin"] = self.product.url.upper()
        self.product.websocket(headers).close()

    def test_foreign_page(self) -> None:
        """B45: a page of another site does not, and neither does no page at all."""
        cookie = self.cookie()
        for origin in ("https://evil.example", "null", "http://localhost", ""):
            self.assertEqual(self.refusal(Cookie=cookie, Origin=origin), 403, origin)
        self.assertEqual(self.refusal(Cookie=cookie), 403)

    def test_nobody(self) -> None:
        """B46: without credentials that hold it is refused before the upgrade."""
        self.assertEqual(self.refusal(), 401)
        self.assertEqual(self.refusal(Authorization="Bearer " + "a" * 43 + "="), 401)

    def test_no_handshake(self) -> None:
        """B41: a plain request is told what the address is for."""
        answer = self.product.call("GET", "/api/ws")
        self.assertEqual(answer.status, 426)
        self.assertEqual(answer.headers["upgrade"], "websocket")

    def user(self, name: str, **fields: Any) -> tuple[int, str]:
        """Make a user and log him in; return his number and his cookie."""
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
        """Return with which code *end* closes a socket, within a second."""
        socket = self.product.websocket({"Cookie": cookie, "Origin": self.product.url})
        socket.settimeout(10)
        began = time.monotonic()
        end()
        self.assertIsNone(socket.read())
        self.assertLess(time.monotonic() - began, 1)
        socket.close()
        return socket.closed

    def test_ends(self) -> None:
        """B46, B60: the end of membership, role, password or account closes it."""
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
        """B46, B60: a program's socket is closed with its token."""
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
        self.assertLess(time.monotonic() - began, 2)
        self.assertEqual(socket.closed, 4401)

    def test_everybody_sees(self) -> None:
        """B51: whoever watches learns of a task's end at once, not its starter only."""
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
        self.assertLess((datetime.now(UTC) - ended).total_seconds(), 3)
        for watcher in watchers:
            watcher.close()

    def test_ping(self) -> None:
        """B42: a quiet socket has a ping before proxies' usual minute of patience."""
        socket = self.product.websocket()
        socket.settimeout(35)
        began = time.monotonic()
        self.assertTrue(socket.pinged())
        self.assertGreater(time.monotonic() - began, 15)
        socket.close()

    def test_logout(self) -> None:
        """B46, B59: a logout closes the session's websocket and ends the session."""
        cookie = self.cookie()
        socket = self.product.websocket({"Cookie": cookie, "Origin": self.product.url})
        socket.settimeout(10)
        self.product.call("POST", "/api/auth/logout", headers={"Cookie": cookie})
        self.assertIsNone(socket.read())
        self.assertEqual(socket.closed, 4401)
        answer = self.product.call("GET", "/api/user", headers={"Cookie": cookie})
        self.assertEqual((answer.status, answer.content), (401, b""))
