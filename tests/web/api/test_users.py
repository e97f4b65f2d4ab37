"""Tests of the routes of accounts and tokens."""

from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from semaphore_twisted.config.options import Config
from semaphore_twisted.crypto import passwords
from semaphore_twisted.model.users import User
from semaphore_twisted.operations.accounts.users import credentials_of
from semaphore_twisted.persistence import schema
from semaphore_twisted.web.http.options import WebOptions
from tests.support.http import ApiClient, api_client
from tests.support.memory import PASSWORD, make_user

_SHAPE = ["id", "created", "username", "name", "email", "admin", "external", "alert"]


class AccountCase(SynchronousTestCase):
    """Has the administrator and one user more."""

    def setUp(self) -> None:
        """Create the users."""
        self.admin = api_client()
        self.conn = self.admin.database.conn
        self.admin.login()
        self.alice = make_user(self.conn, "alice")
        self.client = self.admin.as_user(self.alice)

    def body(self, **more: Any) -> dict[str, Any]:
        """Return the body of a new account."""
        return {
            "name": "Bob",
            "username": "Bob",
            "email": "bob@example.com",
            "password": "a new password",
            **more,
        }

    def can_log_in(self, name: str, password: str) -> bool:
        """Whether a password is the one that is stored."""
        found = credentials_of(self.conn, name)
        return found is not None and passwords.verify(password, found.password)


class UserTests(AccountCase):
    """Accounts are made, shown, changed and deleted."""

    def test_own(self) -> None:
        """One's own account shows the right to create projects; times are whole."""
        answer = self.client.get("/api/user")
        self.assertEqual(list(answer.json), [*_SHAPE, "can_create_project"])
        self.assertRegex(answer.json["created"], r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$")
        self.assertFalse(answer.json["can_create_project"])
        self.assertTrue(self.admin.get("/api/user").json["can_create_project"])
        options = WebOptions(config=Config(non_admin_can_create_project=True))
        other = api_client(database=self.admin.database, options=options)
        own = other.as_user(self.alice).get("/api/user").json
        self.assertTrue(own["can_create_project"])

    def test_list(self) -> None:
        """Administrators see accounts, other users see names."""
        self.assertEqual(list(self.admin.get("/api/users").json[0]), _SHAPE)
        shown = self.client.get("/api/users").json
        self.assertEqual(
            [list(each) for each in shown], [["id", "username", "name"]] * 2
        )
        found = self.admin.get("/api/users?s=ALI").json
        self.assertEqual([each["username"] for each in found], ["alice"])

    def test_create(self) -> None:
        """A new account is answered without its password, and can log in."""
        answer = self.admin.post("/api/users", self.body())
        self.assertEqual(answer.status, 201)
        self.assertEqual(list(answer.json), _SHAPE)
        self.assertEqual(answer.json["username"], "Bob")
        self.assertTrue(self.can_log_in("bob", "a new password"))

    def test_refused(self) -> None:
        """Names that are taken, and missing ones, are refused."""
        for more in (
            {"username": "alice"},
            {"email": "ALICE@example.com"},
            {"username": ""},
            {"username": "b b"},
            {"username": "\u0430dmin"},  # a Cyrillic letter
            {"email": "notmail"},
            {"external": True},  # has no password here
        ):
            answer = self.admin.post("/api/users", self.body(**more))
            self.assertEqual(answer.status, 400, more)
            self.assertTrue(answer.json["error"])

    def test_no_password(self) -> None:
        """Without a password an account is made that one cannot log in to."""
        for name, more in (("bob", {"password": ""}), ("eve", {"external": True})):
            body = self.body(username=name, email=f"{name}@example.com", **more)
            if more.get("external"):
                del body["password"]
            answer = self.admin.post("/api/users", body)
            self.assertEqual(answer.status, 201)
            for password in ("", "a new password"):
                answer = self.client.post(
                    "/api/auth/login", {"auth": name, "password": password}
                )
                self.assertEqual(answer.status, 401)
        found = self.admin.get("/api/users?s=bob").json[0]["id"]
        path = f"/api/users/{found}/password"
        self.assertEqual(self.admin.post(path, {"password": "now one!"}).status, 204)
        self.assertTrue(self.can_log_in("bob", "now one!"))

    def test_not_admin(self) -> None:
        """A user who is no administrator creates no user and changes no other user."""
        admin = self.admin.get("/api/user").json
        path = f"/api/users/{admin['id']}"
        for answer in (
            self.client.post("/api/users", self.body()),
            self.client.put(path, {**admin, "name": "x"}),
            self.client.delete(path),
            self.client.post(f"{path}/password", {"password": "taken over"}),
            self.client.post(f"{path}/active", {"active": False}),
        ):
            self.assertEqual((answer.status, answer.body), (403, b""))
        self.assertEqual(list(self.client.get(path).json), ["id", "username", "name"])

    def test_change(self) -> None:
        """An account that was read can be sent back changed."""
        path = f"/api/users/{self.alice.id}"
        body = {**self.client.get(path).json, "name": "Alice B."}
        self.assertEqual(self.client.put(path, body).status, 204)
        self.assertEqual(self.client.get(path).json["name"], "Alice B.")
        answer = self.client.put(path, {**body, "id": self.alice.id + 1})
        self.assertEqual(answer.status, 400)

    def test_no_self_promotion(self) -> None:
        """Users cannot make themselves administrators."""
        path = f"/api/users/{self.alice.id}"
        body = {**self.client.get(path).json, "admin": True}
        self.assertEqual(self.client.put(path, body).status, 403)

    def test_delete(self) -> None:
        """A deleted account's sessions and tokens open nothing."""
        token = self.admin.with_token(self.alice)
        answer = self.admin.delete(f"/api/users/{self.alice.id}")
        self.assertEqual(answer.status, 204)
        self.assertEqual(self.client.get("/api/user").status, 401)
        self.assertEqual(token.get("/api/user").status, 401)
        self.assertEqual(self.admin.get(f"/api/users/{self.alice.id}").status, 404)

    def test_active(self) -> None:
        """A disabled account's sessions and tokens end; it can be enabled again."""
        token = self.admin.with_token(self.alice)
        path = f"/api/users/{self.alice.id}"
        self.assertEqual(
            self.admin.post(f"{path}/active", {"active": False}).status, 204
        )
        self.assertEqual(self.client.get("/api/user").status, 401)
        self.assertEqual(token.get("/api/user").status, 401)
        self.assertEqual(list(self.admin.get(path).json), _SHAPE)
        login = {"auth": "alice", "password": PASSWORD}
        self.assertEqual(self.client.post("/api/auth/login", login).status, 401)
        self.assertEqual(self.admin.get("/api/users/disabled").json, [self.alice.id])
        self.admin.post(f"{path}/active", {"active": True})
        self.assertEqual(self.admin.get("/api/users/disabled").json, [])
        self.assertEqual(self.client.post("/api/auth/login", login).status, 204)
        alice = self.admin.as_user(self.alice)
        self.assertEqual(alice.get("/api/users/disabled").status, 403)

    def test_access(self) -> None:
        """An administrator sees how much ends when an account is disabled."""
        self.admin.with_token(self.alice)
        path = f"/api/users/{self.alice.id}"
        counts = {"active": True, "sessions": 1, "tokens": 1, "devices": 0}
        self.assertEqual(self.admin.get(f"{path}/access").json, counts)
        self.assertEqual(self.client.get(f"{path}/access").status, 403)
        self.assertEqual(self.admin.get("/api/users/999/access").status, 404)

    def test_not_oneself(self) -> None:
        """Users cannot disable themselves, and an empty body disables no user."""
        own = self.admin.get("/api/user").json["id"]
        path = f"/api/users/{own}/active"
        self.assertEqual(self.admin.post(path, {"active": False}).status, 400)
        path = f"/api/users/{self.alice.id}/active"
        self.assertEqual(self.admin.post(path, {}).status, 400)
        self.assertEqual(self.client.get("/api/user").status, 200)


class PasswordTests(AccountCase):
    """Passwords are changed by their owner, or by an administrator."""

    def change(self, client: ApiClient, user: User, **body: Any) -> Any:
        """Ask for another password."""
        return client.post(f"/api/users/{user.id}/password", body)

    def test_own(self) -> None:
        """One's own needs the present one."""
        for body, sentence in (
            ({}, "current_password is required"),
            ({"current_password": ""}, "current_password is required"),
            ({"current_password": "wrong"}, "Current password is incorrect"),
        ):
            answer = self.change(
                self.client, self.alice, password="another one", **body
            )
            self.assertEqual(answer.status, 400)
            self.assertEqual(answer.json["error"], sentence)
        self.assertTrue(self.can_log_in("alice", PASSWORD))
        self.assertEqual(self.admin.passwords_changed, [])
        answer = self.change(
            self.client, self.alice, password="another one", current_password=PASSWORD
        )
        self.assertEqual((answer.status, answer.body), (204, b""))
        self.assertTrue(self.can_log_in("alice", "another one"))
        self.assertEqual(len(self.admin.passwords_changed), 1)

    def test_foreign_page(self) -> None:
        """A page of another site cannot ask for it."""
        answer = self.client.post(
            f"/api/users/{self.alice.id}/password",
            {"password": "another one", "current_password": PASSWORD},
            headers={"Origin": "https://evil.example"},
        )
        self.assertEqual(answer.status, 403)
        self.assertTrue(self.can_log_in("alice", PASSWORD))

    def test_other_sessions(self) -> None:
        """Every other session ends, the requesting one stays."""
        elsewhere = self.admin.as_user(self.alice)
        self.change(
            self.client, self.alice, password="another one", current_password=PASSWORD
        )
        self.assertEqual(elsewhere.get("/api/user").status, 401)
        self.assertEqual(self.client.get("/api/user").status, 200)

    def test_short(self) -> None:
        """A new password has eight characters at least; an older one still works."""
        short = passwords.hash_password("old")
        self.conn.update(schema.user, self.alice.id, password=short)
        self.assertTrue(self.can_log_in("alice", "old"))
        for password, status in (("seven77", 400), ("é" * 7, 400), ("eight888", 204)):
            answer = self.change(self.admin, self.alice, password=password)
            self.assertEqual(answer.status, status, password)
        answer = self.change(self.admin, self.alice, password="x")
        self.assertIn("at least 8 characters", answer.json["error"])
        body = {"username": "n", "name": "n", "email": "n@example.com"}
        answer = self.admin.post("/api/users", {**body, "password": "seven77"})
        self.assertEqual(answer.status, 400)
        lenient = api_client(
            database=self.admin.database,
            options=WebOptions(config=Config(password_min_length=3)),
        ).as_user(make_user(self.conn, "boss", admin=True))
        answer = self.change(lenient, self.alice, password="abc")
        self.assertEqual(answer.status, 204)

    def test_tokens(self) -> None:
        """Tokens survive a change of the password, unless they are revoked too."""
        program = self.admin.with_token(self.alice)
        other = self.admin.with_token(make_user(self.conn, "zoe"))
        for body, status in (({}, 200), ({"revoke_tokens": True}, 401)):
            answer = self.change(self.admin, self.alice, password="another 1", **body)
            self.assertEqual(answer.status, 204)
            self.assertEqual(program.get("/api/user").status, status)
        self.assertEqual(other.get("/api/user").status, 200)
        program = self.admin.with_token(self.alice)
        path = f"/api/users/{self.alice.id}"
        whole = {**self.admin.get(path).json, "password": "another 2"}
        self.assertEqual(self.admin.put(path, whole).status, 204)
        self.assertEqual(program.get("/api/user").status, 200)
        whole["revoke_tokens"] = True
        self.assertEqual(self.admin.put(path, whole).status, 204)
        self.assertEqual(program.get("/api/user").status, 401)

    def test_guesses_count(self) -> None:
        """Guesses at the present password are slowed down like those at a login."""
        statuses = [
            self.change(
                self.client, self.alice, password="x", current_password="wrong"
            ).status
            for _ in range(8)
        ]
        self.assertIn(429, statuses)

    def test_admin(self) -> None:
        """An administrator sets another's without knowing it."""
        answer = self.change(self.admin, self.alice, password="another one")
        self.assertEqual(answer.status, 204)
        self.assertTrue(self.can_log_in("alice", "another one"))
        self.assertEqual(self.client.get("/api/user").status, 401)

    def test_token(self) -> None:
        """A token's holder sends the new one only, as Semaphore's clients do."""
        client = self.admin.with_token(self.alice)
        self.assertEqual(
            self.change(client, self.alice, password="another one").status, 204
        )

    def test_empty(self) -> None:
        """An empty password is refused."""
        self.assertEqual(self.change(self.admin, self.alice).status, 400)


class PasswordInAccountTests(AccountCase):
    """A password inside a changed account is set like one that is sent alone."""

    def put(self, client: ApiClient, **more: Any) -> Any:
        """Send Alice's account back with *more*."""
        path = f"/api/users/{self.alice.id}"
        shown = self.admin.get(path).json
        return client.put(path, {**shown, **more})

    def test_by_an_administrator(self) -> None:
        """An administrator sets it; the account's sessions end."""
        answer = self.put(self.admin, password="another one", name="Alice B.")
        self.assertEqual((answer.status, answer.body), (204, b""))
        self.assertTrue(self.can_log_in("alice", "another one"))
        self.assertEqual(self.client.get("/api/user").status, 401)
        shown = self.admin.get(f"/api/users/{self.alice.id}").json
        self.assertEqual(shown["name"], "Alice B.")
        self.assertEqual(len(self.admin.passwords_changed), 1)

    def test_unchanged(self) -> None:
        """An empty one, null and none change nothing and end no session."""
        for more in ({}, {"password": ""}, {"password": None}):
            self.assertEqual(self.put(self.admin, **more).status, 204)
        self.assertTrue(self.can_log_in("alice", PASSWORD))
        self.assertEqual(self.client.get("/api/user").status, 200)
        self.assertEqual(self.admin.passwords_changed, [])

    def test_own_by_cookie(self) -> None:
        """One's own needs the present one; refused, nothing of the account changes."""
        for more, sentence in (
            ({}, "current_password is required"),
            ({"current_password": None}, "current_password is required"),
            ({"current_password": "wrong"}, "Current password is incorrect"),
        ):
            answer = self.put(
                self.client, password="another one", name="Changed", **more
            )
            self.assertEqual((answer.status, answer.json["error"]), (400, sentence))
        self.assertTrue(self.can_log_in("alice", PASSWORD))
        self.assertEqual(self.client.get("/api/user").json["name"], "Alice")
        elsewhere = self.admin.as_user(self.alice)
        answer = self.put(
            self.client, password="another one", current_password=PASSWORD
        )
        self.assertEqual(answer.status, 204)
        self.assertTrue(self.can_log_in("alice", "another one"))
        self.assertEqual(elsewhere.get("/api/user").status, 401)
        self.assertEqual(self.client.get("/api/user").status, 200)

    def test_own_by_token(self) -> None:
        """A token's holder sends the new one only."""
        client = self.admin.with_token(self.alice)
        self.assertEqual(self.put(client, password="another one").status, 204)
        self.assertTrue(self.can_log_in("alice", "another one"))

    def test_guesses_count(self) -> None:
        """Guesses at the present one are slowed down here too."""
        statuses = [
            self.put(self.client, password="x", current_password="wrong").status
            for _ in range(8)
        ]
        self.assertIn(429, statuses)

    def test_refused(self) -> None:
        """Another's, one too long, and one of an external account are refused."""
        bob = make_user(self.conn, "bob")
        path = f"/api/users/{bob.id}"
        answer = self.client.put(path, {**self.body(), "password": "taken over"})
        self.assertEqual(answer.status, 403)
        self.assertTrue(self.can_log_in("bob", PASSWORD))
        answer = self.put(self.admin, password="x" * 5000, name="Changed")
        self.assertEqual(answer.status, 400)
        self.assertEqual(self.client.get("/api/user").json["name"], "Alice")
        guest = make_user(self.conn, "guest", external=True, password=None)
        path = f"/api/users/{guest.id}"
        shown = self.admin.get(path).json
        answer = self.admin.put(path, {**shown, "name": "Changed", "password": "x" * 9})
        self.assertEqual(answer.status, 400)
        self.assertEqual(self.admin.get(path).json["name"], "Guest")

    def test_tokens_without_a_password(self) -> None:
        """Tokens are revoked only with a new password; otherwise it is an error."""
        answer = self.put(self.admin, revoke_tokens=True, name="Changed")
        self.assertEqual(answer.status, 400)
        self.assertIn("revoke_tokens", answer.json["error"])
        self.assertEqual(self.client.get("/api/user").json["name"], "Alice")
        self.assertEqual(self.put(self.admin, revoke_tokens=False).status, 204)

    def test_external(self) -> None:
        """An account's external flag cannot be changed; the error says so."""
        self.assertEqual(self.put(self.admin, external=False).status, 204)
        self.assertEqual(self.put(self.admin, external=None).status, 204)
        answer = self.put(self.admin, external=True)
        self.assertEqual(answer.status, 400)
        self.assertIn("external", answer.json["error"])


class SessionTests(AccountCase):
    """A user's login sessions are listed and ended."""

    def browsers(self) -> tuple[ApiClient, ApiClient]:
        """Log Alice in twice."""
        found = []
        for _ in range(2):
            client = self.client.anonymous()
            client.login("alice")
            found.append(client)
        return found[0], found[1]

    def test_list(self) -> None:
        """Each has its times and its client; the one that asks is marked."""
        one, two = self.browsers()
        own = [each for each in two.get("/api/user/sessions").json if each["current"]]
        self.assertEqual(len(own), 1)
        self.assertEqual(
            own[0],
            {
                "id": own[0]["id"],
                "created": "2026-01-02T03:04:05Z",
                "last_active": "2026-01-02T03:04:05Z",
                "ip": "192.0.2.7",
                "user_agent": "",
                "current": True,
            },
        )
        others = {each["id"] for each in one.get("/api/user/sessions").json}
        self.assertIn(own[0]["id"], others)
        admins = {each["id"] for each in self.admin.get("/api/user/sessions").json}
        self.assertEqual(others & admins, set())
        token = self.client.post("/api/user/tokens").json["id"]
        bearer = self.client.anonymous()
        bearer.token = token
        found = bearer.get("/api/user/sessions").json
        self.assertEqual({each["current"] for each in found}, {False})

    def test_end_one(self) -> None:
        """A session is ended by another one of its user, and by nobody else."""
        one, two = self.browsers()
        (own,) = (e for e in one.get("/api/user/sessions").json if e["current"])
        path = f"/api/user/sessions/{own['id']}"
        self.assertEqual(self.admin.delete(path).status, 404)
        self.assertEqual(two.delete(path).status, 204)
        self.assertEqual(one.get("/api/user").status, 401)
        self.assertEqual(two.get("/api/user").status, 200)
        self.assertEqual(two.delete(path).status, 404)

    def test_end_others(self) -> None:
        """All but the one that asks are ended; with a token all of them are."""
        one, two = self.browsers()
        token = two.post("/api/user/tokens").json["id"]
        self.assertEqual(two.delete("/api/user/sessions").status, 204)
        self.assertEqual(one.get("/api/user").status, 401)
        self.assertEqual(len(two.get("/api/user/sessions").json), 1)
        bearer = self.client.anonymous()
        bearer.token = token
        self.assertEqual(bearer.delete("/api/user/sessions").status, 204)
        self.assertEqual(two.get("/api/user").status, 401)
        self.assertEqual(self.admin.get("/api/user").status, 200)


class TokenTests(AccountCase):
    """Tokens are made, listed by their beginning, and revoked."""

    def test_life(self) -> None:
        """A token is shown once, opens the API, and is revoked by its prefix."""
        answer = self.client.post("/api/user/tokens")
        self.assertEqual(answer.status, 201)
        self.assertEqual(list(answer.json), ["id", "created", "expired", "user_id"])
        token = answer.json["id"]
        self.assertRegex(token, r"^[0-9a-z_-]{43}=$")
        self.assertNotRegex(answer.json["created"], r"\.")
        bearer = self.client.anonymous()
        bearer.token = token
        self.assertEqual(bearer.get("/api/user").json["username"], "alice")
        bearer.token = token.upper()
        self.assertEqual(bearer.get("/api/user").status, 200)
        (listed,) = self.client.get("/api/user/tokens").json
        self.assertEqual(listed["id"], token[:8])
        for length, status in ((7, 400), (8, 204)):
            path = f"/api/user/tokens/{token[:length]}"
            self.assertEqual(self.client.delete(path).status, status)
        self.assertEqual(bearer.get("/api/user").status, 401)
        self.assertEqual(self.client.get("/api/user/tokens").json, [])

    def test_whole(self) -> None:
        """A token is revoked by its full text too, percent-encoded or not."""
        for end in ("=", "%3D"):
            token = self.client.post("/api/user/tokens", {"name": "ci"}).json["id"]
            path = f"/api/user/tokens/{token.removesuffix('=')}{end}"
            self.assertEqual(self.client.delete(path).status, 204)

    def test_others(self) -> None:
        """Another's token is not found."""
        token = self.client.post("/api/user/tokens").json["id"]
        self.assertEqual(self.admin.delete(f"/api/user/tokens/{token}").status, 404)
        self.assertEqual(len(self.client.get("/api/user/tokens").json), 1)

    def test_wins_over_the_cookie(self) -> None:
        """A token that does not hold is not saved by a cookie that does."""
        self.client.token = "x" * 44
        self.assertEqual(self.client.get("/api/user").status, 401)
