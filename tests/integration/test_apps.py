"""Apps that an administrator has added or changed, with real programs."""

import shutil
from pathlib import Path
from typing import Any
from unittest import skipIf

from msgspec.structs import replace

from semaphore_twisted.model.apps import POWERSHELL, AppTable
from tests.support.cases import SharedProductTestCase
from tests.support.execution import JobCase
from tests.support.orders import order, template

#: Prints its arguments, and of its environment what the test has set.
_PERL = r"""
print "arguments: @ARGV\n";
print "warnings: $^W\n";
for my $name (qw(GROUP_ENV GROUP_SECRET GROUP_WORD ASKED ASKED_ENV)) {
    print "$name: ", length($ENV{$name} // ""), "\n";
}
"""

#: The same, in PowerShell.
_POWERSHELL = """\
Write-Output "arguments: $args"
Write-Output "secret: $($env:WORD.Length)"
"""


class CustomTests(SharedProductTestCase):
    """An administrator adds Perl, and a template runs a script with it."""

    def api(self, method: str, path: str, body: Any = None) -> Any:
        """Call the API, and return the answer."""
        return self.product.api(method, path, body)

    def test_perl(self) -> None:
        """Each kind of variable reaches the program, secrets by environment only."""
        body = {"title": "Perl", "path": "/usr/bin/perl", "args": ["-w"]}
        self.api("POST", "/apps/perl", body)
        shown = next(x for x in self.api("GET", "/admin/apps") if x["id"] == "perl")
        self.assertEqual(shown["found"], "/usr/bin/perl")
        project, number = self.product.script(self.own / "perl", "perl", _PERL)
        group = self.product.create(
            project,
            "environment",
            name="Group",
            json='{"plain": "a b"}',
            env='{"GROUP_ENV": "1"}',
            secrets=[
                {
                    "type": "env",
                    "name": "GROUP_SECRET",
                    "secret": "12",
                    "operation": "create",
                },
                {
                    "type": "var",
                    "name": "GROUP_WORD",
                    "secret": "123",
                    "operation": "create",
                },
            ],
        )
        path = f"/project/{project}/templates/{number}"
        changed = {
            **self.api("GET", path),
            "environment_id": group,
            "environment_ids": [group],
            "arguments": '["--first"]',
            "survey_vars": [
                {"name": "color", "type": ""},
                {"name": "ASKED", "type": "secret", "target": "env"},
                {"name": "ASKED_ENV", "target": "env"},
            ],
        }
        self.api("PUT", path, changed)
        task = self.product.run(
            project,
            number,
            environment='{"color": "red", "ASKED_ENV": "12345"}',
            secret='{"ASKED": "1234"}',
        )
        self.assertEqual(self.product.wait(project, task), "success")
        lines = self.product.output(project, task)
        self.assertIn("arguments: --first plain=a b color=red", lines)
        self.assertIn("warnings: 1", lines)
        for name, size in (
            ("GROUP_ENV", 1),
            ("GROUP_SECRET", 2),
            ("GROUP_WORD", 3),
            ("ASKED", 4),
            ("ASKED_ENV", 5),
        ):
            self.assertIn(f"{name}: {size}", lines)

    def test_switched_off(self) -> None:
        """A task that runs keeps its app; one that waits is refused with a reason."""
        gate = Path(self.mktemp()).absolute()  # jobs may have a /tmp of their own
        project, number = self.product.script(
            self.own / "bash",
            "bash",
            f'echo begun; until [ -e "{gate}" ]; do sleep 0.05; done; echo went on\n',
        )
        running = self.product.run(project, number)
        self.product.wait(project, running, "running")
        waiting = self.product.run(project, number)
        self.addCleanup(self.api, "DELETE", "/apps/bash")
        self.api("POST", "/apps/bash/active", {"active": False})
        self.api("PUT", "/apps/bash", {"path": "/no/such/bash"})
        gate.touch()
        self.assertEqual(self.product.wait(project, running), "success")
        self.assertIn("went on", self.product.output(project, running))
        self.assertEqual(self.product.wait(project, waiting), "error")
        log = "\n".join(self.product.output(project, waiting))
        self.assertIn('The app "bash" is switched off', log)

    def test_missing_program(self) -> None:
        """A program that is missing is named by the path that was set."""
        self.api("POST", "/apps/gone", {"path": "/no/such/program"})
        project, number = self.product.script(self.own / "gone", "gone", "x\n")
        task = self.product.run(project, number)
        self.assertEqual(self.product.wait(project, task), "error")
        log = "\n".join(self.product.output(project, task))
        self.assertIn("/no/such/program: not found", log)


class PowerShellTests(JobCase):
    """PowerShell itself; ``tests.jobs.test_shell`` tests its arguments without it."""

    @skipIf(shutil.which("pwsh") is None, "pwsh is missing: it is no package of Debian")
    def test_variables(self) -> None:
        """A script gets plain variables as arguments, secrets in its environment."""
        upstream = self.repository()
        upstream.commit({"run.ps1": _POWERSHELL})
        app = replace(POWERSHELL, active=True)
        ran = self.run_job(
            replace(
                order(str(upstream.folder)),
                apps=AppTable({app.id: app}),
                template=template(app=app.id, playbook="run.ps1"),
                variables={"name": "a b"},
                secret_variables={"WORD": "12345678"},
            )
        )
        self.assertEqual(ran.status, "success", ran.log)
        self.assertIn("arguments: name=a b", ran.lines)
        self.assertIn("secret: 8", ran.lines)
