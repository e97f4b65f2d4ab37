"""Repositories whose server asks git for a client certificate."""

from msgspec.structs import replace

from semaphore_twisted.crypto import clientcertificates
from semaphore_twisted.model.keys import ClientCertificate
from tests.support.execution import JobCase, Ran
from tests.support.gitserver import Authority, GitServer, git
from tests.support.orders import order


def normal(pair: tuple[str, str]) -> ClientCertificate:
    """Return a pair as it is stored."""
    return clientcertificates.normalise(*pair, "")


class CertificateTests(JobCase):
    """The certificate goes to its own server, and nowhere else."""

    def serve(self, clients: Authority | None) -> GitServer:
        """Serve one repository to clients with a certificate of *clients*; trust it."""
        server = self.enter(GitServer(clients=clients))
        self.options = replace(self.options, ca_bundle=str(server.ca_bundle))
        server.repository("x.git").commit({"run.sh": self.photograph})
        return server

    def fetch(self, server: GitServer, certificate: ClientCertificate | None) -> Ran:
        """Run the job without the masks, which would hide a leak."""
        made = order(server.url("x.git"), certificate=certificate)
        return self.run_job(made, masked=False)

    def test_let_in(self) -> None:
        """It opens the repository, over each of git's connections, and is nowhere."""
        clients = Authority()
        server = self.serve(clients)
        pair = normal(clients.client())
        ran = self.fetch(server, pair)
        self.assertEqual(ran.status, "success", ran.log)
        self.assertIn("taken", ran.lines)
        self.assertGreater(len(server.seen), 2)
        for line in pair.private_key.splitlines()[1:-1]:
            self.assert_nowhere(ran, line)

    def test_submodule(self) -> None:
        """A submodule on the same server gets the certificate too."""
        clients = Authority()
        server = self.serve(clients)
        server.repository("part.git").commit({"said": "in the submodule"})
        whole = server.repository("whole.git")
        whole.commit({"run.sh": "cat part/said"})
        git(
            *("-c", "protocol.file.allow=always", "submodule", "--quiet", "add"),
            *(str(server.root / "part.git"), "part"),
            cwd=whole.folder,
        )
        url = server.url("part.git")
        git("config", "-f", ".gitmodules", "submodule.part.url", url, cwd=whole.folder)
        whole.commit({})
        made = order(server.url("whole.git"), certificate=normal(clients.client()))
        ran = self.run_job(made)
        self.assertIn("in the submodule", ran.log)

    def test_none(self) -> None:
        """Without one the job ends with an error soon."""
        ran = self.fetch(self.serve(Authority()), None)
        self.assertEqual(ran.status, "error")
        self.assertIn("cannot be reached", ran.log)

    def test_foreign(self) -> None:
        """One of another authority is refused by the server."""
        ran = self.fetch(self.serve(Authority()), normal(Authority().client()))
        self.assertEqual(ran.status, "error")
        self.assertIn("cannot be reached", ran.log)

    def test_other_server(self) -> None:
        """A server that the repository's redirects to is not shown it."""
        clients = Authority()
        other = self.enter(GitServer(clients=clients))
        other.repository("x.git").commit({"run.sh": "true"})
        server = self.serve(None)
        server.redirects["/x.git/"] = other.url("x.git/")
        server.ca_bundle.write_bytes(server.authority.pem + other.authority.pem)
        ran = self.fetch(server, normal(clients.client()))
        self.assertEqual(ran.status, "error")
        self.assertEqual(other.seen, [])
