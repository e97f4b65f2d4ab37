"""Tests of logging in and out."""

from typing import Any

import bcrypt
from twisted.logger import capturedLogs
from twisted.trial.unittest import SynchronousTestCase

from semaphore_twisted.config.options import Config
from semaphore_twisted.operations.accounts import users
from semaphore_twisted.persistence import schema
from semaphore_twisted.web.http.options import WebOptions
from tests.support.http import Answer, ApiClient, api_client
from tests.support.memory import PASSWORD, make_user


class LoginTests(SynchronousTestCase):
    """A right name and password make a session."""

    def setUp(self) -> None:
        """Make a site."""
        self.client = api_client()
        self.conn = self.client.database.conn
        self.guesses = 0

    def try_login(self, auth: str = "admin", password: str = PASSWORD) -> Answer:
        """Try to log in."""
        return self.client.post("/api/auth/login", {"auth": auth, "password": password})

    def test_cookie(self) -> None:
        """The cookie has all its protective attributes, and gives access to the API."""
        answer = self.try_login()
        self.assertEqual((answer.status, answer.body), (204, b""))
        (cookie,) = answer.headers["set-cookie"]
        self.assertRegex(
            cookie,
            r"^semaphore=[\w-]{43}; Path=/; Max-Age=2592000; "
            r"HttpOnly; SameSite=Lax; Secure$",
        )
        # Some clients send the whole value back.
        self.client.cookie = cookie
        self.assertEqual(self.client.get("/api/user").json["username"], "admin")

    def test_names(self) -> None:
        """The name may be in any case, or be the e-mail address."""
        for name in ("ADMIN", " admin ", "Admin@Example.com"):
            self.assertEqual(self.try_login(name).status, 204, name)

    def test_old_hash(self) -> None:
        """A bcrypt hash, as Semaphore stores it, works and is renewed at a login."""
        old = bcrypt.hashpw(PASSWORD.encode(), bcrypt.gensalt(4)).decode()
        admin = users.find(self.conn, "admin")
        assert admin is not None
        self.conn.update(schema.user, admin.id, password=old)
        self.assertEqual(self.try_login(password="wrong").status, 401)
        for _ in range(2):
            self.assertEqual(self.try_login().status, 204)
            stored = users.credentials_of(self.conn, "admin")
            assert stored is not None
            self.assertTrue(stored.password.startswith("$argon2id$"))

    def test_any_content_type(self) -> None:
        """JSON is read as such though it is called a form."""
        kind = {"Content-Type": "application/x-www-form-urlencoded"}
        body = {"auth": "admin", "password": PASSWORD}
        answer = self.client.post("/api/auth/login", body, headers=kind)
        self.assertEqual(answer.status, 204)

    def test_wrong(self) -> None:
        """A wrong password, name or kind of account gives the same empty 401."""
        make_user(self.conn, "eve", external=True, password=None)
        make_user(self.conn, "off", active=False)
        for name, password in (
            ("admin", "wrong"),
            ("admin", ""),
            ("nobody", PASSWORD),
            ("eve", PASSWORD),
            ("eve", ""),
            ("off", PASSWORD),
        ):
            client = api_client(database=self.client.database, peer="198.51.100.1")
            answer = client.post(
                "/api/auth/login", {"auth": name, "password": password}
            )
            self.assertEqual((answer.status, answer.body), (401, b""), name)
            self.assertNotIn("set-cookie", answer.headers)

    def test_throttled(self) -> None:
        """After some wrong guesses even the right one is delayed, with the time."""
        statuses = [self.try_login(password="wrong").status for _ in range(8)]
        self.assertEqual(statuses[:5], [401] * 5)
        self.assertEqual(statuses[-1], 429)
        answer = self.try_login()
        self.assertEqual(answer.status, 429)
        self.assertGreaterEqual(int(answer.header("retry-after") or 0), 1)
        self.assertIn("error", answer.json)

    def answers(self, name: str, *passwords: str) -> list[tuple[int, str | None]]:
        """Return status and ``Retry-After`` of each guess, each from elsewhere."""
        found = []
        for password in passwords:
            self.guesses += 1
            client = api_client(
                database=self.client.database, peer=f"198.51.100.{self.guesses}"
            )
            body = {"auth": name, "password": password}
            answer = client.post("/api/auth/login", body)
            found.append((answer.status, answer.header("retry-after")))
        return found

    def test_names_of_one_account(self) -> None:
        """Guesses at a login name do not reveal the account's e-mail address."""
        self.answers("admin", *["wrong"] * 8)
        guesses = ["wrong"] * 8
        mine = self.answers("admin@example.com", *guesses)
        others = self.answers("nobody@example.com", *guesses)
        self.assertEqual(mine, others)
        self.assertEqual([status for status, _ in mine[:5]], [401] * 5)
        self.assertEqual(mine[-1][0], 429)

    def test_withheld(self) -> None:
        """The account is protected under each of its names; answers do not differ."""
        self.answers("admin", *["wrong"] * 8)
        self.assertEqual(self.answers("admin@example.com", PASSWORD), [(401, None)])
        self.assertEqual(self.answers("nobody@example.com", PASSWORD), [(401, None)])

    def test_right_logins_never_count(self) -> None:
        """Successful logins are never delayed."""
        for _ in range(40):
            self.assertEqual(self.try_login().status, 204)

    def test_foreign_page(self) -> None:
        """A page of another site cannot log a visitor in."""
        answer = self.client.post(
            "/api/auth/login",
            {"auth": "admin", "password": PASSWORD},
            headers={"Origin": "https://evil.example"},
        )
        self.assertEqual(answer.status, 403)

    def test_switched_off(self) -> None:
        """Where logins by password are switched off, none succeeds."""
        options = WebOptions(config=Config(password_login_disable=True))
        client = api_client(options=options)
        self.assertFalse(client.get("/api/auth/login").json["login_with_password"])
        body = {"auth": "admin", "password": PASSWORD}
        self.assertEqual(client.post("/api/auth/login", body).status, 403)

    def test_methods(self) -> None:
        """The login methods are public."""
        self.assertEqual(
            self.client.get("/api/auth/login").json,
            {"oidc_providers": [], "login_with_password": True},
        )


class WayTests(SynchronousTestCase):
    """The connection's requirements for a login."""

    def answer(self, client: ApiClient, **headers: str) -> Answer:
        """Log in with *headers* (``_`` for ``-``)."""
        sent = {name.replace("_", "-"): value for name, value in headers.items()}
        body = {"auth": "admin", "password": PASSWORD}
        return client.post("/api/auth/login", body, headers=sent)

    def client(self, peer: str, **more: Any) -> ApiClient:
        """Return a client without TLS."""
        return api_client(peer=peer, secure=False, host="h.example", **more)

    def test_plain_http(self) -> None:
        """Over plain HTTP from elsewhere the answer gives the reason."""
        answer = self.answer(self.client("192.0.2.7"))
        self.assertEqual(answer.status, 400)
        self.assertIn("https", answer.json["error"])

    def test_allowed(self) -> None:
        """An option allows it; the cookie is not Secure then, and works."""
        options = WebOptions(config=Config(insecure_http=True))
        answer = self.answer(self.client("192.0.2.7", options=options))
        self.assertEqual(answer.status, 204)
        self.assertNotIn("Secure", answer.headers["set-cookie"][0])

    def test_same_machine(self) -> None:
        """Plain HTTP from the same machine is accepted."""
        self.assertEqual(self.answer(self.client("127.0.0.1")).status, 204)

    def test_proxy(self) -> None:
        """A TLS proxy on this machine is trusted, one elsewhere is not."""
        headers = {
            "x_forwarded_proto": "https",
            "x_forwarded_for": "198.51.100.9",
            "x_forwarded_host": "public.example",
            "origin": "https://public.example",
        }
        answer = self.answer(self.client("127.0.0.1"), **headers)
        self.assertEqual(answer.status, 204)
        self.assertIn("Secure", answer.headers["set-cookie"][0])
        self.assertEqual(self.answer(self.client("192.0.2.7"), **headers).status, 403)

    def test_plain_proxy(self) -> None:
        """Behind a proxy that serves plain HTTP the answer gives the reason."""
        for headers in (
            {"x_forwarded_proto": "http"},
            {"x_forwarded_for": "198.51.100.9"},
        ):
            answer = self.answer(self.client("127.0.0.1"), **headers)
            self.assertEqual(answer.status, 400, headers)

    def test_silent_proxy(self) -> None:
        """The log names the headers that a proxy omits."""
        options = WebOptions(config=Config(trusted_proxies=("10.0.0.0/24",)))
        for peer, headers in (
            ("127.0.0.1", {"x_forwarded_for": "198.51.100.9"}),
            ("10.0.0.7", {"x_forwarded_for": "198.51.100.9"}),
            ("10.0.0.7", {}),
        ):
            with capturedLogs() as events:
                answer = self.answer(self.client(peer, options=options), **headers)
            self.assertEqual(answer.status, 400)
            said = "".join(each.get("log_format", "") for each in events)
            self.assertIn("X-Forwarded-Proto", said)

    def test_base_path(self) -> None:
        """Below a base path the cookie is for that path."""
        options = WebOptions(config=Config(web_host="https://h.example/semaphore"))
        answer = self.answer(
            self.client("127.0.0.1", options=options), x_forwarded_for="198.51.100.9"
        )
        self.assertIn("; Path=/semaphore;", answer.headers["set-cookie"][0])
        self.assertIn("; Secure", answer.headers["set-cookie"][0])


class LogoutTests(SynchronousTestCase):
    """A logout ends the session on the server."""

    def test_replay(self) -> None:
        """The cookie that was kept opens nothing any more."""
        client = api_client()
        client.login()
        other = api_client(database=client.database)
        other.login()
        answer = client.post("/api/auth/logout")
        self.assertEqual((answer.status, answer.body), (204, b""))
        self.assertTrue(answer.headers["set-cookie"][0].startswith("semaphore=;"))
        self.assertEqual(client.get("/api/user").status, 401)
        self.assertEqual(other.get("/api/user").status, 200)

    def test_twice(self) -> None:
        """Without a session it is no error."""
        self.assertEqual(api_client().post("/api/auth/logout").status, 204)
