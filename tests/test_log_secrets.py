"""What is looked for in the log of each server that a test starts."""

import json
from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

from tests.support import log_secrets


class LogSecretsTests(SynchronousTestCase):
    """The secrets of requests and settings, and where they are found."""

    def setUp(self) -> None:
        """Make an empty directory."""
        self.folder = Path(self.mktemp())
        self.folder.mkdir(parents=True)

    def test_bodies(self) -> None:
        """Secrets at any depth are found, as lines, and names are not."""
        body = {
            "name": "a long name",
            "login_password": {"login": "operator", "password": "hunter2-hunter2"},
            "ssh": {"private_key": "-----BEGIN X-----\nb3BlbnNzaC1r\n-----END X-----"},
            "secrets": [{"name": "TOKEN_NAME", "secret": "s3cret-value"}],
            "secret": json.dumps({"answer": "of-a-survey"}),
            "password": "short",
        }
        self.assertEqual(
            set(log_secrets.of_body([body])),
            {"hunter2-hunter2", "b3BlbnNzaC1r", "s3cret-value", "of-a-survey"},
        )

    def test_settings(self) -> None:
        """Options of the file and variables of the environment that are secret."""
        settings = {"access_key_encryption": "key-of-the-store", "port": "12345678"}
        (self.folder / "config.json").write_text(json.dumps(settings))
        environ = {
            "SEMAPHORE_ADMIN_PASSWORD": "first-password",
            "SEMAPHORE_WEB_ROOT": "https://ci.example.org",
        }
        self.assertEqual(
            set(log_secrets.of_settings(self.folder, environ)),
            {"key-of-the-store", "first-password"},
        )

    def test_found(self) -> None:
        """Each line of the log that holds one is returned."""
        log = self.folder / "server.log"
        log.write_text("started\nthe password is hunter2-hunter2\nended\n")
        self.assertEqual(
            log_secrets.found(log, {"hunter2-hunter2", "of-a-survey"}),
            ["the password is hunter2-hunter2"],
        )
        self.assertEqual(log_secrets.found(log, {"of-a-survey"}), [])
