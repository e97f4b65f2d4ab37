"""The steps of git, without git; the integration test has the real one."""

import os
import subprocess

from twisted.trial.unittest import SynchronousTestCase

from semaphore_twisted.jobs.checkout import Checkout
from semaphore_twisted.jobs.job_inputs import JobOptions, RepositorySource
from semaphore_twisted.jobs.workspace import layout
from semaphore_twisted.model.errors import Invalid
from semaphore_twisted.model.jobs import Step
from semaphore_twisted.model.keys import (
    LoginPassword,
    NoSecret,
    OpenedSecret,
    SshKey,
    Text,
)
from semaphore_twisted.model.repositories import RepositoryRules
from tests.support.orders import options

KEY = SshKey(login="", private_key="PRIVATE")


def checkout(
    url: str,
    *,
    branch: str = "main",
    key: OpenedSecret | None = None,
    chosen: JobOptions | None = None,
) -> Checkout:
    """Return the checkout of *url*."""
    chosen = chosen or options("/s")
    return Checkout(
        name="repository",
        folder="repository",
        source=RepositorySource(
            repository_id=5, url=url, branch=branch, key=key or NoSecret()
        ),
        options=chosen,
        paths=layout(chosen, "task_7"),
        wanted=(("script", "run.sh"),),
    )


def named(steps: tuple[Step, ...], name: str) -> Step:
    """Return the step called *name*."""
    (found,) = (step for step in steps if step.name == f"repository {name}")
    return found


class CheckoutTests(SynchronousTestCase):
    """The arguments and settings of git."""

    def test_log_lines(self) -> None:
        """The lines that people look for are announced."""
        lines = [
            line
            for step in checkout("https://h/x", branch="v1").steps()
            for line in step.announce
        ]
        self.assertEqual(
            lines, ["Cloning Repository https://h/x", "Checkout repository to v1"]
        )

    def test_positionals(self) -> None:
        """URLs follow ``--``, or are in the environment of a script."""
        steps = checkout("https://h/x").steps()
        reach = named(steps, "reach").argv
        self.assertLess(reach.index("--"), reach.index("https://h/x"))
        fetch = named(steps, "fetch")
        self.assertEqual(fetch.environ["CHECKOUT_URL"], "https://h/x")
        self.assertNotIn("https://h/x", fetch.argv)

    def test_refused_at_use(self) -> None:
        """A hostile URL or branch in an old row is refused again."""
        for url, branch in (
            ("ext::sh -c touch", "main"),
            ("--upload-pack=x", "main"),
            ("ssh://-oX/x", "main"),
            ("https://h/x", "--orphan"),
        ):
            with self.assertRaises(Invalid):
                checkout(url, branch=branch).steps()

    def test_secrets(self) -> None:
        """A password is on one step's standard input, and nowhere else."""
        key = LoginPassword(login="bob", password="a/b@c")
        steps = checkout("https://h:8443/x", key=key).steps()
        self.assertEqual(
            named(steps, "login").stdin,
            b"protocol=https\nhost=h:8443\nusername=bob\npassword=a/b@c\n",
        )
        for step in steps:
            told = (*step.argv, *step.environ.values(), *step.announce, step.failure)
            self.assertNotIn("a/b@c", str(told))
            self.assertNotIn("a%2Fb", str(told))

    def test_forms_of_a_token(self) -> None:
        """Without a login a token is sent as the login."""
        for key in (LoginPassword(login="", password="tok"), Text(text=" tok\n")):
            said = named(checkout("https://h/x", key=key).steps(), "login").stdin
            self.assertIn(b"\nusername=tok\npassword=\n", said or b"")

    def test_no_login(self) -> None:
        """Without a key, or with a key for ssh, https has no login."""
        for key in (NoSecret(), KEY, LoginPassword(login="", password="")):
            names = [step.name for step in checkout("https://h/x", key=key).steps()]
            self.assertNotIn("repository login", names)

    def test_user_of_the_address(self) -> None:
        """If the URL has no user, ssh uses the key's login, else ``git``."""
        for url, login, expected in (
            ("ssh://h/x", "", "ssh://git@h/x"),
            ("ssh://h/x", "deploy", "ssh://deploy@h/x"),
            ("ssh://me@h/x", "deploy", "ssh://me@h/x"),
            ("h:x", "deploy", "deploy@h:x"),
        ):
            key = SshKey(login=login, private_key="PRIVATE")
            steps = checkout(url, key=key).steps()
            told = named(steps, "fetch").environ
            self.assertEqual(told["CHECKOUT_URL"], expected)

    def test_submodules_without_a_user(self) -> None:
        """Submodules on the same host use the login if their URL has no user."""
        for url, before, after in (
            ("ssh://me@h/x", "ssh://h/y", "ssh://me@h/y"),
            ("ssh://me@h/x", "h:y", "me@h:y"),
            ("me@h:x", "ssh://h/y", "ssh://me@h/y"),
            ("ssh://me@h:2222/x", "ssh://h:2222/y", "ssh://me@h:2222/y"),
            ("ssh://me@h:2222/x", "ssh://h/y", "ssh://h/y"),
            ("ssh://me@h/x", "ssh://other@h/y", "ssh://other@h/y"),
            ("ssh://me@h/x", "ssh://host/y", "ssh://host/y"),
            ("ssh://me@[::1]/x", "ssh://[::1]/y", "ssh://me@[::1]/y"),
            ("ssh://me@https/x", "https://h/y", "https://h/y"),
            ("https://h/x", "ssh://h/y", "ssh://h/y"),
        ):
            step = named(checkout(url).steps(), "submodules")
            found = subprocess.run(
                ["git", "ls-remote", "--get-url", before],
                env={**step.environ, "PATH": os.environ["PATH"], "HOME": "/"},
                capture_output=True,
                check=True,
                text=True,
                cwd="/",
            )
            self.assertEqual(found.stdout.strip(), after)

    def test_hostile_login(self) -> None:
        """A key's login cannot bring an option into the address."""
        key = SshKey(login="-oProxyCommand=x", private_key="PRIVATE")
        with self.assertRaises(Invalid):
            checkout("ssh://h/x", key=key).steps()

    def test_protocols(self) -> None:
        """Only a repository of this machine may lead to files of this machine."""
        for url, files in (("https://h/x", False), ("h:x", False), ("/x", True)):
            clone = named(checkout(url).steps(), "clone")
            allowed = clone.environ["GIT_ALLOW_PROTOCOL"].split(":")
            self.assertEqual("file" in allowed, files)
            self.assertNotIn("ext", allowed)

    def test_no_settings_of_the_machine(self) -> None:
        """Git reads no settings of the system or a user, and never prompts."""
        for step in checkout("https://h/x").steps():
            if step.argv[0] == "git" or "CHECKOUT_SCRIPT" in step.environ:
                self.assertEqual(step.environ["GIT_CONFIG_NOSYSTEM"], "1")
                self.assertEqual(step.environ["GIT_CONFIG_GLOBAL"], "/dev/null")
                self.assertEqual(step.environ["GIT_TERMINAL_PROMPT"], "0")

    def test_mirror_of_each_url(self) -> None:
        """Each URL of a repository has its own mirror."""
        locks = {
            named(checkout(url).steps(), "fetch").lock
            for url in ("https://h/x", "https://h/y", "https://h/x")
        }
        self.assertEqual(len(locks), 2)

    def test_local(self) -> None:
        """A repository of this machine is cloned by the job's user alone."""
        chosen = options("/s", uid=1, gid=1)
        made = checkout("file:///srv/a%20b", chosen=chosen)
        self.assertTrue(all(step.as_user for step in made.steps()))
        clone = named(made.steps(), "clone")
        self.assertEqual(clone.environ["CHECKOUT_PLACE"], "/srv/a b")
        self.assertEqual(made.finally_steps(), ())

    def test_local_is_off(self) -> None:
        """A row from before the option is refused when it is used, but for the demo."""
        rules = RepositoryRules(allowed=(), demo="/s/demo")
        chosen = options("/s", rules=rules)
        for url in ("/srv/x", "file:///srv/x", "/s/demo/../x", "/s/demo/x"):
            with self.assertRaises(Invalid, msg=url):
                checkout(url, chosen=chosen).steps()
        self.assertTrue(checkout("file:///s/demo", chosen=chosen).steps())

    def test_login_in_clear(self) -> None:
        """A login does not go over http:// unless the operator permits it."""
        permitted = options("/s", rules=RepositoryRules(insecure_http=True))
        for key in (
            LoginPassword(login="bob", password="x"),
            LoginPassword(login="", password="x"),
            LoginPassword(login="bob", password=""),
            Text(text="token"),
        ):
            with self.assertRaises(Invalid) as raised:
                checkout("HTTP://h/x", key=key).steps()
            self.assertIn("repositories.insecure_http", raised.exception.message)
            self.assertNotIn("token", raised.exception.message)
            self.assertTrue(checkout("http://h/x", key=key, chosen=permitted).steps())
        self.assertTrue(checkout("http://h/x").steps())
        self.assertTrue(checkout("http://h/x", key=KEY).steps())

    def test_ca_bundle(self) -> None:
        """The configured CA bundle is git's."""
        chosen = options("/s", ca_bundle="/ca.pem")
        fetch = named(checkout("https://h/x", chosen=chosen).steps(), "fetch")
        self.assertEqual(fetch.environ["GIT_SSL_CAINFO"], "/ca.pem")

    def test_other_user(self) -> None:
        """The server's user never writes into another user's workspace."""
        chosen = options("/s", uid=1, gid=1)
        made = checkout("https://h/x", chosen=chosen)
        for step in (*made.steps(), *made.finally_steps()):
            if step.handed:
                self.assertEqual(step.cwd, "/s/jobs/task_7/repository")
            elif not step.as_user:
                self.assertNotIn("{workspace}", " ".join((*step.argv, step.cwd)))
        self.assertEqual(
            [step.name for step in made.steps() if step.as_user], ["repository copy"]
        )
        self.assertEqual(
            [step.argv for step in made.finally_steps()],
            [("rm", "-rf", "--", "/s/jobs/task_7/repository")],
        )
