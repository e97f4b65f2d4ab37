"""Tests of the key store's routes."""

from datetime import timedelta
from typing import Any

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ed25519
from sqlalchemy import bindparam, select

from semaphore_twisted.crypto.privatekeys import normalise
from semaphore_twisted.model.errors import SecretUnreadable
from semaphore_twisted.model.keys import KeyRow, LoginPassword, SshKey
from semaphore_twisted.operations.projects.keys import NewAccessKey
from semaphore_twisted.operations.tasks.secrets import open_secret
from semaphore_twisted.persistence.schema import access_key, event, project
from tests.support.dumps import dump
from tests.support.http import memory_keyring
from tests.support.memory import BEGINNING
from tests.support.resources import ResourceTestCase

_ROW = (
    select(
        access_key.c.id,
        access_key.c.uuid,
        access_key.c.name,
        access_key.c.type,
        access_key.c.project_id,
        project.c.uuid.label("project_uuid"),
        access_key.c.environment_id,
        access_key.c.owner,
        access_key.c.secret,
    )
    .join(project, project.c.id == access_key.c.project_id)
    .where(access_key.c.id == bindparam("id"))
)
_EVENTS = select(event.c.description).order_by(event.c.id)

_BLANK = {
    "string": "",
    "override_secret": False,
    "login_password": {"login": "", "password": ""},
    "ssh": {"login": "", "passphrase": "", "private_key": ""},
}


def private_key(passphrase: bytes = b"") -> str:
    """Return a new private key in OpenSSH's format."""
    encryption = (
        serialization.BestAvailableEncryption(passphrase)
        if passphrase
        else serialization.NoEncryption()
    )
    return (
        ed25519.Ed25519PrivateKey.generate()
        .private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.OpenSSH,
            encryption,
        )
        .decode()
    )


class KeyTestCase(ResourceTestCase):
    """A project's keys."""

    def opened(self, number: int) -> Any:
        """Return what a stored key holds."""
        row = self.conn.one(_ROW, KeyRow, id=number)
        assert row is not None
        return open_secret(memory_keyring(), row)

    def ssh(self, text: str, passphrase: str = "") -> dict[str, Any]:
        """Return the body that makes an SSH key."""
        fields = {"login": "git", "private_key": text, "passphrase": passphrase}
        return {"name": "Deploy", "type": "ssh", "ssh": fields}


class CreateTests(KeyTestCase):
    """Creating keys."""

    def test_shape(self) -> None:
        """A new key is answered with 201, without its secret and with no other key."""
        made = self.made(
            "keys",
            name="Login",
            type="login_password",
            login_password={"login": "me", "password": "hidden"},
        )
        number = made["id"]
        wanted = {
            "id": number,
            "name": "Login",
            "type": "login_password",
            "project_id": self.project.id,
            **_BLANK,
        }
        self.assertEqual(made, wanted)
        self.assertEqual(self.shown("keys", number), wanted)
        self.assertEqual(
            self.opened(number), LoginPassword(login="me", password="hidden")
        )

    def test_sealed(self) -> None:
        """Neither the store nor the events have the secret in plain text."""
        self.key(login_password={"login": "me", "password": "Zx9-marker"})
        self.made("keys", name="Text", type="string", string="Zx9-marker")
        self.assertNotIn("Zx9-marker", "\n".join(dump(self.conn.raw)))

    def test_normalised(self) -> None:
        """The stored form of a key does not depend on its line ends."""
        text = private_key()
        made = set()
        for each in (text, text.strip(), f"\n\n{text}\n\n", text.replace("\n", "\r\n")):
            number = self.made("keys", **self.ssh(each))["id"]
            stored = self.opened(number).private_key
            self.assertTrue(stored.startswith("-----BEGIN OPENSSH PRIVATE KEY-----\n"))
            self.assertTrue(stored.endswith("-----END OPENSSH PRIVATE KEY-----\n"))
            self.assertNotIn("\r", stored)
            made.add(normalise(stored).public)
        self.assertEqual(made, {normalise(text).public})

    def test_not_a_private_key(self) -> None:
        """A text that is no private key is refused, and the answer names its type."""
        path = f"{self.base}/keys"
        for text, word in (
            ("ssh-ed25519 AAAAC3Nz user@host", "public key"),
            ("-----BEGIN", "private key"),
            ("nonsense", "private key"),
            ("", "private key can not be empty"),
        ):
            self.refused(self.client.post(path, self.ssh(text)), word)
        self.assertEqual(self.names("keys"), ["None"])

    def test_passphrase(self) -> None:
        """A protected key is stored opened; without its passphrase it is not."""
        text = private_key(b"sesame")
        number = self.made("keys", **self.ssh(text, "sesame"))["id"]
        stored = self.opened(number)
        assert isinstance(stored, SshKey)
        self.assertEqual(stored.login, "git")
        serialization.load_ssh_private_key(stored.private_key.encode(), None)
        path = f"{self.base}/keys"
        for wrong in ("", "other"):
            answer = self.client.post(path, self.ssh(text, wrong))
            self.refused(answer, "passphrase")

    def test_refused(self) -> None:
        """A key without a name, a known type or a secret is refused."""
        path = f"{self.base}/keys"
        for body, sentence in (
            ({"type": "none"}, "name can not be empty"),
            ({"name": "x", "type": "login_password"}, "password can not be empty"),
            ({"name": "x", "type": "string"}, "string can not be empty"),
            ({"name": "x", "type": "magic"}, "type: invalid value"),
            ({"name": "x"}, "type: invalid value"),
            ({"name": "a\nb", "type": "none"}, "control character"),
            (
                {"name": "x", "type": "none", "project_id": self.other.id},
                "Project ID in body and URL must be the same",
            ),
        ):
            self.refused(self.client.post(path, body), sentence)

    def test_hostile_login(self) -> None:
        """A login that a program would take for something else is refused."""
        path, text = f"{self.base}/keys", private_key()
        for login in ("-oProxyCommand=x", "a;b", "a/b", "{{ x }}", "a b", "$(id)"):
            body = self.ssh(text)
            body["ssh"]["login"] = login
            self.refused(self.client.post(path, body), "ssh.login", "expected")
        fields = {"login": "-oProxyCommand=x", "password": "x"}
        body = {"name": "Login", "type": "login_password", "login_password": fields}
        self.refused(self.client.post(path, body), "login_password.login", "expected")
        self.assertEqual([key["name"] for key in self.listed("keys")], ["None"])

    def test_too_large(self) -> None:
        """A secret over the limit is refused and nothing is stored."""
        body = {"name": "x", "type": "string", "string": "x" * 70_000}
        answer = self.client.post(f"{self.base}/keys", body)
        self.assertEqual(answer.status, 400)
        self.assertIn("string: 70000 bytes", answer.json["error"])
        self.assertEqual(self.names("keys"), ["None"])

    def test_no_repr(self) -> None:
        """The body does not show its secret by accident."""
        self.assertNotIn("hidden", repr(NewAccessKey(name="x", string="hidden")))


class ListTests(KeyTestCase):
    """Lists of keys."""

    def test_sorted(self) -> None:
        """Keys are sorted by name or type; an unknown order is that of names."""
        self.key("beta")
        self.made("keys", name="Alpha", type="string", string="x")
        self.assertEqual(self.names("keys"), ["Alpha", "beta", "None"])
        self.assertEqual(self.names("keys", "?sort=x"), ["Alpha", "beta", "None"])
        self.assertEqual(
            self.names("keys", "?sort=name&order=desc"), ["None", "beta", "Alpha"]
        )
        self.assertEqual(self.names("keys", "?sort=type"), ["beta", "None", "Alpha"])

    def test_environments_secrets_are_hidden(self) -> None:
        """A variable group's secret is no key: not listed, shown, changed or used."""
        made = self.made(
            "environment",
            name="Vars",
            secrets=[
                {"operation": "create", "type": "env", "name": "A", "secret": "b"}
            ],
        )
        number = made["secrets"][0]["id"]
        self.assertEqual(self.names("keys"), ["None"])
        path = f"{self.base}/keys/{number}"
        for answer in (
            self.client.get(path),
            self.client.get(f"{path}/refs"),
            self.client.put(path, {"name": "x"}),
            self.client.delete(path),
        ):
            self.assertEqual((answer.status, answer.body), (404, b""))
        body = {"name": "R", "git_url": "https://h/x", "ssh_key_id": number}
        self.refused(self.client.post(f"{self.base}/repositories", body), "ssh_key_id")

    def test_empty(self) -> None:
        """Only a key whose secret is missing is shown as empty."""
        number = self.key()
        self.conn.update(access_key, number, secret=None)
        self.assertIs(self.shown("keys", number)["empty"], True)
        self.assertNotIn("empty", self.shown("keys", self.none_key))

    def test_manage_resources(self) -> None:
        """Keys need the right to manage resources; other users see no project."""
        guest = self.guest()
        for path in ("keys", f"keys/{self.none_key}", f"keys/{self.none_key}/refs"):
            answer = guest.get(f"{self.base}/{path}")
            self.assertEqual((answer.status, answer.body), (403, b""))
        other = self.client.get(f"/api/project/{self.other.id}/keys")
        self.assertEqual(other.status, 404)


class ChangeTests(KeyTestCase):
    """Changes of keys."""

    def test_name_only(self) -> None:
        """Without ``override_secret`` type and secret stay."""
        number = self.key()
        read = self.shown("keys", number) | {"name": "New", "type": "string"}
        answer = self.client.put(f"{self.base}/keys/{number}", read)
        self.assertEqual((answer.status, answer.body), (204, b""))
        shown = self.shown("keys", number)
        self.assertEqual((shown["name"], shown["type"]), ("New", "login_password"))
        self.assertEqual(self.opened(number).password, "hidden")

    def test_override(self) -> None:
        """With ``override_secret`` both change, and the row opens."""
        number = self.key()
        body = self.ssh(private_key()) | {"override_secret": True}
        self.assertEqual(
            self.client.put(f"{self.base}/keys/{number}", body).status, 204
        )
        self.assertEqual(self.shown("keys", number)["type"], "ssh")
        self.assertEqual(self.opened(number).login, "git")

    def test_override_refused(self) -> None:
        """A bad key is refused in a change too, and the old one stays."""
        number = self.key()
        body = self.ssh("nonsense") | {"override_secret": True, "name": "New"}
        self.refused(self.client.put(f"{self.base}/keys/{number}", body))
        self.assertEqual(self.shown("keys", number)["name"], "Login")
        self.assertEqual(self.opened(number).password, "hidden")

    def test_missing(self) -> None:
        """A key of another project is as unknown as none."""
        foreign = self.conn.insert(
            access_key, uuid="x", name="F", type="none", project_id=self.other.id
        )
        for number in (foreign, 999):
            path = f"{self.base}/keys/{number}"
            for answer in (
                self.client.get(path),
                self.client.put(path, {"name": "x", "type": "none"}),
                self.client.delete(path),
            ):
                self.assertEqual((answer.status, answer.body), (404, b""))


class DeleteTests(KeyTestCase):
    """Deletion of keys."""

    def test_in_use(self) -> None:
        """A key in use stays, and the answer names all that use it."""
        number = self.key()
        self.repository("Repo", ssh_key_id=number)
        self.inventory("Inv", ssh_key_id=number, become_key_id=number)
        self.made(
            "templates", **self.template(name="Tpl", vaults=[{"vault_key_id": number}])
        )
        answer = self.client.delete(f"{self.base}/keys/{number}")
        self.refused(answer, "Access Key is in use by one or more templates")
        self.refused(answer, '"Repo"', '"Inv"', '"Tpl"')
        self.assertIs(answer.json["inUse"], True)
        refs = self.listed(f"keys/{number}/refs")
        self.assertEqual(
            {noun: [each["name"] for each in found] for noun, found in refs.items()},
            {
                "templates": ["Tpl"],
                "inventories": ["Inv"],
                "repositories": ["Repo"],
                "schedules": [],
            },
        )

    def test_unused(self) -> None:
        """A key that nothing uses goes, and its life is recorded."""
        number = self.key()
        answer = self.client.delete(f"{self.base}/keys/{number}")
        self.assertEqual((answer.status, answer.body), (204, b""))
        self.assertEqual(self.names("keys"), ["None"])
        self.assertEqual(
            self.conn.column(_EVENTS),
            ["Access Key Login created", "Access Key Login deleted"],
        )

    def test_row_bound(self) -> None:
        """A secret that is moved to another row does not open there."""
        first, second = self.key("A"), self.key("B")
        row = self.conn.one(_ROW, KeyRow, id=first)
        assert row is not None
        self.conn.update(access_key, second, secret=row.secret)
        moved = self.conn.one(_ROW, KeyRow, id=second)
        assert moved is not None
        error = self.assertRaises(
            SecretUnreadable, open_secret, memory_keyring(), moved
        )
        self.assertIn("cannot be opened", str(error))
        self.assertNotIn("hidden", str(error))


class CheckTests(KeyTestCase):
    """Checks of what is pasted."""

    def check(self, text: str, passphrase: str = "") -> Any:
        """Return the answer about *text*."""
        body = {"private_key": text, "passphrase": passphrase}
        answer = self.client.post(f"{self.base}/keys/check", body)
        self.assertEqual(answer.status, 200, answer.body)
        return answer.json

    def test_answer(self) -> None:
        """A usable key is described; nothing is stored, not even an event."""
        text = private_key()
        before = dump(self.conn.raw)
        self.assertEqual(
            self.check(text),
            {
                "problem": "",
                "kind": "ed25519",
                "bits": 256,
                "fingerprint": normalise(text).fingerprint,
                "comment": None,
                "passphrase_needed": False,
                "public_key": normalise(text).public,
            },
        )
        self.assertEqual(dump(self.conn.raw), before)

    def test_problem(self) -> None:
        """A public key is no error of the request, but the answer's problem."""
        public = normalise(private_key()).public
        found = self.check(public)
        self.assertIn("This is a public key", found["problem"])
        self.assertEqual(found["public_key"], public)

    def test_passphrase(self) -> None:
        """The passphrase is asked for, and tried."""
        text = private_key(b"sesame")
        self.assertIn("give the passphrase", self.check(text)["problem"])
        self.assertEqual(self.check(text, "sesame")["problem"], "")

    def test_bounds(self) -> None:
        """The text is bounded, and a check needs the right to manage resources."""
        path = f"{self.base}/keys/check"
        answer = self.client.post(path, {"private_key": "x" * 70_000})
        self.refused(answer, "private_key: 70000 bytes")
        self.refused(self.client.post(path, {"private_key": 1}), "private_key")
        self.assertEqual(self.guest().post(path, {"private_key": ""}).status, 403)


class GenerateTests(KeyTestCase):
    """Keys that are generated here."""

    def test_default(self) -> None:
        """The public half is answered; the private half is stored only."""
        answer = self.client.post(
            f"{self.base}/keys/generate", {"name": "Deploy", "login": "git"}
        )
        self.assertEqual(answer.status, 201, answer.body)
        number = answer.json["id"]
        stored = self.opened(number)
        assert isinstance(stored, SshKey)
        self.assertEqual(stored.login, "git")
        key = normalise(stored.private_key)
        self.assertEqual(
            answer.json,
            {
                "id": number,
                "name": "Deploy",
                "type": "ssh",
                "project_id": self.project.id,
                "kind": "ed25519",
                "public_key": key.public,
                "fingerprint": key.fingerprint,
            },
        )
        line = stored.private_key.splitlines()[3]
        self.assertNotIn(line, "\n".join(dump(self.conn.raw)))
        self.assertEqual(self.shown("keys", number)["type"], "ssh")
        self.assertEqual(self.conn.column(_EVENTS), ["Access Key Deploy created"])

    def test_kinds(self) -> None:
        """Other kinds are made on request, and unknown ones refused."""
        path = f"{self.base}/keys/generate"
        for kind in ("ecdsa", "rsa"):
            made = self.client.post(path, {"name": kind, "kind": kind}).json
            self.assertEqual(normalise(self.opened(made["id"]).private_key).kind, kind)
        before = self.names("keys")
        for body, word in (
            ({"name": "x", "kind": "dsa"}, "kind"),
            ({"kind": "rsa"}, "name can not be empty"),
            ({"name": "a\nb"}, "control character"),
            ({"name": "x", "login": "-oProxyCommand=x"}, "login"),
        ):
            self.refused(self.client.post(path, body), word)
        self.assertEqual(self.guest().post(path, {"name": "x"}).status, 403)
        self.assertEqual(self.names("keys"), before)


class UsageTests(KeyTestCase):
    """Who uses a key, and since when it is as it is."""

    def usage(self, number: int) -> Any:
        """Return the answer about a key."""
        return self.listed(f"keys/{number}/usage")

    def test_users(self) -> None:
        """The users are those that forbid the deletion."""
        number = self.key()
        self.repository("Repo", ssh_key_id=number)
        self.inventory("Inv", become_key_id=number)
        found = self.usage(number)
        self.assertEqual(
            {noun: found[noun] for noun in ("templates", "inventories")},
            {
                "templates": [],
                "inventories": [{"id": 1, "name": "Inv", "templates": []}],
            },
        )
        self.assertEqual(
            found["repositories"], [{"id": 1, "name": "Repo", "templates": []}]
        )
        self.assertEqual((found["public_key"], found["fingerprint"]), (None, None))

    def test_templates(self) -> None:
        """An inventory or a repository names the templates that use it."""
        number = self.key()
        both = self.inventory("Both", ssh_key_id=number, become_key_id=number)
        repository, other = (
            self.repository("Repo", ssh_key_id=number),
            self.repository(),
        )
        first, second, _ = (
            self.made("templates", **self.template(name=name, **more))["id"]
            for name, more in (
                ("First", {"inventory_id": both, "repository_id": repository}),
                ("Second", {"inventory_id": both, "repository_id": other}),
                ("Neither", {"repository_id": other}),
            )
        )
        found = self.usage(number)
        self.assertEqual(found["templates"], [])
        named = [{"id": first, "name": "First"}, {"id": second, "name": "Second"}]
        self.assertEqual(
            found["inventories"], [{"id": both, "name": "Both", "templates": named}]
        )
        self.assertEqual(
            found["repositories"],
            [{"id": repository, "name": "Repo", "templates": named[:1]}],
        )

    def test_overview(self) -> None:
        """Each key is listed once, with its kind and the number of its users."""
        number = self.made("keys", **self.ssh(private_key()))["id"]
        self.repository("Repo", ssh_key_id=number)
        self.inventory("Both", ssh_key_id=number, become_key_id=number)
        found = {each["id"]: each for each in self.listed("keys/overview")}
        self.assertEqual(set(found), {self.none_key, number})
        shown = found[number]
        self.assertEqual((shown["kind"], shown["bits"]), ("ed25519", 256))
        usage = self.usage(number)
        for name in ("fingerprint", "changed", "last_used", "last_used_by"):
            self.assertEqual(shown[name], usage[name])
        self.assertEqual(
            [shown[noun] for noun in ("templates", "inventories", "repositories")],
            [0, 1, 1],
        )
        self.assertIsNone(found[self.none_key]["kind"])
        answer = self.guest().get(f"{self.base}/keys/overview")
        self.assertEqual(answer.status, 403)

    def test_changed(self) -> None:
        """A new secret counts as a change, a new name does not."""
        text, other = private_key(), private_key()
        number = self.made("keys", **self.ssh(text))["id"]
        made = self.usage(number)
        self.assertEqual(made["changed"], "2026-01-02T03:04:05Z")
        self.assertIsNone(made["last_used"])
        self.assertEqual(made["public_key"], normalise(text).public)
        self.assertEqual(made["fingerprint"], normalise(text).fingerprint)
        self.conn.update(access_key, number, changed=BEGINNING - timedelta(days=9))
        made = self.usage(number)
        path = f"{self.base}/keys/{number}"
        self.client.put(path, {"name": "Renamed", "type": "ssh"})
        self.assertEqual(self.usage(number), made)
        self.client.put(path, {**self.ssh(other), "override_secret": True})
        found = self.usage(number)
        self.assertEqual(found["changed"], "2026-01-02T03:04:05Z")
        self.assertEqual(found["public_key"], normalise(other).public)

    def test_rights(self) -> None:
        """Usage needs the right to manage resources, and a key of the project."""
        path = f"{self.base}/keys/{self.none_key}/usage"
        self.assertEqual(self.guest().get(path).status, 403)
        answer = self.client.get(f"{self.base}/keys/987/usage")
        self.assertEqual((answer.status, answer.body), (404, b""))
        self.assertIsNone(self.usage(self.none_key)["changed"])
