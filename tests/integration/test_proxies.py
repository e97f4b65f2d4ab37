"""Behind each proxy: the product as people meet it who have one in front of it."""

import sqlite3
import time
from collections.abc import Callable
from concurrent.futures import Future
from functools import partial
from threading import Thread
from typing import ClassVar

from semaphore_twisted.start.local_addresses import own_addresses
from tests.support.browser import Browser
from tests.support.cases import ProductTestCase
from tests.support.gate import WAIT, Gate
from tests.support.product import ADMIN_PASSWORD
from tests.support.proxies import CLIENT, Place, Proxy
from tests.support.proxy_files import (
    apache_printed,
    apache_shipped,
    caddy,
    haproxy,
    nginx_below,
    nginx_printed,
    nginx_shipped,
)
from tests.support.websocket import Refused, WebSocket

#: Prints a line, waits until it has been read, and prints the rest.
SCRIPT = f"""\
echo first
{WAIT}for number in 1 2 3; do echo "line $number"; done
"""

#: What a client may say of itself; none of it may count.
LIES = {
    "X_Forwarded_For": "192.0.2.66",
    "X_Real_IP": "192.0.2.66",
    "Forwarded": "for=192.0.2.66;host=evil.example;proto=http",
}

#: A client that makes more of itself up, which our own files drop as well.
MORE_LIES = {
    **LIES,
    "X_Forwarded_Proto": "http",
    "X_Forwarded_Host": "evil.example",
}

FOREIGN = "https://evil.example"


class ProxyTestCase(ProductTestCase):
    """A server, and a proxy in front of it that the tests choose."""

    def proxy(
        self,
        kind: Callable[[Place], list[str]],
        base: str = "",
        *,
        told: bool = False,
        **environ: str,
    ) -> Proxy:
        """Start a proxy of *kind* for a site below *base*.

        With *told*, the server's ``web_host`` is the proxy's URL; with *environ*, the
        server is restarted.
        """
        folder = self.folder / f"proxy-{len(list(self.folder.iterdir()))}"
        proxy = Proxy(folder, self.product.port, base)
        # a worker that runs as nobody must be able to enter
        self.folder.chmod(0o755)
        if told:
            environ["WEB_ROOT"] = proxy.origin + base
        if environ:
            self.product.stop()
            more = {f"SEMAPHORE_{name}": text for name, text in environ.items()}
            self.product.environ |= more
            self.product.start()
        self.addCleanup(proxy.stop)
        proxy.start(kind)
        return proxy

    def log_in(self, proxy: Proxy, **headers: str) -> str:
        """Log in as a browser does, keep the cookie, and return how it was set."""
        proxy.headers = {"Origin": proxy.origin}
        body = {"auth": "admin", "password": ADMIN_PASSWORD}
        answer = proxy.call("POST", "/api/auth/login", body, **headers)
        self.assertEqual(answer.status, 204, answer.content)
        cookie = answer.headers["set-cookie"]
        proxy.headers["Cookie"] = cookie.partition(";")[0]
        return cookie

    def watch(self, proxy: Proxy) -> None:
        """Start a task and watch its log live, from the first line to the end."""
        gate = Gate()
        project, repo = self.project({"say.sh": SCRIPT.format(gate=gate.port)})
        template = self.template(project, repo, "bash", "say.sh")
        opened = proxy.websocket()
        self.addCleanup(opened.close)
        opened.settimeout(30)
        answer = proxy.call(
            "POST", f"/api/project/{project}/tasks", {"template_id": template}
        )
        self.assertEqual(answer.status, 201, answer.content)
        task = answer.json["id"]
        lines: list[str] = []
        while "first" not in lines:
            message = opened.read()
            assert message is not None
            if message["type"] == "log" and message["task_id"] == task:
                lines.append(message["output"])
        # it has not ended: the line came while the task was running
        self.assertEqual(self.product.status(project, task), "running")
        gate.open()
        rest = opened.until_final(task)
        self.assertEqual(rest[-1]["status"], "success")
        lines += [each["output"] for each in rest if each["type"] == "log"]
        self.assertEqual(lines, self.product.output(project, task))
        self.assertEqual(lines[-3:], ["line 1", "line 2", "line 3"])
        shown = proxy.call("GET", f"/api/project/{project}/tasks/{task}/output")
        self.assertEqual([each["output"] for each in shown.json], lines)

    def check_address(self, proxy: Proxy, **lies: str) -> None:
        """Check that session and events have the client's own address."""
        wrong = {"auth": "admin", "password": "wrong"}
        answer = proxy.call("POST", "/api/auth/login", wrong, **lies)
        self.assertEqual(answer.status, 401)
        said = [each["description"] for each in self.product.api("GET", "/events")]
        self.assertIn(f"Failed login of admin from {proxy.client}", said)
        self.assertNotIn("192.0.2.66", " ".join(said))
        with sqlite3.connect(self.product.state / "semaphore.db") as database:
            rows = database.execute("select ip from session order by id").fetchall()
        self.assertEqual(rows[-1], (proxy.client,))

    def check_watcher(self, proxy: Proxy) -> None:
        """Check that a websocket counts for the client, not for the proxy."""
        said = self.product.log.read_text()
        self.assertTrue(f"{proxy.client} opened a websocket" in said, said[-500:])

    def check_foreign(self, proxy: Proxy, *, scheme: bool = True) -> None:
        """Check that pages of other sites, or of another *scheme*, change nothing."""
        for origin in self.foreign(proxy, scheme=scheme):
            answer = proxy.call("POST", "/api/projects", {"name": "x"}, Origin=origin)
            self.assertEqual(answer.status, 403, origin)

    def foreign(self, proxy: Proxy, *, scheme: bool = True) -> list[str]:
        """Return the origins of pages that are not the site's."""
        found = [FOREIGN, "null"]
        return [*found, f"http://localhost:{proxy.place.port}"] if scheme else found

    def refusal(self, proxy: Proxy, **headers: str) -> int:
        """Return the status with which a handshake is refused."""
        with self.assertRaises(Refused) as refused:
            proxy.websocket(**headers)
        return int(refused.exception.status)

    def check_sockets(self, proxy: Proxy, *, scheme: bool = True) -> None:
        """Check that the websocket accepts only the site's pages with a login."""
        for origin in self.foreign(proxy, scheme=scheme):
            self.assertEqual(self.refusal(proxy, Origin=origin), 403, origin)
        self.assertEqual(self.refusal(proxy, Cookie="semaphore=none"), 401)
        answer = proxy.call("GET", "/api/ws")
        self.assertEqual(answer.status, 426)

    def check_cookie(self, cookie: str, path: str = "/") -> None:
        """Check that the cookie is marked right."""
        attributes = {each.strip() for each in cookie.split(";")[1:]}
        wanted = {f"Path={path}", "HttpOnly", "Secure", "SameSite=Lax"}
        wanted.add("Max-Age=2592000")
        self.assertEqual(attributes, wanted)


class ShippedTests(ProxyTestCase):
    """The files in ``etc/``."""

    def through(self, kind: Callable[[Place], list[str]]) -> None:
        """Do everything through a proxy of *kind*."""
        proxy = self.proxy(kind)
        self.check_cookie(self.log_in(proxy, **MORE_LIES))
        self.watch(proxy)
        self.check_address(proxy, **MORE_LIES)
        self.check_watcher(proxy)
        self.check_foreign(proxy)
        self.check_sockets(proxy)
        # the password is wrong, and nothing else is
        self.assertEqual(proxy.log_in_by_http_2(), "2 401")
        status, location = proxy.redirect()
        self.assertEqual(status, 308)
        self.assertRegex(location, r"^https://localhost(:\d+)?/project/1\?x=y$")

    def test_nginx(self) -> None:
        """NGINX with our file."""
        self.through(nginx_shipped)

    def test_apache(self) -> None:
        """Apache with our file."""
        self.through(apache_shipped)

    def test_haproxy(self) -> None:
        """HAProxy with our file."""
        self.through(haproxy)

    def test_caddy(self) -> None:
        """Caddy with our file."""
        self.through(caddy)


#: What a page of the site does: log in, open the socket, start a task, watch its end.
PAGE = """
    const said = await fetch("/api/auth/login", {{
        method: "POST",
        body: JSON.stringify({{auth: "admin", password: "{password}"}}),
    }});
    if (said.status !== 204) return "login " + said.status;
    const socket = new WebSocket(location.origin.replace("https", "wss") + "/api/ws");
    const lines = [];
    const ended = new Promise((done, failed) => {{
        socket.onerror = () => failed(new Error("the socket failed"));
        socket.onmessage = (event) => {{
            const message = JSON.parse(event.data);
            if (message.type === "log") lines.push(message.output);
            if (["success", "error"].includes(message.status)) done(message.status);
        }};
    }});
    await new Promise((open) => {{ socket.onopen = open; }});
    await fetch("/api/project/{project}/tasks", {{
        method: "POST",
        body: JSON.stringify({{template_id: {template}}}),
    }});
    const status = await ended;
    socket.close();
    return status + " " + lines.at(-1) + " " + document.cookie.length;
"""


class BrowserTests(ProxyTestCase):
    """A real browser, which uses HTTP/2 and sends Origin and cookies itself."""

    def test_each(self) -> None:
        """It logs in and watches a task through each of them."""
        project, repo = self.project({"say.sh": "echo first\necho last\n"})
        script = PAGE.format(
            password=ADMIN_PASSWORD,
            project=project,
            template=self.template(project, repo, "bash", "say.sh"),
        )
        browser = Browser()
        self.addCleanup(browser.stop)
        # the page's own policy is another test's
        browser.call("Page.setBypassCSP", enabled=True)
        shipped = (nginx_shipped, apache_shipped, haproxy, caddy)
        for kind in (*shipped, nginx_printed, apache_printed):
            proxy = self.proxy(kind)
            browser.open(f"{proxy.origin}/")
            said = browser.run(f"(async () => {{ {script} }})()")
            self.assertEqual(said, "success last 0", kind.__name__)
            proxy.stop()


class PrintedTests(ProxyTestCase):
    """The configurations in Semaphore's documentation, unchanged."""

    def outside(self, proxy: Proxy) -> None:
        """Use an address other than loopback, if the machine has one.

        These proxies append to the client's headers, and loopback counts as a proxy.
        """
        for each in own_addresses():
            if not each.startswith("127.") and ":" not in each:
                proxy.client = each
                return

    #: What people call a site that its server was not told the name of.
    NAME: ClassVar[dict[str, str]] = {
        "Host": "ci.example.org",
        "Origin": "https://ci.example.org",
    }

    def test_nginx(self) -> None:
        """NGINX, which blanks the socket's Origin."""
        proxy = self.proxy(nginx_printed)
        self.check_cookie(self.log_in(proxy, **self.NAME))
        self.check_cookie(self.log_in(proxy))
        self.watch(proxy)
        self.check_address(proxy)
        self.check_watcher(proxy)
        self.check_foreign(proxy)
        self.assertEqual(self.refusal(proxy, Cookie="semaphore=none"), 401)
        self.outside(proxy)
        self.log_in(proxy, **LIES)
        lies = LIES if proxy.client != CLIENT else {}
        self.check_address(proxy, **lies)

    def test_nginx_required(self) -> None:
        """An option refuses a socket whose Origin a proxy has blanked."""
        proxy = self.proxy(nginx_printed, WEBSOCKET_REQUIRE_ORIGIN="true")
        self.log_in(proxy)
        self.assertEqual(self.refusal(proxy), 403)
        token = {"Authorization": f"Bearer {self.product.token}", "Cookie": ""}
        proxy.websocket(**token).close()

    def test_apache(self) -> None:
        """Apache, with ``web_host`` for the header that it does not send."""
        proxy = self.proxy(apache_printed, told=True)
        self.assertEqual(proxy.call("GET", "/", Host="evil.example").status, 421)
        self.check_cookie(self.log_in(proxy))
        self.watch(proxy)
        self.check_address(proxy)
        self.check_watcher(proxy)
        self.check_foreign(proxy)
        self.check_sockets(proxy)
        self.outside(proxy)
        self.log_in(proxy, **LIES)
        lies = LIES if proxy.client != CLIENT else {}
        self.check_address(proxy, **lies)

    def test_apache_alone(self) -> None:
        """Apache without ``web_host``: a browser's origin gives the scheme."""
        proxy = self.proxy(apache_printed)
        body = {"auth": "admin", "password": ADMIN_PASSWORD}
        answer = proxy.call("POST", "/api/auth/login", body)
        self.assertEqual(answer.status, 400)
        self.assertIn("X-Forwarded-Proto", answer.json["error"])
        self.assertIn("sends no X-Forwarded-Proto", self.product.log.read_text())
        self.check_cookie(self.log_in(proxy, **self.NAME))
        self.check_cookie(self.log_in(proxy))
        self.watch(proxy)
        self.check_address(proxy)
        self.check_watcher(proxy)
        self.check_foreign(proxy, scheme=False)
        self.check_sockets(proxy, scheme=False)


def impatient(
    kind: Callable[[Place], list[str]], name: str, old: str, new: str
) -> Callable[[Place], list[str]]:
    """Return *kind* with *old* in its file *name* changed to *new*."""

    def made(place: Place) -> list[str]:
        command = kind(place)
        path = place.folder / name
        text = path.read_text()
        if old not in text:
            raise AssertionError(f"{name} has no {old!r}")
        path.write_text(text.replace(old, new))
        return command

    return made


def watch_to_the_end(opened: WebSocket, end: Future[str]) -> None:
    """Read until a task has ended; pass its status, or the fault, to *end*."""
    try:
        while (message := opened.read()) is not None:
            if message.get("status") in {"success", "error"}:
                end.set_result(message["status"])
                return
        end.set_result(f"closed with {opened.closed}")
    except OSError as error:
        end.set_result(repr(error))


class QuietTests(ProxyTestCase):
    """Proxies that close a connection after four seconds without data.

    Apache closes no upgraded connection, independent of its timeouts.
    """

    config = {"websocket_ping_sec": 1}  # noqa: RUF012 - one value for the class

    #: More than twice the idle timeout of the proxies.
    QUIET = 9

    def test_each(self) -> None:
        """An idle websocket outlives the idle timeout of a proxy."""
        kinds = (
            impatient(nginx_shipped, "site.conf", "read_timeout 10m", "read_timeout 4"),
            impatient(
                nginx_printed,
                "site.conf",
                'Origin "";',
                'Origin ""; proxy_read_timeout 4s; proxy_send_timeout 4s;',
            ),
            impatient(haproxy, "haproxy.cfg", "timeout tunnel 1h", "timeout tunnel 4s"),
        )
        watching = []
        for kind in kinds:
            proxy = self.proxy(kind)
            self.log_in(proxy)
            opened = proxy.websocket()
            self.addCleanup(opened.close)
            # the client answers pings while it reads
            watching.append(Future[str]())
            Thread(target=watch_to_the_end, args=(opened, watching[-1])).start()
        time.sleep(self.QUIET)
        self.assertEqual([each.done() for each in watching], [False] * len(kinds))
        project, repo = self.project({"say.sh": "echo done\n"})
        self.product.run(project, self.template(project, repo, "bash", "say.sh"))
        ends = [each.result(20) for each in watching]
        self.assertEqual(ends, ["success"] * len(kinds))


class BelowTests(ProxyTestCase):
    """The site below a path of the proxy's."""

    def below(self, *, strips: bool) -> None:
        """Do everything below ``/semaphore``."""
        kind = partial(nginx_below, strips=strips)
        proxy = self.proxy(kind, "/semaphore", told=True)
        self.check_cookie(self.log_in(proxy), path="/semaphore")
        self.watch(proxy)
        self.check_foreign(proxy)
        self.check_sockets(proxy)

    def test_stripped(self) -> None:
        """The proxy takes the path off."""
        self.below(strips=True)

    def test_kept(self) -> None:
        """The proxy leaves the path as it is."""
        self.below(strips=False)
