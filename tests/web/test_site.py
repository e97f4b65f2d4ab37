"""Tests of the site as bytes: limits, headers, the base path."""

from typing import Any, ClassVar

from twisted.logger import globalLogPublisher
from twisted.trial.unittest import SynchronousTestCase

from semaphore_twisted.config.options import Config
from semaphore_twisted.web.http.options import WebOptions
from semaphore_twisted.web.http.site import logged_path
from tests.support.http import ApiClient, api_client, parse
from tests.support.websocket import drop_timers


class LimitTests(SynchronousTestCase):
    """A body has a limit, and ends up in no file."""

    def setUp(self) -> None:
        """Serve with a small limit."""
        self.client = api_client(options=WebOptions(body_limit=1000))
        self.client.login()

    def send(self, head: str, body: bytes) -> bytes:
        """Send a raw request; return the raw answer."""
        text = head.replace("\n", "\r\n").format(cookie=self.client.cookie)
        got: bytes = self.client.send(text.encode() + b"\r\n\r\n" + body).value()
        return got

    def test_declared(self) -> None:
        """A body with too large a declared length is refused before it arrives."""
        got = self.send(
            "POST /api/projects HTTP/1.1\nHost: x\nCookie: {cookie}\n"
            "Content-Length: 1001",
            b"",
        )
        answer = parse(got)
        self.assertEqual(answer.status, 413)
        self.assertIn("1000", answer.json["error"])
        self.assertEqual(answer.header("connection"), "close")

    def test_grown(self) -> None:
        """A body without a length is refused once it has grown too large."""
        chunk = b"258\r\n" + b"x" * 600 + b"\r\n"
        got = self.send(
            "POST /api/projects HTTP/1.1\nHost: x\nCookie: {cookie}\n"
            "Transfer-Encoding: chunked",
            chunk + chunk + chunk + b"0\r\n\r\n",
        )
        self.assertEqual(parse(got).status, 413)
        self.assertEqual(got.count(b"HTTP/1.1"), 1)

    def test_at_the_limit(self) -> None:
        """A body of exactly the limit is read."""
        body = b'{"name":"' + b"x" * 200 + b'"}'
        answer = self.client.post("/api/projects", body + b" " * (1000 - len(body)))
        self.assertEqual(answer.status, 201)

    def test_both_lengths(self) -> None:
        """A request with two kinds of length is refused (smuggling)."""
        got = self.send(
            "POST /api/projects HTTP/1.1\nHost: x\nCookie: {cookie}\n"
            "Content-Length: 2\nTransfer-Encoding: chunked",
            b"0\r\n\r\n",
        )
        self.assertIn(parse(got).status, {400})

    def test_two_lengths(self) -> None:
        """A request with two lengths is refused (smuggling)."""
        got = self.send(
            "POST /api/projects HTTP/1.1\nHost: x\nContent-Length: 2\n"
            "Content-Length: 3",
            b"{}x",
        )
        self.assertEqual(parse(got).status, 400)


class HeaderTests(SynchronousTestCase):
    """Every answer has the headers that guard browsers, and no banner."""

    def setUp(self) -> None:
        """Make a client."""
        self.client = api_client(options=WebOptions(version="9.8.7-secret"))

    def test_guards(self) -> None:
        """Each kind of answer has them."""
        for path in ("/", "/api/ping", "/api/user", "/api/nothing", "/x.js"):
            answer = self.client.get(path, headers={"Accept-Encoding": "gzip, br"})
            self.assertEqual(answer.header("x-content-type-options"), "nosniff")
            self.assertEqual(answer.header("x-frame-options"), "DENY")
            self.assertEqual(answer.header("referrer-policy"), "no-referrer")
            self.assertEqual(answer.header("cache-control"), "no-store")
            self.assertIn("camera=()", answer.header("permissions-policy") or "")
            for each, value in (
                ("opener", "same-origin"),
                ("resource", "same-origin"),
                ("embedder", "require-corp"),
            ):
                sent = answer.header(f"cross-origin-{each}-policy")
                self.assertEqual(sent, value)
            self.assertIsNone(answer.header("content-encoding"))
            self.assertIn(
                "frame-ancestors 'none'", answer.header("content-security-policy") or ""
            )
            self.assertIsNone(answer.header("access-control-allow-origin"))

    def test_no_version(self) -> None:
        """No version is visible without a login."""
        for path in (
            "/",
            "/api/ping",
            "/api/auth/login",
            "/api/nothing",
            "/api/openapi.json",
            "/api/ws",
            "/x.js",
        ):
            answer = self.client.get(path)
            self.assertIsNone(answer.header("server"), path)
            self.assertNotIn(b"9.8.7", answer.body, path)
            self.assertNotIn(b"Twisted", answer.body, path)

    def test_hsts(self) -> None:
        """HSTS is sent over TLS, and for the configured name only."""
        name = "strict-transport-security"
        options = WebOptions(
            config=Config(web_host="https://h.example"), hsts_seconds=100
        )
        named = api_client(options=options, host="h.example")
        self.assertEqual(named.get("/").header(name), "max-age=100")
        other = api_client(options=options, host="192.0.2.1:3000")
        self.assertIsNone(other.get("/").header(name))
        plain = api_client(options=options, host="h.example", secure=False)
        self.assertIsNone(plain.get("/").header(name))
        with_port = api_client(options=options, host="H.example:3000")
        self.assertEqual(with_port.get("/").header(name), "max-age=100")
        address = WebOptions(
            config=Config(web_host="https://192.0.2.1:3000"), hsts_seconds=100
        )
        numeric = api_client(options=address, host="192.0.2.1:3000")
        self.assertIsNone(numeric.get("/").header(name))

    def test_hosts(self) -> None:
        """Where names are configured, a request for another one is refused."""
        options = WebOptions(hosts=("h.example", "127.0.0.1", "::1"))
        for host, status in (
            ("h.example", 200),
            ("H.example:3000", 200),
            ("[::1]:3000", 200),
            ("evil.example", 421),
            ("h.example.evil", 421),
        ):
            client = api_client(options=options, host=host)
            self.assertEqual(client.get("/api/ping").status, status, host)


class BasePathTests(SynchronousTestCase):
    """The site is served below the path of ``web_host`` too."""

    def setUp(self) -> None:
        """Serve below /semaphore."""
        self.options = WebOptions(config=Config(web_host="https://h.example/semaphore"))

    def client(self, **more: Any) -> ApiClient:
        """Return a client."""
        return api_client(options=self.options, **more)

    def test_both(self) -> None:
        """A proxy may strip the prefix or not, with or without a slash at the end."""
        client = self.client(host="h.example")
        for path in (
            "/api/ping",
            "/semaphore/api/ping",
            "/api/ping/",
            "/semaphore/api/ping/",
        ):
            self.assertEqual(client.get(path).body, b"pong", path)
        for path in ("/", "/semaphore", "/semaphore/", "/semaphore/project/1"):
            self.assertEqual(client.get(path).status, 200, path)

    def test_socket(self) -> None:
        """The websocket has both paths too."""
        client = self.client(host="h.example")
        for path in ("/api/ws", "/semaphore/api/ws", "/semaphore/api/ws/"):
            self.assertEqual(client.get(path).status, 426, path)

    def test_document(self) -> None:
        """The API's document names the prefix."""
        document = self.client(host="h.example").get("/api/openapi.json").json
        self.assertEqual(document["servers"], [{"url": "/semaphore/api"}])


class LogTests(SynchronousTestCase):
    """The access log has what is needed, and no secret."""

    def test_path(self) -> None:
        """Possible secrets in a path are cut, and other bytes are escaped."""
        token = "abcdefgh" + "x" * 36
        self.assertEqual(
            logged_path(f"/api/user/tokens/{token}".encode()),
            "/api/user/tokens/abcdefgh…",
        )
        self.assertEqual(logged_path(b"/\xff\x1b\n"), "/\\xff\\x1b\\n")
        self.assertEqual(
            logged_path(b"/base/api/integrations/abcdefgh12345678"),
            "/base/api/integrations/abcd…",
        )

    def test_line(self) -> None:
        """A request is one line: client, request, result."""
        events: list[Any] = []
        observer: Any = events.append
        globalLogPublisher.addObserver(observer)
        self.addCleanup(globalLogPublisher.removeObserver, observer)
        client = api_client()
        client.get("/api/ping?token=hush", headers={"Authorization": "Bearer hush"})
        lines = [each for each in events if each.get("path") == "/api/ping"]
        self.assertEqual(len(lines), 1)
        self.assertEqual(lines[0]["client"], "192.0.2.7")
        self.assertEqual(lines[0]["status"], 200)
        self.assertNotIn("hush", repr(lines))


class SocketTests(SynchronousTestCase):
    """The websocket's handshake, before the upgrade."""

    UPGRADE: ClassVar[dict[str, str]] = {
        "Upgrade": "websocket",
        "Connection": "Upgrade",
        "Sec-WebSocket-Version": "13",
        "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ==",
    }

    def setUp(self) -> None:
        """Leave no timers behind."""
        self.addCleanup(drop_timers)

    def test_plain(self) -> None:
        """A request without an upgrade gets an explanation."""
        client = api_client()
        answer = client.get("/api/ws")
        self.assertEqual(answer.status, 426)
        self.assertEqual(answer.header("upgrade"), "websocket")
        self.assertEqual(answer.header("connection"), "upgrade")

    def test_other_protocols(self) -> None:
        """One of several protocols is enough; other versions get the supported one."""
        client = api_client()
        for name, sent, status in (
            ("Upgrade", "h2c, WebSocket", 401),
            ("Upgrade", "websocket/13", 426),
            ("Sec-WebSocket-Version", "8", 426),
            ("Sec-WebSocket-Version", "99", 426),
            ("Sec-WebSocket-Version", "13, 8", 426),
        ):
            headers = {
                **self.UPGRADE,
                "Origin": "https://semaphore.example",
                name: sent,
            }
            answer = client.get("/api/ws", headers=headers)
            self.assertEqual(answer.status, status, sent)
            if status == 426 and name != "Upgrade":
                self.assertEqual(answer.header("sec-websocket-version"), "13")

    def test_anonymous(self) -> None:
        """Without credentials that hold there is no upgrade."""
        client = api_client()
        headers = {**self.UPGRADE, "Origin": "https://semaphore.example"}
        self.assertEqual(client.get("/api/ws", headers=headers).status, 401)
        client.cookie = "semaphore=made-up"
        self.assertEqual(client.get("/api/ws", headers=headers).status, 401)

    def test_foreign(self) -> None:
        """A page of another site gets no socket, cookie or not."""
        client = api_client()
        client.login()
        for sent in ("https://evil.example", "null", "http://semaphore.example"):
            headers = {**self.UPGRADE, "Origin": sent}
            self.assertEqual(client.get("/api/ws", headers=headers).status, 403, sent)

    def test_missing_origin(self) -> None:
        """With a cookie a proxy may strip the origin, unless that is refused.

        The last column is for ``websocket_require_origin``. The session does not exist,
        so a handshake ends with 401 at best.
        """
        for peer, secure, usual, required in (
            ("127.0.0.1", False, 401, 403),
            ("10.0.0.7", False, 401, 403),
            ("10.0.0.7", True, 401, 403),
            ("127.0.0.1", True, 403, 403),
            ("192.0.2.7", False, 403, 403),
            ("192.0.2.7", True, 403, 403),
        ):
            for option, wanted in ((False, usual), (True, required)):
                client = api_client(
                    options=WebOptions(
                        config=Config(
                            trusted_proxies=("10.0.0.0/24",),
                            websocket_require_origin=option,
                        )
                    )
                )
                client.cookie = "semaphore=made-up"
                client.peer, client.secure = peer, secure
                with self.subTest(peer=peer, secure=secure, option=option):
                    answer = client.get("/api/ws", headers=self.UPGRADE)
                    self.assertEqual(answer.status, wanted)

    def test_missing_origin_of_a_program(self) -> None:
        """A program with a token needs no origin, wherever it is."""
        client = api_client(
            options=WebOptions(config=Config(websocket_require_origin=True))
        )
        client.token = "made-up"
        self.assertEqual(client.get("/api/ws", headers=self.UPGRADE).status, 401)

    def test_hostile_origins(self) -> None:
        """An origin is the site's own exactly, or it is another site's."""
        options = WebOptions(config=Config(web_host="https://site.example"))
        client = api_client(options=options, host="site.example")
        client.cookie = "semaphore=made-up"
        for sent in (
            "https://site.evil",
            "https://evil-site.example",
            "https://site.example.evil",
            "http://site.example",
            "https://site.example:444",
            "https://site.example@evil",
            "https://evil@site.example",
            "https://site.example.",
            "https://site.example/",
            "https://site.example, https://evil.example",
            "https://s\u0456te.example",
            "https://xn--ste-jma.example",
            "site.example",
            "null",
            "",
            "file://",
            "chrome-extension://x",
        ):
            headers = {**self.UPGRADE, "Origin": sent}
            with self.subTest(origin=sent):
                self.assertEqual(client.get("/api/ws", headers=headers).status, 403)
        for sent in ("https://site.example", "https://SITE.example"):
            headers = {**self.UPGRADE, "Origin": sent}
            self.assertEqual(client.get("/api/ws", headers=headers).status, 401, sent)
