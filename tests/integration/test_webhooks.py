"""A git server that sends a webhook to a running server, as the document says."""

import os
import re
import shutil
import subprocess
import tempfile
from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

from tests.support.gitserver import Repository, git
from tests.support.product import Product
from tests.support.programs import require

DOCUMENT = Path(__file__).parents[2] / "docs" / "webhooks.md"

SECRET = "correct horse battery staple"

_HOOK = """#!/bin/sh
read old new ref
URL={url}
SECRET='{secret}'
body='{{"ref": "'$ref'", "commits": [{{"id": "'$new'"}}]}}'
{sign}
curl --silent --show-error --cacert {root} -H "X-Signature: $sign" \\
    -H "Webhook-Id: $new" -d "$body" -w '%{{http_code}}\\n' "$URL"
"""


class GitTests(SynchronousTestCase):
    """A bare repository with a hook."""

    def test_push(self) -> None:
        """A push to main starts a task with the commit; other pushes start none."""
        require("git", "curl", "openssl")
        folder = Path(tempfile.mkdtemp(prefix="semaphore-"))
        self.addCleanup(shutil.rmtree, folder, ignore_errors=True)
        product = Product(folder / "state", is_warm=True)
        product.start()
        self.addCleanup(product.stop)
        product.log_in()
        project, template = product.script(folder / "files", "bash", 'echo "<$*>"')
        path = f"/project/{project}"
        stored = product.api("GET", f"{path}/templates/{template}")
        stored["survey_vars"] = [{"name": "commit", "required": True}]
        product.api("PUT", f"{path}/templates/{template}", stored)
        key = product.create(project, "keys", name="S", type="string", string=SECRET)
        integration = product.create(
            project,
            "integrations",
            name="Push",
            template_id=template,
            auth_method="hmac",
            auth_header="X-Signature",
            auth_secret_id=key,
            matchers=[
                {
                    "name": "Main",
                    "match_type": "body",
                    "method": "equals",
                    "body_data_type": "json",
                    "key": "ref",
                    "value": "refs/heads/main",
                }
            ],
            extract_values=[
                {
                    "name": "Commit",
                    "value_source": "body",
                    "body_data_type": "json",
                    "key": "commits[0].id",
                    "variable": "commit",
                }
            ],
        )
        url = product.api("POST", f"{path}/integrations/{integration}/aliases")["url"]
        work = Repository(folder / "work")
        bare = folder / "bare.git"
        git("init", "--quiet", "--bare", str(bare), cwd=work.folder)
        (sign,) = re.findall(r"^sign=.*$", DOCUMENT.read_text(), re.M)
        hook = bare / "hooks" / "post-receive"
        hook.write_text(
            _HOOK.format(url=url, secret=SECRET, sign=sign, root=product.root)
        )
        hook.chmod(0o755)
        commit = work.commit({"a": "b"})
        self.assertIn("204", self.push(work, bare, "main:other"))
        self.assertIn("204", self.push(work, bare, "main:main"))
        (task,) = product.api("GET", f"{path}/tasks")
        self.assertEqual(task["integration_id"], integration)
        status = product.wait(project, task["id"])
        output = product.output(project, task["id"])
        self.assertEqual(status, "success", output)
        self.assertIn(f"<commit={commit}>", output)
        log = product.api("GET", f"{path}/integrations/deliveries")
        self.assertEqual(
            [each["results"][0]["outcome"] for each in log], ["started", "unmatched"]
        )

    def push(self, work: Repository, bare: Path, refs: str) -> str:
        """Push to the bare repository, and return what its hook printed."""
        return subprocess.run(
            ["git", "push", "--quiet", str(bare), refs],
            cwd=work.folder,
            check=True,
            env={"PATH": os.environ["PATH"], "HOME": str(work.folder)},
            capture_output=True,
            text=True,
        ).stderr
