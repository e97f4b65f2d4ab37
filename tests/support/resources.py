"""A project in which tests create objects through the API."""

from typing import Any

from sqlalchemy import bindparam, select
from twisted.trial.unittest import SynchronousTestCase

from semaphore_twisted.model.projects import Project
from semaphore_twisted.model.users import Role
from semaphore_twisted.persistence.schema import access_key
from tests.support.http import Answer, ApiClient, api_client
from tests.support.memory import make_member, make_project, make_user

_KEY = select(access_key.c.id).where(access_key.c.project_id == bindparam("id"))


class ResourceTestCase(SynchronousTestCase):
    """A manager of one project, and another project without access."""

    def setUp(self) -> None:
        """Create the projects."""
        self.site = api_client()
        self.conn = self.site.database.conn
        self.user = make_user(self.conn, "alice")
        self.project = make_project(self.conn, self.user)
        self.other = make_project(self.conn, name="Other")
        self.client = self.site.as_user(self.user)
        self.enter(self.project)

    def enter(self, project: Project) -> None:
        """Create objects in *project* from now on."""
        self.base = f"/api/project/{project.id}"
        self.none_key = self.conn.scalar(_KEY, id=project.id)

    def guest(self) -> ApiClient:
        """Return the client of a user with the role of a guest."""
        user = make_user(self.conn, "guest")
        make_member(self.conn, self.project, user, Role.GUEST)
        return self.site.as_user(user)

    def made(self, noun: str, **body: Any) -> Any:
        """Create an object, and return the answer."""
        answer = self.client.post(f"{self.base}/{noun}", body)
        self.assertEqual(answer.status, 201, answer.body)
        return answer.json

    def refused(self, answer: Answer, *words: str) -> None:
        """Check that *answer* is a 400 whose sentence contains *words*."""
        self.assertEqual(answer.status, 400, answer.body)
        for word in words:
            self.assertIn(word, answer.json["error"])

    def shown(self, noun: str, number: int) -> Any:
        """Return an object as the API shows it."""
        answer = self.client.get(f"{self.base}/{noun}/{number}")
        self.assertEqual(answer.status, 200, answer.body)
        return answer.json

    def names(self, noun: str, query: str = "") -> list[str]:
        """Return the names in a list."""
        return [each["name"] for each in self.listed(noun, query)]

    def listed(self, noun: str, query: str = "") -> Any:
        """Return a list."""
        answer = self.client.get(f"{self.base}/{noun}{query}")
        self.assertEqual(answer.status, 200, answer.body)
        return answer.json

    def key(self, name: str = "Login", **body: Any) -> int:
        """Create a key with a password; return its id."""
        sent: dict[str, Any] = {
            "name": name,
            "type": "login_password",
            "login_password": {"login": "me", "password": "hidden"},
            **body,
        }
        number: int = self.made("keys", **sent)["id"]
        return number

    def repository(self, name: str = "Files", **body: Any) -> int:
        """Create a repository; return its id."""
        sent: dict[str, Any] = {
            "name": name,
            "git_url": "https://git.example/files.git",
            "git_branch": "main",
            "ssh_key_id": self.none_key,
            **body,
        }
        number: int = self.made("repositories", **sent)["id"]
        return number

    def inventory(self, name: str = "Hosts", **body: Any) -> int:
        """Create an inventory; return its id."""
        sent = {"name": name, "type": "static", "inventory": "localhost", **body}
        number: int = self.made("inventory", **sent)["id"]
        return number

    def template(self, **body: Any) -> dict[str, Any]:
        """Return the body for a new template."""
        sent: dict[str, Any] = {
            "name": "Say",
            "app": "bash",
            "playbook": "say.sh",
            "repository_id": self.repository_id(),
            **body,
        }
        return sent

    def repository_id(self) -> int:
        """Return the id of the first repository; create it if there is none."""
        found = self.listed("repositories")
        return found[0]["id"] if found else self.repository()
