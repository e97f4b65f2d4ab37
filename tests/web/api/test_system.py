"""Tests of the server's information about itself."""

from base64 import b64encode
from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from semaphore_twisted.config.options import Config, MetricsOptions
from semaphore_twisted.model.tasks import TaskStatus
from semaphore_twisted.web.http.options import WebOptions
from tests.support.http import Answer, api_client
from tests.support.memory import make_project, make_user
from tests.support.tasks import make_task, make_template


class SystemTests(SynchronousTestCase):
    """Facts and figures."""

    def test_ping(self) -> None:
        """A ping is answered with four letters, and without a login."""
        for path in ("/api/ping", "/api/ping/"):
            answer = api_client().get(path)
            self.assertEqual((answer.status, answer.body), (200, b"pong"))
            self.assertEqual(
                answer.headers["content-type"], ["text/plain; charset=utf-8"]
            )

    def test_info(self) -> None:
        """Versions are shown after a login only."""
        options = WebOptions(
            config=Config(web_host="x"), version="1.2", ansible="ansible [core 2]"
        )
        client = api_client(options=options)
        self.assertEqual(client.get("/api/info").status, 401)
        client.login()
        info = client.get("/api/info").json
        self.assertEqual(info["version"], "1.2")
        self.assertEqual(info["ansible"], "ansible [core 2]")
        self.assertEqual(info["web_host"], "x")
        self.assertIs(info["use_remote_runner"], False)
        self.assertEqual(info["premium_features"], {})

    def test_admin_info(self) -> None:
        """Administrators see the machine and the number of tasks, nobody else does."""
        client = api_client(options=WebOptions(version="1.2"))
        user = make_user(client.database.conn, "alice")
        path = "/api/admin/info"
        self.assertEqual(client.as_user(user).get(path).status, 403)
        conn = client.database.conn
        project = make_project(conn)
        template = make_template(conn, project)
        for status in (TaskStatus.SUCCESS, TaskStatus.SUCCESS, TaskStatus.WAITING):
            make_task(conn, project, template, status=status)
        client.login()
        info = client.get(path).json
        self.assertEqual(info["version"], "1.2")
        self.assertEqual(info["tasks"], {"success": 2, "waiting": 1})
        self.assertRegex(info["python"], r"^3\.\d+")
        self.assertGreaterEqual(info["uptime_seconds"], 0)

    def test_apps(self) -> None:
        """The supported apps are listed with the fields that clients show."""
        client = api_client()
        client.login()
        apps = client.get("/api/apps").json
        self.assertEqual(
            [each["id"] for each in apps],
            ["ansible", "terraform", "terragrunt", "tofu", "bash", "python"],
        )
        for each in apps:
            self.assertLessEqual(
                {"title", "icon", "color", "dark_color", "active", "path", "args"},
                set(each),
            )
            self.assertIsInstance(each["priority"], int)


class MetricsTests(SynchronousTestCase):
    """Prometheus has a name and a password of its own."""

    OPTIONS = WebOptions(
        config=Config(
            metrics=MetricsOptions(enabled=True, username="prom", password="pass:word")
        )
    )

    def ask(self, options: WebOptions, name: str, password: str, **more: Any) -> Answer:
        """Ask for the figures."""
        sent = b64encode(f"{name}:{password}".encode()).decode()
        client = api_client(options=options, **more)
        return client.get("/api/metrics", headers={"Authorization": f"Basic {sent}"})

    def test_figures(self) -> None:
        """They are text that Prometheus reads."""
        answer = self.ask(self.OPTIONS, "prom", "pass:word")
        self.assertEqual(answer.status, 200)
        self.assertIn("version=0.0.4", answer.header("content-type") or "")
        for line in (
            "semaphore_tasks_running 0",
            'semaphore_tasks_total{status="success"} 0',
            "# TYPE process_resident_memory_bytes gauge",
        ):
            self.assertIn(line, answer.body.decode())

    def test_guesses(self) -> None:
        """Guesses delay further requests of their own address only."""
        client = api_client(options=self.OPTIONS)

        def ask(password: str, peer: str) -> Answer:
            client.peer = peer
            sent = b64encode(f"prom:{password}".encode()).decode()
            headers = {"Authorization": f"Basic {sent}"}
            return client.get("/api/metrics", headers=headers)

        statuses = [ask("wrong", "::ffff:192.0.2.7").status for _ in range(25)]
        self.assertEqual(statuses, [401] * 20 + [429] * 5)
        refused = ask("pass:word", "192.0.2.7")
        self.assertEqual(refused.status, 429)
        self.assertGreater(int(refused.header("retry-after") or 0), 0)
        for _ in range(50):
            self.assertEqual(ask("pass:word", "192.0.2.8").status, 200)

    def test_certificate(self) -> None:
        """The metrics have the certificate's expiry, if there is one."""
        name = "semaphore_tls_expires_seconds"
        plain = self.ask(self.OPTIONS, "prom", "pass:word")
        self.assertNotIn(name, plain.body.decode())
        for seconds in (86_400, -60):
            found = self.ask(
                self.OPTIONS, "prom", "pass:word", expires=lambda left=seconds: left
            )
            self.assertIn(f"\n{name} {seconds}\n", found.body.decode())
            self.assertIn("\nsemaphore_tls_renewal_failing 0\n", found.body.decode())

    def test_refused(self) -> None:
        """Wrong credentials, none, and metrics that are off are refused alike."""
        empty = WebOptions(config=Config(metrics=MetricsOptions(enabled=True)))
        for options, name, password in (
            (self.OPTIONS, "prom", "wrong"),
            (self.OPTIONS, "wrong", "pass:word"),
            (self.OPTIONS, "", ""),
            (WebOptions(), "prom", "pass:word"),
            (WebOptions(), "", ""),
            (empty, "", ""),
        ):
            answer = self.ask(options, name, password)
            self.assertEqual((answer.status, answer.body), (401, b""))
            self.assertIn("Basic", answer.header("www-authenticate") or "")
        client = api_client(options=self.OPTIONS)
        client.login()
        self.assertEqual(client.get("/api/metrics").status, 401)
        for junk in ("Basic", "Basic !!!", "Basic /w=="):
            answer = client.get("/api/metrics", headers={"Authorization": junk})
            self.assertEqual(answer.status, 401, junk)
