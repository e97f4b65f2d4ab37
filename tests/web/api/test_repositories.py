"""Tests of the repositories' routes."""

from pathlib import Path
from typing import Any

from semaphore_twisted.model.repositories import RepositoryRules
from semaphore_twisted.persistence.schema import access_key
from semaphore_twisted.web.http.options import WebOptions
from tests.support.gitserver import Authority
from tests.support.http import api_client
from tests.support.resources import ResourceTestCase


class RepositoryTests(ResourceTestCase):
    """A project's repositories."""

    def test_life(self) -> None:
        """A repository is made, shown with its six fields, replaced and deleted."""
        number = self.repository()
        self.assertEqual(
            self.shown("repositories", number),
            {
                "id": number,
                "name": "Files",
                "project_id": self.project.id,
                "git_url": "https://git.example/files.git",
                "git_branch": "main",
                "ssh_key_id": self.none_key,
            },
        )
        body = {
            "id": number,
            "name": "New",
            "git_url": "git@host:x/y.git",
            "ssh_key_id": self.none_key,
        }
        path = f"{self.base}/repositories/{number}"
        self.assertEqual(self.client.put(path, body).status, 204)
        shown = self.shown("repositories", number)
        self.assertEqual((shown["name"], shown["git_branch"]), ("New", ""))
        self.assertEqual(self.client.delete(path).status, 204)
        self.assertEqual(self.client.get(path).status, 404)

    def test_hostile(self) -> None:
        """URLs and branches that git could take for something else are refused."""
        path = f"{self.base}/repositories"
        for url in (
            "--upload-pack=touch x",
            "ext::sh -c touch% x",
            "-oProxyCommand=x",
            "ssh://-oProxyCommand=x/y",
            "https://me:hidden@host/x.git",
            "file:///etc",
            "/etc",
            "",
        ):
            body = {"name": "R", "git_url": url, "ssh_key_id": self.none_key}
            self.refused(self.client.post(path, body))
        body = {"name": "R", "git_url": "https://h/x", "ssh_key_id": self.none_key}
        self.refused(self.client.post(path, body | {"git_branch": "-x"}), "branch")
        self.assertEqual(self.listed("repositories"), [])

    def test_local(self) -> None:
        """A folder of the server is taken where it is a git repository."""
        plain = Path(self.mktemp()).resolve()
        (plain / "with tree" / ".git").mkdir(parents=True)
        for folder in ("objects", "refs"):
            (plain / "bare" / folder).mkdir(parents=True)
        (plain / "bare" / "HEAD").write_text("ref: refs/heads/main\n")
        self.repository(git_url=str(plain / "with tree"))
        self.repository(git_url=f"file://{plain}/with%20tree")
        self.repository(git_url=f"file://{plain}/bare")
        for url in (str(plain), f"file://{plain}", f"{plain}/missing"):
            body = {"name": "R", "git_url": url, "ssh_key_id": self.none_key}
            answer = self.client.post(f"{self.base}/repositories", body)
            self.refused(answer, "is not a git repository")

    def test_copies_are_looked_at(self) -> None:
        """The server's copies are looked at after a change and a deletion."""
        number = self.repository()
        path = f"{self.base}/repositories/{number}"
        looks = self.client.repositories_changed
        before = len(looks)
        body = {"name": "R", "git_url": "https://h/y", "ssh_key_id": self.none_key}
        self.assertEqual(self.client.put(path, body).status, 204)
        self.assertEqual(len(looks), before + 1)
        self.assertEqual(self.client.delete(path).status, 204)
        self.assertEqual(len(looks), before + 2)
        self.assertEqual(self.client.delete(self.base).status, 204)
        self.assertEqual(len(looks), before + 3)

    def limit(self, **rules: Any) -> None:
        """Have rules for repositories."""
        self.client = api_client(
            database=self.site.database,
            options=WebOptions(repositories=RepositoryRules(**rules)),
        ).as_user(self.user)

    def test_local_rules(self) -> None:
        """The server's directories, and all outside of the permitted, are refused."""
        plain = Path(self.mktemp()).resolve()
        for name in ("state/repositories/x.git", "state/demo", "srv/x"):
            (plain / name / ".git").mkdir(parents=True)
        (plain / "link").symlink_to(plain / "state")
        self.limit(denied=(f"{plain}/state",), demo=f"{plain}/state/demo")
        number = self.repository(git_url=f"{plain}/srv/x")
        self.repository(git_url=f"file://{plain}/state/demo")
        path = f"{self.base}/repositories"
        for url in (
            *(f"{plain}/state/repositories/x.git", f"file://{plain}/link/demo"),
            *(f"{plain}/srv/../state/demo", f"file://{plain}/%73tate/none"),
        ):
            body = {"name": "R", "git_url": url, "ssh_key_id": self.none_key}
            why = "where no repository may be"
            self.refused(self.client.post(path, body), why)
            self.refused(self.client.put(f"{path}/{number}", body), why)
        for allowed in ((f"{plain}/other",), ()):
            self.limit(allowed=allowed)
            body = {"name": "R", "git_url": f"{plain}/srv/x"}
            body["ssh_key_id"] = self.none_key
            self.refused(self.client.post(path, body), "repositories.local")

    def test_login_in_clear(self) -> None:
        """A key with a login and an address by http:// are refused together."""
        key, path = self.key(), f"{self.base}/repositories"
        body = {"name": "R", "git_url": "http://h/x", "ssh_key_id": key}
        self.refused(self.client.post(path, body), "repositories.insecure_http")
        plain = self.repository(git_url="http://h/x")
        coded = self.repository(git_url="https://h/x", ssh_key_id=key)
        self.refused(self.client.put(f"{path}/{plain}", body), "insecure_http")
        self.refused(self.client.put(f"{path}/{coded}", body), "insecure_http")
        self.limit(insecure_http=True)
        self.assertEqual(self.client.put(f"{path}/{coded}", body).status, 204)

    def test_port_in_a_short_address(self) -> None:
        """An address HOST:PORT/PATH is refused with the form that is meant."""
        body = {"name": "R", "git_url": "git@h:34722/x/y.git"}
        body["ssh_key_id"] = self.none_key
        answer = self.client.post(f"{self.base}/repositories", body)
        self.refused(answer, "git_url", "ssh://git@h:34722/x/y.git")

    def certificate(self) -> int:
        """Store a client certificate, and return the key's number."""
        certificate, key = Authority().client()
        fields = {"certificate": certificate, "private_key": key}
        answer = self.client.post(
            f"{self.base}/keys",
            {
                "name": "Client",
                "type": "client_certificate",
                "client_certificate": fields,
            },
        )
        self.assertEqual(answer.status, 201, answer.body)
        self.assertNotIn(b"BEGIN", answer.body)
        number: int = answer.json["id"]
        return number

    def test_client_certificate(self) -> None:
        """A client certificate is shown, and kept by clients that do not know it."""
        number, key = self.repository(), self.certificate()
        path = f"{self.base}/repositories/{number}"
        known = self.shown("repositories", number)
        body = {**known, "client_certificate_id": key}
        self.assertEqual(self.client.put(path, body).status, 204)
        self.assertEqual(self.shown("repositories", number), body)
        self.assertEqual(self.client.put(path, {**known, "name": "N"}).status, 204)
        shown = self.shown("repositories", number)
        self.assertEqual(shown, {**body, "name": "N"})
        self.assertEqual(self.listed("repositories"), [shown])
        self.refused(self.client.delete(f"{self.base}/keys/{key}"), "N")
        refs = self.client.get(f"{self.base}/keys/{key}/refs").json
        self.assertEqual([each["name"] for each in refs["repositories"]], ["N"])
        away = {**known, "client_certificate_id": None}
        self.assertEqual(self.client.put(path, away).status, 204)
        self.assertEqual(self.shown("repositories", number), known)
        self.assertEqual(self.client.delete(f"{self.base}/keys/{key}").status, 204)

    def test_client_certificate_left(self) -> None:
        """A change to ssh by a client that does not know the certificate removes it."""
        number, key = self.repository(), self.certificate()
        path = f"{self.base}/repositories/{number}"
        known = self.shown("repositories", number)
        body = {**known, "client_certificate_id": key}
        self.assertEqual(self.client.put(path, body).status, 204)
        ssh = {**known, "git_url": "git@host:x/y.git"}
        self.assertEqual(self.client.put(path, ssh).status, 204)
        self.assertEqual(self.shown("repositories", number), ssh)

    def test_kind_in_use(self) -> None:
        """A key that is used does not become a certificate, nor the other way."""
        certificate, secret = Authority().client()
        key = self.none_key
        self.repository()
        change = {
            "name": "K",
            "type": "client_certificate",
            "override_secret": True,
            "client_certificate": {
                "certificate": certificate,
                "private_key": secret,
            },
        }
        self.refused(self.client.put(f"{self.base}/keys/{key}", change), "Files")

    def test_client_certificate_refused(self) -> None:
        """A key of another kind, and a URL that knows no certificates, are refused."""
        key = self.certificate()
        body = {"name": "R", "git_url": "https://h/x", "ssh_key_id": self.none_key}
        path = f"{self.base}/repositories"
        for more, words in (
            (
                {"client_certificate_id": self.none_key},
                "expected a key of type client_certificate",
            ),
            ({"client_certificate_id": 999}, "there is no 999"),
            ({"ssh_key_id": key}, "is for client_certificate_id"),
            (
                {"client_certificate_id": key, "git_url": "git@h:x"},
                "for https:// repositories",
            ),
        ):
            self.refused(self.client.post(path, {**body, **more}), words)
        self.assertEqual(self.listed("repositories"), [])

    def test_references(self) -> None:
        """A key that is missing or another project's is refused."""
        foreign = self.conn.insert(
            access_key, uuid="x", name="F", type="none", project_id=self.other.id
        )
        number = self.repository()
        for key in (foreign, 999, 0, None):
            body = {"name": "R", "git_url": "https://h/x", "ssh_key_id": key}
            path = f"{self.base}/repositories"
            self.refused(self.client.post(path, body), "ssh_key_id")
            self.refused(self.client.put(f"{path}/{number}", body), "ssh_key_id")

    def test_in_use(self) -> None:
        """A repository in use stays, and the answer names what uses it."""
        number = self.repository()
        self.inventory("Inv", type="file", inventory="hosts", repository_id=number)
        self.made("templates", **self.template(name="Tpl"))
        answer = self.client.delete(f"{self.base}/repositories/{number}")
        self.refused(answer, "Repository is in use", '"Inv"', '"Tpl"')
        self.assertIs(answer.json["inUse"], True)

    def test_rights(self) -> None:
        """A guest sees repositories and changes none."""
        number = self.repository()
        guest = self.guest()
        path = f"{self.base}/repositories"
        self.assertEqual(guest.get(path).status, 200)
        self.assertEqual(guest.get(f"{path}/{number}/refs").status, 200)
        self.assertEqual(guest.post(path, {}).status, 403)
        self.assertEqual(guest.put(f"{path}/{number}", {}).status, 403)
        self.assertEqual(guest.delete(f"{path}/{number}").status, 403)
