"""The programs and the environment that a job finds."""

import json
import os
import pwd
import sys
from pathlib import Path

from tests.support.cases import ProductTestCase

SCRIPT = """\
import getpass, importlib.util, json, os, subprocess, sys
ansible = subprocess.run(["ansible-playbook", "--version"], capture_output=True)
print(json.dumps({
    "prefix": sys.prefix,
    "ours": importlib.util.find_spec("semaphore_twisted") is not None,
    "ansible": ansible.returncode,
    "user": getpass.getuser(),
    "names": [os.environ[name] for name in ("USER", "LOGNAME")],
    "shell": os.access(os.environ["SHELL"], os.X_OK),
    "path": os.environ["PATH"].split(":"),
}))
"""


class SearchPathTests(ProductTestCase):
    """A server that was started from its virtual environment."""

    def setUp(self) -> None:
        """Skip where the tests run without one."""
        if sys.prefix == sys.base_prefix:
            self.skipTest("the tests do not run in a virtual environment")
        super().setUp()

    def test_python(self) -> None:
        """A Python script gets the machine's Python, and Ansible is still found."""
        project, repo = self.project({"look.py": SCRIPT})
        template = self.template(project, repo, "python", "look.py")
        task = self.product.run(project, template)
        status = self.product.wait(project, task)
        lines = self.product.output(project, task)
        self.assertEqual(status, "success", "\n".join(lines))
        found = json.loads(lines[-1])
        own = os.path.realpath(Path(sys.executable).parent)
        self.assertNotEqual(found["prefix"], sys.prefix)
        self.assertFalse(found["ours"])
        self.assertNotIn(own, map(os.path.realpath, found["path"]))
        self.assertEqual(found["ansible"], 0)
        name = pwd.getpwuid(os.geteuid()).pw_name
        self.assertEqual([found["user"], *found["names"]], [name] * 3)
        self.assertTrue(found["shell"])
