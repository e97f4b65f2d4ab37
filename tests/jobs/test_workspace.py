"""Where the things of a job are."""

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from semaphore_twisted.jobs.supervision.specification import expand
from semaphore_twisted.jobs.workspace import environ, files, layout, literal
from semaphore_twisted.model.errors import Invalid
from tests.support.orders import options


class LayoutTests(SynchronousTestCase):
    """A job has a workspace and a spool of its own."""

    def test_same_user(self) -> None:
        """Without a user of its own a job shares known_hosts and needs no staging."""
        found = layout(options("/s"), "task_7")
        self.assertEqual(found.workspace, "/s/workspaces/task_7")
        self.assertEqual(found.spool, "/s/jobs/task_7")
        self.assertFalse(found.staging)
        self.assertEqual(found.known_hosts, "/s/known_hosts")

    def test_other_user(self) -> None:
        """Another user's job has copies of its own, which are handed over."""
        chosen = options("/s", uid=1, gid=1, known_hosts_text=b"host key\n")
        found = layout(chosen, "task_7")
        self.assertTrue(found.staging)
        self.assertEqual(found.known_hosts, "{workspace}/known_hosts")
        kept = {file.path: file.content for file in files(chosen)}
        self.assertEqual(kept["known_hosts"], b"host key\n")

    def test_long_paths(self) -> None:
        """A state directory whose sockets would not work is refused with a reason."""
        with self.assertRaises(Invalid) as raised:
            layout(options("/" + "x" * 90), "task_7")
        self.assertIn("shorter state directory", raised.exception.message)
        self.assertTrue(layout(options("/s"), "task_7").control_path_fits)
        self.assertFalse(layout(options("/" + "x" * 70), "task_7").control_path_fits)

    def test_programs(self) -> None:
        """The server's own programs are last on the PATH, as short scripts."""
        chosen = options("/s", programs=("/opt/it's/bin/ansible",))
        (script,) = (file for file in files(chosen) if file.path == "bin/ansible")
        self.assertTrue(script.executable)
        self.assertEqual(
            script.content, b"#!/bin/sh\nexec '/opt/it'\"'\"'s/bin/ansible' \"$@\"\n"
        )
        path = environ(chosen, layout(chosen, "task_7"))["PATH"]
        self.assertEqual(path, "/usr/local/bin:/usr/bin:/bin:{workspace}/bin")


class LiteralTests(SynchronousTestCase):
    """Foreign texts are protected from the supervisor's placeholders."""

    @given(
        st.lists(
            st.sampled_from(
                ["{", "}", "workspace", "user", "brace", "pipe:", "a", "{brace}"]
            )
        ).map("".join)
    )
    def test_round_trip(self, text: str) -> None:
        """The supervisor restores each escaped text."""
        self.assertEqual(expand(literal(text), "/w", {"a": 3, "": 4}), text)


class EnvironTests(SynchronousTestCase):
    """A job's environment is made, never inherited."""

    def test_only_what_is_named(self) -> None:
        """The configuration's variables are added to a short list."""
        chosen = options("/s", environment={"HTTPS_PROXY": "x", "LANG": "de_DE.UTF-8"})
        found = environ(chosen, layout(chosen, "task_7"))
        self.assertEqual(
            found,
            {
                "PATH": "/usr/local/bin:/usr/bin:/bin",
                "HOME": "{workspace}/home",
                "USER": "{user}",
                "LOGNAME": "{user}",
                "SHELL": "/bin/sh",
                "TMPDIR": "{workspace}/tmp",
                "LANG": "de_DE.UTF-8",
                "PYTHONUNBUFFERED": "1",
                "GIT_TERMINAL_PROMPT": "0",
                "HTTPS_PROXY": "x",
            },
        )
