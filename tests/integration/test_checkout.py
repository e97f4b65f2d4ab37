"""Checkouts for real: git by path, file: and https."""

import os
import shlex
import shutil
import socket
from unittest import skipUnless
from urllib.parse import quote

from msgspec.structs import replace

from semaphore_twisted.model.errors import Invalid
from semaphore_twisted.model.keys import LoginPassword, OpenedSecret, Text
from tests.support.execution import JobCase, Ran
from tests.support.gitserver import GitServer, git
from tests.support.orders import order
from tests.support.pace import in_time

#: Every character that has broken a clone URL somewhere.
PASSWORD = "a/b@c:d%e#f?g h+é1234@abc"


class CheckoutTests(JobCase):
    """A job's checkout is the commit that was asked for, and nothing else."""

    def test_a_commit_by_its_hash(self) -> None:
        """An older commit of a branch can be asked for by its hash."""
        upstream = self.repository()
        first = upstream.commit({"run.sh": "echo first"})
        upstream.commit({"run.sh": "echo second"})
        ran = self.run_job(order(str(upstream.folder), branch=first))
        self.assertIn("first", ran.lines)
        self.assertEqual(ran.facts["commit_hash"], first)

    def test_branch_before_tag(self) -> None:
        """A branch wins over a tag of the same name, as with git clone --branch."""
        upstream = self.repository()
        upstream.commit({"run.sh": "echo tagged"})
        git("tag", "same", cwd=upstream.folder)
        git("checkout", "--quiet", "-b", "same", cwd=upstream.folder)
        upstream.commit({"run.sh": "echo branch"})
        ran = self.run_job(order(str(upstream.folder), branch="same"))
        self.assertIn("branch", ran.lines)

    def test_remote_head(self) -> None:
        """An empty branch means the remote's HEAD, independent of its name."""
        upstream = self.repository(branch="trunk/odd-name")
        upstream.commit({"run.sh": "echo there"})
        ran = self.run_job(order(str(upstream.folder)))
        self.assertIn("there", ran.lines)

    def test_missing_branch(self) -> None:
        """A branch that does not exist ends in an error that names it."""
        upstream = self.repository()
        upstream.commit({"run.sh": "echo there"})
        ran = self.run_job(order(str(upstream.folder), branch="release/9"))
        self.assertEqual(ran.status, "error")
        self.assertIn(
            f'The branch, tag or commit "release/9" was not found in {upstream.folder}',
            ran.log,
        )

    def test_dirty_tree(self) -> None:
        """The next job's checkout has no files that a job wrote into its own."""
        upstream = self.repository()
        upstream.commit({"run.sh": "cat data; echo changed > data", "data": "clean\n"})
        for _ in range(2):
            ran = self.run_job(order(str(upstream.folder)))
            self.assertIn("clean", ran.lines)
            self.assertNotIn("changed", ran.lines)

    def test_submodules(self) -> None:
        """Submodules of a local repository are fetched, nested ones too."""
        inner = self.repository("inner")
        inner.commit({"word": "inner\n"})
        middle = self.repository("middle")
        git("submodule", "--quiet", "add", "../inner", "in", cwd=middle.folder)
        middle.commit({})
        upstream = self.repository()
        git("submodule", "--quiet", "add", "../middle", "mid", cwd=upstream.folder)
        upstream.commit({"run.sh": "cat mid/in/word"})
        for url in (str(upstream.folder), f"file://{upstream.folder}"):
            ran = self.run_job(order(url))
            self.assertIn("inner", ran.lines, ran.log)

    def test_links_out_of_the_checkout(self) -> None:
        """A script that is a link to a file outside the checkout is refused."""
        upstream = self.repository()
        (upstream.folder / "run.sh").symlink_to("/etc/profile")
        upstream.commit({})
        ran = self.run_job(order(str(upstream.folder)))
        self.assertEqual(ran.status, "error")
        self.assertIn("The script run.sh leads out of the repository", ran.lines)

    def test_missing_script(self) -> None:
        """A script that is not in the repository ends in an error that names it."""
        upstream = self.repository()
        upstream.commit({"other.sh": "true"})
        ran = self.run_job(order(str(upstream.folder)))
        self.assertIn("The script run.sh is not in the repository", ran.lines)

    def test_no_repository(self) -> None:
        """A folder that is no git repository is not used."""
        ran = self.run_job(order("/etc"))
        self.assertEqual(ran.status, "error")
        self.assertIn("The repository /etc cannot be fetched", ran.lines)


class HttpsTests(JobCase):
    """Checkouts by https, with and without a login."""

    def serve(self, *, login: str = "", password: str | None = None) -> GitServer:
        """Serve repositories, and trust the server's CA."""
        server = GitServer(login=login, password=password)
        self.enter(server)
        self.options = replace(self.options, ca_bundle=str(server.ca_bundle))
        return server

    def assert_clean(self, ran: Ran, secret: str) -> None:
        """Fail if *secret* can be found, plain or percent-encoded."""
        self.assert_nowhere(ran, secret, quote(secret, safe=""), quote(secret))

    def fetch(self, url: str, key: OpenedSecret) -> Ran:
        """Run the job of *url* without the masks, which would hide a leak."""
        return self.run_job(order(url, key=key), masked=False)

    def test_special_characters(self) -> None:
        """Any password works, and is in no argument, file or log."""
        server = self.serve(login="bob", password=PASSWORD)
        server.repository("x.git").commit({"run.sh": self.photograph})
        ran = self.fetch(
            server.url("x.git"), LoginPassword(login="bob", password=PASSWORD)
        )
        self.assertEqual(ran.status, "success", ran.log)
        self.assertIn("taken", ran.lines)
        self.assert_clean(ran, PASSWORD)

    def test_login_is_forgotten(self) -> None:
        """The job's own steps cannot ask the memory for the login of its repository."""
        server = self.serve(login="bob", password=PASSWORD)
        sockets = f"{self.folder}/jobs/task_7/*.sock"
        ask = f"printf 'protocol=https\\nhost=localhost:{server.port}\\n' |"
        script = (
            f"for s in {sockets}; do {ask} git credential-cache --socket $s get; done"
        )
        server.repository("x.git").commit({"run.sh": f"{script}\necho asked"})
        ran = self.fetch(
            server.url("x.git"), LoginPassword(login="bob", password=PASSWORD)
        )
        self.assertIn("asked", ran.lines, ran.log)
        self.assert_clean(ran, PASSWORD)

    def test_forms_of_a_token(self) -> None:
        """A token works as a password, and alone, as the login."""
        for key, pair in (
            (LoginPassword(login="me", password="tok"), ("me", "tok")),
            (LoginPassword(login="", password="tok"), ("tok", "")),
            (LoginPassword(login="me", password=""), ("me", "")),
            (Text(text="tok\n"), ("tok", "")),
        ):
            server = self.serve(login=pair[0], password=pair[1])
            server.repository("x.git").commit({"run.sh": "echo there"})
            ran = self.run_job(order(server.url("x.git"), key=key))
            self.assertIn("there", ran.lines, ran.log)

    def test_line_break_in_a_password(self) -> None:
        """A password that git's protocol cannot carry is refused before the start."""
        key = LoginPassword(login="me", password="a\nhost=other")
        with self.assertRaises(Invalid):
            self.run_job(order("https://localhost/x", key=key))

    def test_refusals(self) -> None:
        """After 401, 403 and a server's fault the log has a reason, no secret."""
        server = self.serve(login="bob", password="other")
        for status in (None, 403, 500):
            server.status = status
            ran = self.fetch(
                server.url("x.git"), LoginPassword(login="bob", password=PASSWORD)
            )
            self.assertEqual(ran.status, "error")
            self.assertIn("cannot be reached", ran.log)
            self.assert_clean(ran, PASSWORD)

    def test_redirect_to_another_host(self) -> None:
        """Where a redirect leads to another server, it never gets the login."""
        other = self.enter(GitServer(login="bob", password=PASSWORD))
        other.repository("x.git").commit({"run.sh": "true"})
        server = self.serve(login="bob", password=PASSWORD)
        server.redirects["/moved/"] = other.url("")
        server.ca_bundle.write_bytes(server.authority.pem + other.authority.pem)
        ran = self.fetch(
            server.url("moved/x.git"), LoginPassword(login="bob", password=PASSWORD)
        )
        self.assertEqual(ran.status, "error", ran.log)
        self.assertTrue(other.seen, ran.log)
        self.assertEqual(set(other.seen), {None})
        self.assert_clean(ran, PASSWORD)

    def test_unknown_authority(self) -> None:
        """A private CA that is not in the bundle is an error, never ignored."""
        server = self.serve()
        server.repository("x.git").commit({"run.sh": "true"})
        self.options = replace(self.options, ca_bundle=None)
        ran = self.run_job(order(server.url("x.git")))
        self.assertEqual(ran.status, "error")
        self.assertIn("certificate", ran.log)

    def test_wrong_host(self) -> None:
        """A name that does not exist ends soon, with the reason in the log."""
        key = LoginPassword(login="bob", password=PASSWORD)
        ran = self.fetch("https://no-such-host.invalid/x.git", key)
        self.assertEqual(ran.status, "error")
        self.assertIn("no-such-host.invalid", ran.log)
        in_time(ran.seconds, 15)
        self.assert_clean(ran, PASSWORD)

    def test_server_that_does_not_answer(self) -> None:
        """A server that accepts connections without answering ends the job in time."""
        with socket.create_server(("127.0.0.1", 0)) as silent:
            port = silent.getsockname()[1]
            ran = self.run_job(order(f"https://127.0.0.1:{port}/x.git"))
        self.assertEqual(ran.status, "error")
        self.assertIn("cannot be reached", ran.log)
        in_time(ran.seconds, 15)

    def test_private_submodules(self) -> None:
        """Submodules of the same host get the same login."""
        server = self.serve(login="bob", password=PASSWORD)
        for name in ("one", "two"):
            server.repository(name).commit({"word": f"{name}\n"})
        upstream = server.repository("x.git")
        for name in ("one", "two"):
            git("submodule", "--quiet", "add", f"../{name}", name, cwd=upstream.folder)
        upstream.commit({"run.sh": "cat one/word two/word"})
        ran = self.fetch(
            server.url("x.git"), LoginPassword(login="bob", password=PASSWORD)
        )
        self.assertEqual(ran.lines[-2:], ["one", "two"], ran.log)
        self.assert_clean(ran, PASSWORD)

    @skipUnless(os.geteuid() == 0, "switching users needs root")
    def test_other_user(self) -> None:
        """A job's user can read the checkout, but not the server's directories."""
        for folder in (self.folder, self.folder / "workspaces"):
            folder.chmod(0o711)
        server = self.serve()
        server.repository("x.git").commit(
            {
                "run.sh": "id -u; cat data; git status --short; git log --oneline\n"
                f"ls {self.folder}/jobs {self.folder}/repositories 2>&1\n"
                f"ls {self.folder}/workspaces 2>&1; touch new && echo written",
                "data": "readable\n",
            }
        )
        ran = self.run_job(order(server.url("x.git")), uid=65534, gid=65534)
        self.assertEqual(ran.status, "success", ran.log)
        self.assertIn("65534", ran.lines)
        self.assertIn("readable", ran.lines)
        self.assertIn("written", ran.lines)
        self.assertEqual(ran.log.count("Permission denied"), 3, ran.log)
        self.assertEqual(list((self.folder / "workspaces").iterdir()), [])

    @skipUnless(os.geteuid() == 0, "switching users needs root")
    def test_hand_over(self) -> None:
        """While a checkout is handed over, no other account can read it."""
        for folder in (self.folder, self.folder / "workspaces"):
            folder.chmod(0o711)
        server = self.serve()
        server.repository("x.git").commit({"run.sh": "cat data", "data": "readable\n"})
        programs = self.folder / "programs"
        programs.mkdir(mode=0o755)
        look = 'exec setpriv --reuid=65533 --regid=65533 --clear-groups cat "$1/data"'
        program = programs / "chmod"
        program.write_text(
            "#!/bin/sh\nfor last; do :; done\n"
            f'{shutil.which("chmod")} "$@" || exit\n'
            f'sh -c {shlex.quote(look)} sh "$last" >>{self.folder}/seen 2>&1\n'
            "exit 0\n"
        )
        program.chmod(0o755)
        path = f"{programs}:{self.options.search_path}:/usr/sbin:/sbin"
        ran = self.run_job(
            order(server.url("x.git")), uid=65534, gid=65534, search_path=path
        )
        self.assertIn("readable", ran.lines, ran.log)
        seen = (self.folder / "seen").read_text()
        self.assertIn("Permission denied", seen)
        self.assertNotIn("readable", seen)

    def test_submodule_of_this_machine(self) -> None:
        """A repository of a server cannot have a submodule of this machine."""
        local = self.repository("local")
        local.commit({"word": "private\n"})
        server = self.serve()
        upstream = server.repository("x.git")
        git(
            *("submodule", "--quiet", "add", str(local.folder), "sub"),
            cwd=upstream.folder,
        )
        upstream.commit({"run.sh": "cat sub/word"})
        ran = self.run_job(order(server.url("x.git")))
        self.assertEqual(ran.status, "error")
        self.assertIn("not allowed", ran.log)
        self.assertNotIn("private", ran.lines)
