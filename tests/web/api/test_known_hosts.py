"""Tests of the routes of known hosts."""

from pathlib import Path
from urllib.parse import quote

from semaphore_twisted.web.http.options import WebOptions
from tests.operations.test_known_hosts import KEY
from tests.support.http import api_client
from tests.support.resources import ResourceTestCase


class KnownHostsTests(ResourceTestCase):
    """An administrator sees and forgets keys of hosts."""

    def setUp(self) -> None:
        """Have a file."""
        super().setUp()
        self.path = Path(self.mktemp()).absolute()
        self.path.write_text(f"one {KEY}\n[one]:2222 {KEY}\n")
        options = WebOptions(known_hosts=str(self.path))
        self.admin = api_client(database=self.site.database, options=options)
        self.admin.login()

    def test_life(self) -> None:
        """The keys are listed, and forgotten by the host's name."""
        listed = self.admin.get("/api/known_hosts").json
        self.assertEqual([each["host"] for each in listed], ["one", "[one]:2222"])
        self.assertTrue(listed[0]["fingerprint"].startswith("SHA256:"))
        path = f"/api/known_hosts/{quote('[one]:2222', safe='')}"
        self.assertEqual(self.admin.delete(path).status, 204)
        self.assertEqual(self.path.read_text(), f"one {KEY}\n")
        self.assertEqual(self.admin.delete(path).status, 404)
        self.refused(self.admin.delete("/api/known_hosts/a%20b"), "host")
        (event,) = [
            each
            for each in self.admin.get("/api/events").json
            if each["object_type"] == "known_host"
        ]
        self.assertIn("[one]:2222", event["description"])

    def test_others(self) -> None:
        """Other users may neither list nor remove hosts."""
        self.assertEqual(self.client.get("/api/known_hosts").status, 403)
        self.assertEqual(self.client.delete("/api/known_hosts/one").status, 403)
