"""Selections of hosts and tasks, and arguments that a task may add."""

import contextlib
import itertools
import json
import subprocess
import sys

from twisted.trial.unittest import SynchronousTestCase

from semaphore_twisted.model.errors import Invalid
from semaphore_twisted.model.selections import (
    check_hosts,
    check_tag,
    check_task_arguments,
    selected,
)

#: Prints which of the limits Ansible would read from a file.
_SPLIT = """
import json, sys
from ansible.inventory.manager import split_host_pattern
limits = json.load(sys.stdin)
print(json.dumps([
    each for each in limits
    if any(part.lstrip("&!")[:1] == "@" for part in split_host_pattern(each))
]))
"""


class HostsTests(SynchronousTestCase):
    """:func:`check_hosts`."""

    NAMES = (
        *("web", "web-01.example.org", "*", "web*", "web[0:2]", "[a-c]x", "db?", "!db"),
        *("&prod", "web:!db:&prod", "10.0.0.1", "2001:db8::1", "[2001:db8::1]:22"),
        *("all", "_x", "name@host", "wäb", "a/b"),
    )

    def test_names(self) -> None:
        """Hosts, groups and patterns are accepted."""
        for part in self.NAMES:
            check_hosts(part)
            check_hosts(part, names_only=False)

    def test_files(self) -> None:
        """A part that Ansible would read as a file is refused, from any author."""
        for part in (
            *("@x", "@/etc/shadow", "all:@/etc/shadow", "all,@/etc/shadow", "&@x"),
            *("!@x", "all:&@x", "all:!@x", "all @x", "all\t@x", " @x", "all;@x", ":@x"),
            *("a]@x", "a[@x", "a[0]]@x", "]@x", "&]@x", "a]&@x", "~a[@x]", "\u2028@x"),
            *("all\n@x", "all: @x", "all:! @x", "all::@x", "~x,@x", "!&@x", "[0]:@x"),
        ):
            for names_only in (True, False):
                error = self.assertRaises(
                    Invalid, check_hosts, part, names_only=names_only
                )
                self.assertIn("limit: invalid value", error.message)
                self.assertEqual(len(error.message.splitlines()), 1)

    def test_others(self) -> None:
        """A task gives names only; options and templates are nothing else."""
        for part in (
            *("-i", "--x", "{{ x }}", "{% x %}", "{# x #}", "$x", "a b", "a\nb", "a\0"),
            *("(a)", "a|b", "`x`", "", "\\@x", "'a'", "a=b", "\ufeff@x"),
        ):
            self.assertRaises(Invalid, check_hosts, part)

    def test_regular_expressions(self) -> None:
        """A template may have a regular expression, a task may not."""
        check_hosts(r"~web\d+\.(a|b)", names_only=False)
        check_hosts("!~web.*", names_only=False)
        for part in ("~web.*", "!~web", "&~x", "all:~x"):
            self.assertRaises(Invalid, check_hosts, part)
        for part in ("~{{ x }}", "~a\nb", "~a:@x"):
            self.assertRaises(Invalid, check_hosts, part, names_only=False)

    def test_any(self) -> None:
        """Ansible itself finds no file in what is accepted."""
        pieces = ("a", "0", "@f", ":", ",", ";", "&", "!", " ", "[", "]", "~", "-", ".")
        accepted = []
        for length in range(1, 5):
            for each in itertools.product(pieces, repeat=length):
                part = "".join(each)
                with contextlib.suppress(Invalid):
                    check_hosts(part, names_only=False)
                    accepted.append(part)
        self.assertIn("a[0]", accepted)
        self.assertIn("a@f", accepted)
        ran = subprocess.run(
            [sys.executable, "-c", _SPLIT],
            input=json.dumps(accepted),
            capture_output=True,
            text=True,
            check=True,
        )
        self.assertEqual(json.loads(ran.stdout), [])


class TagTests(SynchronousTestCase):
    """:func:`check_tag`."""

    def test_names(self) -> None:
        """Names are accepted, and nothing that begins otherwise or is a template."""
        for tag in ("deploy", "a-b", "a.b:c", "1", "_x", "my tag", "ümlaut", "all"):
            check_tag(tag)
        for tag in (
            "@/etc/shadow",
            "-x",
            "{{ x }}",
            "a\nb",
            "a\0",
            "",
            " a",
            "a{%",
            "~",
        ):
            error = self.assertRaises(Invalid, check_tag, tag, "skip_tags")
            self.assertIn("skip_tags: invalid value", error.message)


class SelectedTests(SynchronousTestCase):
    """:func:`selected`."""

    def test_parts(self) -> None:
        """Commas separate the parts of a text and of a list, but no expression's."""
        for sent in ("a, b,", ["a", "b"], ["a,b"], ("a ,", " b")):
            self.assertEqual(selected(sent, "limit"), ("a", "b"))
        regular = ("~web.{1,2}", "!~x{1,2}")
        self.assertEqual(selected(regular, "limit"), regular)

    def test_nothing(self) -> None:
        """An empty text or list selects everything; one without a name is refused."""
        for sent in ("", [], (), [""], ["", ""]):
            self.assertEqual(selected(sent, "limit"), ())
        for sent in (",", " ", " , ,", [","], ["", " "], ["\n"]):
            error = self.assertRaises(Invalid, selected, sent, "skip_tags")
            self.assertIn("skip_tags: invalid value", error.message)


class TaskArgumentsTests(SynchronousTestCase):
    """:func:`check_task_arguments`."""

    def test_accepted(self) -> None:
        """Options that select hosts and tasks, verbosity and parallelism."""
        for words in (
            ["-v"],
            ["-vvvv", "--check", "-D", "--become"],
            ["--limit", "web,db", "-l", "all:!db", "--tags=a,b", "-t", "c"],
            ["--skip-tags", "x y", "--forks=20", "-f", "5", "-T", "30"],
            ["-e", "x=1", "--extra-vars=version=1.2-rc1 url=https://example.org/a%20b"],
            ["--start-at-task", "Install it", "--user=root", "-u", "me"],
            [],
        ):
            check_task_arguments(words)

    def test_refused(self) -> None:
        """Options for variables, programs, files and templates are refused."""
        for words in (
            *(["-e", "x"], ["--extra-vars=@/etc/shadow"], ["-ex=1"], ["--ext=x"]),
            *(
                ["-e", "x={{ y }}"],
                ["-e", '{"x": "\\u007b\\u007b"}'],
                ["-e", "x='a b'"],
            ),
            *(["-e", "x=lookup(1)"], ["-e", "x=1 @f"], ["-e", ""], ["-e", "x=1\ny=2"]),
            *(["-e", "ansible_connection=local"], ["-e", "semaphore_vars=1"]),
            *(["-i", "x,"], ["-i=x"], ["--inventory=/bin/sh"], ["-c", "local"]),
            *(["--connection=local"], ["-clocal"], ["--vault-password-file=x"]),
            *(["--vault-id=x@y"], ["-M", "x"], ["--module-path=x"], ["-J"], ["-k"]),
            *(["--ssh-common-args=-oProxyCommand=x"], ["--ssh-extra-args", "x"]),
            *(["--sftp-extra-args=x"], ["--scp-extra-args=x"], ["--private-key=x"]),
            *(["--become-method=x"], ["--become-password-file=x"], ["--step"]),
            *(["--connection-password-file=x"], ["other.yml"], ["--"], ["-"], [""]),
            *(["--limit"], ["--limit=@/etc/shadow"], ["-l", "all:@x"], ["-lall"]),
            *(["--lim=@x"], ["--tags", "@x"], ["--user={{ x }}"], ["-u", "-oX=y"]),
            *(["--forks=x"], ["-f", "-1"], ["--start-at-task={{ x }}"], ["-vC"]),
            *(["--check=x"], ["-l=all"], ["--limit=all", "@x"], ["-vvvvvvv"]),
        ):
            error = self.assertRaises(Invalid, check_task_arguments, words)
            self.assertIn(":", error.message)
            self.assertEqual(len(error.message.splitlines()), 1)
        for words in (["--limit="], ["-l", ""], ["--limit", ","], ["-t", " "]):
            self.assertRaises(Invalid, check_task_arguments, words)
        error = self.assertRaises(Invalid, check_task_arguments, ["-e", "x={{ y }}"])
        self.assertIn("survey", error.message)

    def test_declared(self) -> None:
        """An argument does not replace an answer, for which the survey has rules."""
        check_task_arguments(["-e", "x=1"], {"target"})
        for words in (["-e", "x=1 target=2"], ["--extra-vars=target=2"]):
            error = self.assertRaises(Invalid, check_task_arguments, words, {"target"})
            self.assertIn('"target"', error.message)
