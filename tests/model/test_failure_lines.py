"""Tests of the line that names the cause, with real output of the programs."""

import time
from textwrap import dedent

from twisted.trial.unittest import SynchronousTestCase

from semaphore_twisted.model.failure_lines import FailureRank, cause_line, said

BASH = """\
Deploying release 12
a.sh: line 2: helmfile: command not found
Deployment failed, see above
"""
BASH_UNBOUND = """\
hi
b.sh: line 3: FOO: unbound variable
"""
BASH_SYNTAX = """\
c.sh: line 3: syntax error near unexpected token `fi'
c.sh: line 3: `fi fi'
"""
BASH_MISSING = """\
d.sh: line 1: ./missing.sh: No such file or directory
"""
DASH = """\
Deploying release 12
a.sh: 2: helmfile: not found
Deployment failed, see above
"""
DASH_UNSET = """\
hi
b.sh: 3: FOO: parameter not set
"""
DASH_SYNTAX = """\
c.sh: 3: Syntax error: "fi" unexpected
"""
PYTHON = """\
start
Traceback (most recent call last):
  File "/srv/t.py", line 4, in <module>
    json.loads("{")
  File "/usr/lib/python3.11/json/decoder.py", line 353, in raw_decode
    obj, end = self.scan_once(s, idx)
               ^^^^^^^^^^^^^^^^^^^^^^
json.decoder.JSONDecodeError: Expecting property name enclosed in double quotes

The above exception was the direct cause of the following exception:

Traceback (most recent call last):
  File "/srv/t.py", line 6, in <module>
    raise RuntimeError("config is broken") from e
RuntimeError: config is broken
"""
PYTHON_OWN_NAME = """\
Traceback (most recent call last):
  File "/srv/t.py", line 4, in <module>
    raise lib.Refused("no quota")
lib.Refused: no quota
cleaning up
"""
PYTHON_SYNTAX = """\
  File "/srv/s.py", line 1
    foo(
       ^
SyntaxError: '(' was never closed
"""
PYTHON_NO_FILE = """\
python3: can't open file '/srv/nope.py': [Errno 2] No such file or directory
"""
PYTHON_ARGUMENTS = """\
usage: arg.py [-h] host
arg.py: error: the following arguments are required: host
"""
PYTHON_PROGRAM = """\
error: must specify one of -f and -k
Traceback (most recent call last):
  File "/srv/p.py", line 2, in <module>
    subprocess.run(["kubectl"], check=True)
  File "/usr/lib/python3.11/subprocess.py", line 571, in run
    raise CalledProcessError(retcode, process.args,
subprocess.CalledProcessError: Command '['kubectl']' returned non-zero exit status 1.
"""
NPM_NO_FILE = """\
npm error code ENOENT
npm error syscall open
npm error path /srv/e/package.json
npm error errno -2
npm error enoent Could not read package.json: Error: ENOENT: no such file or directory
npm error enoent This is related to npm not being able to find a file.
npm error enoent
npm error A complete log of this run can be found in: /root/.npm/_logs/x-debug-0.log
"""
NPM_SCRIPT = """\

> x@1.0.0 build
> webpack --mode production

sh: 1: webpack: not found
npm error code 127
npm error path /srv/n
npm error command failed
npm error command sh -c webpack --mode production
"""
NPM_MISSING = """\
npm error Missing script: "deploy"
npm error
npm error To see a list of scripts, run:
npm error   npm run
npm error A complete log of this run can be found in: /root/.npm/_logs/x-debug-0.log
"""
TERRAFORM = """\
╷
│ Warning: Unable to open CLI configuration file
│
│ The CLI configuration file at "/root/.terraformrc" does not exist.
╵

╷
│ Error: Missing required provider
│
│ This configuration requires provider hashicorp/aws,
│ but that provider isn't available. You may be able to install it
│ automatically by running:
│   terraform init
╵
"""
TERRAFORM_PLAIN = """\

Error: Inconsistent dependency lock file

The following dependency selections recorded in the lock file are
inconsistent with the current configuration:
  - provider hashicorp/aws: required by this configuration but no version is selected
"""
MAKE = """\
kubectl apply
error: must specify one of -f and -k
make: *** [Makefile:4: build] Error 1
"""
MAKE_NO_RULE = """\
make: *** No rule to make target 'nope'.  Stop.
"""
MAKE_SYNTAX = """\
Bad.mk:2: *** missing separator.  Stop.
"""
SSH = """\
ssh: connect to host 127.0.0.1 port 1: Connection refused
lost connection
"""
SSH_KEY = """\
deploy@web1: Permission denied (publickey).
"""
GIT = """\
Cloning into 'x'...
ssh: connect to host 127.0.0.1 port 1: Connection refused
fatal: Could not read from remote repository.

Please make sure you have the correct access rights
and the repository exists.
"""
GIT_NO_FOLDER = """\
fatal: repository '/nope/x.git' does not exist
"""
GIT_BRANCH = """\
error: pathspec 'nope' did not match any file(s) known to git
"""
CURL = """\
curl: (7) Failed to connect to 127.0.0.1 port 1 after 0 ms: Couldn't connect to server
"""
GCC = """\
<stdin>: In function 'main':
<stdin>:1:19: error: 'x' undeclared (first use in this function)
<stdin>:1:19: note: each undeclared identifier is reported only once
<stdin>:1:20: error: expected ';' before '}' token
make: *** [Makefile:2: x] Error 1
"""
TAR = """\
tar: /nope.tar: Cannot open: No such file or directory
tar: Error is not recoverable: exiting now
"""

CASES = {
    BASH: "a.sh: line 2: helmfile: command not found",
    BASH_UNBOUND: "b.sh: line 3: FOO: unbound variable",
    BASH_SYNTAX: "c.sh: line 3: syntax error near unexpected token `fi'",
    BASH_MISSING: "d.sh: line 1: ./missing.sh: No such file or directory",
    DASH: "a.sh: 2: helmfile: not found",
    DASH_UNSET: "b.sh: 3: FOO: parameter not set",
    DASH_SYNTAX: 'c.sh: 3: Syntax error: "fi" unexpected',
    PYTHON: "RuntimeError: config is broken",
    PYTHON_OWN_NAME: "lib.Refused: no quota",
    PYTHON_SYNTAX: "SyntaxError: '(' was never closed",
    PYTHON_NO_FILE: PYTHON_NO_FILE.strip(),
    PYTHON_ARGUMENTS: "arg.py: error: the following arguments are required: host",
    PYTHON_PROGRAM: "error: must specify one of -f and -k",
    NPM_NO_FILE: "npm error enoent Could not read package.json: Error: ENOENT: "
    "no such file or directory",
    NPM_SCRIPT: "sh: 1: webpack: not found",
    NPM_MISSING: 'npm error Missing script: "deploy"',
    TERRAFORM: "Error: Missing required provider",
    TERRAFORM_PLAIN: "Error: Inconsistent dependency lock file",
    MAKE: "error: must specify one of -f and -k",
    MAKE_NO_RULE: MAKE_NO_RULE.strip(),
    MAKE_SYNTAX: MAKE_SYNTAX.strip(),
    SSH: "ssh: connect to host 127.0.0.1 port 1: Connection refused",
    SSH_KEY: SSH_KEY.strip(),
    GIT: "ssh: connect to host 127.0.0.1 port 1: Connection refused",
    GIT_NO_FOLDER: GIT_NO_FOLDER.strip(),
    GIT_BRANCH: GIT_BRANCH.strip(),
    CURL: CURL.strip(),
    GCC: "<stdin>:1:19: error: 'x' undeclared (first use in this function)",
    TAR: "tar: /nope.tar: Cannot open: No such file or directory",
}


def cause(text: str) -> str | None:
    """Return the line of *text* that names the cause."""
    lines = dedent(text).splitlines()
    found = cause_line(lines)
    return None if found is None else said(lines[found[0]])


class ProgramTests(SynchronousTestCase):
    """The cause is found in the output of programs."""

    def test_each(self) -> None:
        """The line is the one that a person would point at."""
        self.assertEqual({text: cause(text) for text in CASES}, CASES)


class RankTests(SynchronousTestCase):
    """Lines that tell more count more, and later ones more than earlier ones."""

    def test_marked(self) -> None:
        """A script's own error counts if nothing says more, wherever it is."""
        own = "ERROR: the deployment failed\n"
        self.assertEqual(cause(own), own.strip())
        self.assertEqual(cause(BASH + own), CASES[BASH])
        self.assertEqual(
            cause("2026-11-30 12:00:01 [ERROR] no\nbye\n"),
            cause("2026-11-30 12:00:01 [ERROR] no\n"),
        )

    def test_consequence(self) -> None:
        """A failed program is a cause only if nothing else is known."""
        make = "make: *** [Makefile:4: build] Error 1"
        found = cause_line(["building", make])
        self.assertEqual(found, (1, FailureRank.CONSEQUENCE))

    def test_later(self) -> None:
        """The last error counts, since the program went on after the others."""
        self.assertEqual(cause(BASH + "running\n" + CURL), CURL.strip())
        self.assertEqual(cause(CURL + "running\n" + BASH), CASES[BASH])

    def test_apart(self) -> None:
        """The first of several errors is not sought far above."""
        one, two = "Error: the first\n", "Error: the second\n"
        self.assertEqual(cause(one + "x\n" * 5 + two), one.strip())
        self.assertEqual(cause(one + "x\n" * 50 + two), two.strip())

    def test_nothing(self) -> None:
        """Ordinary lines are no cause."""
        text = """\
        warning: the cache cannot be read
        info: user not found, one is made
        0 errors, no failures
        done: 3 files
        10:30:00: started
        """
        self.assertIsNone(cause(text))
        self.assertIsNone(cause_line([]))


class WorkTests(SynchronousTestCase):
    """The work is bounded, whatever a program prints."""

    def test_hostile(self) -> None:
        """Lines that nearly match do not take long."""
        parts = ("a.", "a:", "a: ", "1: ", "aA", "npm error ", "│ ", ": line 1: ")
        lines = [part * 20_000 for part in parts] * 60
        began = time.process_time()
        cause_line(lines)
        self.assertLess(time.process_time() - began, 2)
