"""A server with few file descriptors and many tasks."""

import resource
import shutil
import tempfile
from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

from tests.support.product import Product

_LIMIT = 64
_TASKS = 30


class FewDescriptorsTests(SynchronousTestCase):
    """The limit is set while the server runs."""

    def test_tasks(self) -> None:
        """All tasks end well, some later; requests are answered meanwhile."""
        folder = Path(tempfile.mkdtemp(prefix="semaphore-few-"))
        self.addCleanup(shutil.rmtree, folder, ignore_errors=True)
        product = Product(folder / "state")
        self.addCleanup(product.stop)
        product.start()
        product.log_in()
        project, template = product.script(folder / "up", "bash", "sleep 1\n")
        body = product.api("GET", f"/project/{project}/templates/{template}")
        body["allow_parallel_tasks"] = True
        product.api("PUT", f"/project/{project}/templates/{template}", body)
        assert product.process is not None
        resource.prlimit(product.process.pid, resource.RLIMIT_NOFILE, (_LIMIT, _LIMIT))
        tasks = [product.run(project, template) for _ in range(_TASKS)]
        for task in tasks:
            self.assertEqual(product.wait(project, task), "success")
        logs = [product.output(project, task) for task in tasks]
        waited = sum("could not start yet" in "\n".join(lines) for lines in logs)
        self.assertGreater(waited, 0, "the limit was never met")
