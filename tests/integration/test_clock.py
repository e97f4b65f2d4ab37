"""The server while the system's clock is set, by libfaketime from Debian."""

import shutil
import tempfile
import time
from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

from tests.support.product import ADMIN_PASSWORD, Answer, Product
from tests.support.programs import require

_DAY = 86_400

#: The path has the name of the machine's kind in it.
_LIBRARY = next(
    Path("/usr/lib").glob("*/faketime/libfaketimeMT.so.1"), Path("/missing")
)

_TICKS = "for i in $(seq 40); do echo tick $i; sleep 0.1; done\n"


class ClockTests(SynchronousTestCase):
    """A server whose clock a file sets; the time that passes is the true one."""

    def setUp(self) -> None:
        """Start it with the right time."""
        require("faketime")
        self.assertTrue(_LIBRARY.exists())
        self.folder = Path(tempfile.mkdtemp(prefix="semaphore-clock-"))
        self.addCleanup(shutil.rmtree, self.folder, ignore_errors=True)
        self.setting = self.folder / "time"
        self.set_clock(0)
        self.product = Product(self.folder / "state")
        self.product.environ.update(
            LD_PRELOAD=str(_LIBRARY),
            FAKETIME_TIMESTAMP_FILE=str(self.setting),
            FAKETIME_NO_CACHE="1",
            FAKETIME_DONT_FAKE_MONOTONIC="1",
        )
        self.addCleanup(self.product.stop)
        self.product.start()
        self.product.log_in()

    def set_clock(self, offset: int) -> None:
        """Set the server's clock to the true time plus *offset* seconds."""
        beside = self.setting.with_name("beside")
        beside.write_text(f"{offset:+d}\n")
        beside.replace(self.setting)

    def log_in(self, password: str = ADMIN_PASSWORD) -> Answer:
        """Try to log in."""
        body = {"auth": "admin", "password": password}
        return self.product.call("POST", "/api/auth/login", body)

    def test_faked(self) -> None:
        """The server does have another time: without that nothing here is tested."""
        self.set_clock(-_DAY)
        date = self.log_in().headers["date"]
        yesterday = time.strftime("%d %b %Y", time.gmtime(time.time() - _DAY))
        self.assertIn(yesterday, date)

    def test_throttle(self) -> None:
        """After a clock was set back the delay is the announced one, not a day."""
        for _ in range(7):  # after which the wait is four seconds
            while (answer := self.log_in("wrong")).status == 429:
                time.sleep(int(answer.headers["retry-after"]))
            self.assertEqual(answer.status, 401)
        self.set_clock(-_DAY)
        refused = self.log_in()
        self.assertEqual(refused.status, 429)
        time.sleep(int(refused.headers["retry-after"]))
        self.assertEqual(self.log_in().status, 204)

    def test_task(self) -> None:
        """A job that runs while the clock is set is followed to its end.

        A waiting client is notified in time for changes in both directions.
        """
        project, template = self.product.script(self.folder / "up", "bash", _TICKS)
        for offset in (-_DAY, -366 * _DAY, 30 * _DAY):
            self.set_clock(0)
            task = self.product.run(project, template)
            self.product.wait(project, task, "running")
            self.set_clock(offset)
            self.assertEqual(self.product.wait(project, task), "success")
            self.assertEqual(self.product.output(project, task).count("tick 40"), 1)
