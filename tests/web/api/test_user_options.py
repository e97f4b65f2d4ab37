"""Tests of the routes of users' options, and of the copies of repositories."""

from semaphore_twisted.model.users import Role
from tests.support.memory import make_member, make_user
from tests.support.resources import ResourceTestCase


class OptionTests(ResourceTestCase):
    """Options that users set for themselves."""

    def test_life(self) -> None:
        """An option is stored, replaced and emptied, for its user only."""
        path = "/api/user/options"
        self.assertEqual(self.client.get(path).json, {})
        for value in ('["keys"]', "[]"):
            body = {"key": "nav.unpinnedItems", "value": value}
            answer = self.client.post(path, body)
            self.assertEqual((answer.status, answer.json), (200, body))
            self.assertEqual(self.client.get(path).json, {body["key"]: value})
        self.client.post(path, {"key": "lang", "value": "de"})
        self.assertEqual(self.guest().get(path).json, {})
        self.client.post(path, {"key": "nav.unpinnedItems"})
        self.assertEqual(self.client.get(path).json, {"lang": "de"})

    def test_refused(self) -> None:
        """Another key and a long value are refused, and nothing is stored."""
        path = "/api/user/options"
        for key, value, field in (
            ("apps.bash.active", "true", "key"),
            ("", "x", "key"),
        ):
            answer = self.client.post(path, {"key": key, "value": value})
            self.refused(answer, "expected one of lang")
            self.assertEqual(answer.json["field"], field)
        answer = self.client.post(path, {"key": "lang", "value": "x" * 10_001})
        self.refused(answer, "value: 10001 characters")
        self.assertEqual(self.client.get(path).json, {})

    def test_deleted_account(self) -> None:
        """The options of an account go with it."""
        user = make_user(self.conn, "gone")
        client = self.site.as_user(user)
        client.post("/api/user/options", {"key": "lang", "value": "de"})
        self.assertEqual(client.delete(f"/api/users/{user.id}").status, 204)
        left = self.conn.raw.execute("SELECT count(*) FROM user__option").fetchone()
        self.assertEqual(left, (0,))


class TokenTests(ResourceTestCase):
    """Names and ends of tokens."""

    def test_plain(self) -> None:
        """A token without a name and an end has just Semaphore's fields."""
        made = self.client.post("/api/user/tokens", b"").json
        fields = ["id", "created", "expired", "user_id"]
        self.assertEqual(list(made), fields)
        (listed,) = self.client.get("/api/user/tokens").json
        self.assertEqual(list(listed), fields)

    def test_name_and_end(self) -> None:
        """A name and an end are shown in the answer and in the list."""
        body = {"name": " deploy ", "expires_in_days": 30}
        made = self.client.post("/api/user/tokens", body)
        self.assertEqual((made.status, made.json["name"]), (201, "deploy"))
        (listed,) = self.client.get("/api/user/tokens").json
        self.assertEqual(listed, {**made.json, "id": made.json["id"][:8]})
        self.assertGreater(listed["expires"], listed["created"])
        for days in (-1, 3651, "x"):
            body = {"expires_in_days": days}
            answer = self.client.post("/api/user/tokens", body)
            self.assertEqual(answer.status, 400)


class CacheTests(ResourceTestCase):
    """The removal of copies of repositories."""

    def test_rights(self) -> None:
        """An owner clears the copies of a project, an administrator all."""
        asked = self.site.copies_cleared
        manager = make_user(self.conn, "manager")
        make_member(self.conn, self.project, manager, Role.MANAGER)
        path = f"{self.base}/cache"
        self.assertEqual(self.site.as_user(manager).delete(path).status, 403)
        self.assertEqual(self.client.delete("/api/cache").status, 403)
        self.assertEqual(
            self.client.delete(f"/api/project/{self.other.id}/cache").status, 404
        )
        self.assertEqual(asked, [])
        self.assertEqual(self.client.delete(path).status, 204)
        admin = self.site.as_user(make_user(self.conn, "root", admin=True))
        self.assertEqual(admin.delete("/api/cache").status, 204)
        self.assertEqual(asked, [self.project.id, None])
        events = self.listed("events")
        self.assertEqual(events[0]["description"], "Copies of repositories removed")
