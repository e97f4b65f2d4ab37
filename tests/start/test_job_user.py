"""The user that jobs run as."""

import os
import pwd

from twisted.trial.unittest import SynchronousTestCase

from semaphore_twisted.config.process_options import ProcessOptions
from semaphore_twisted.start import job_user
from semaphore_twisted.start.job_user import JobUser, UnusableUser

WORKER = pwd.struct_passwd(("worker", "x", 12345, 54321, "", "/", "/bin/sh"))


def by_name(name: str) -> pwd.struct_passwd:
    """Know one user."""
    if name == "worker":
        return WORKER
    raise KeyError(name)


def by_number(number: int) -> pwd.struct_passwd:
    """Know one user."""
    if number == 12345:
        return WORKER
    raise KeyError(number)


def resolve(process: ProcessOptions, missing: str = "") -> JobUser:
    """Resolve among the users of this test."""
    return job_user.resolve(
        process, may_switch=lambda: missing, by_name=by_name, by_number=by_number
    )


class JobUserTests(SynchronousTestCase):
    """The options and their effect."""

    def test_nobody(self) -> None:
        """Without an option jobs run as the server does."""
        user = resolve(ProcessOptions())
        self.assertFalse(user.is_other)
        self.assertEqual(user.is_root, os.geteuid() == 0)

    def test_name_and_number(self) -> None:
        """A name or a number is enough; the group is the user's own."""
        for process in (
            ProcessOptions(user="worker"),
            ProcessOptions(uid=12345),
            ProcessOptions(user="worker", uid=12345),
        ):
            user = resolve(process)
            self.assertEqual((user.uid, user.gid), (12345, 54321))
            self.assertFalse(user.is_root)

    def test_other_group(self) -> None:
        """The group may be another one."""
        self.assertEqual(resolve(ProcessOptions(user="worker", gid=7)).gid, 7)

    def test_refusals(self) -> None:
        """An impossible value is refused with the option's name."""
        for process, words in (
            (
                ProcessOptions(user="nobody-here"),
                'process.user: invalid value "nobody-here"',
            ),
            (ProcessOptions(uid=999), "process.gid: not set"),
            (ProcessOptions(gid=7), "process.gid"),
            (ProcessOptions(user="worker", uid=1), "expected 12345"),
        ):
            error = self.assertRaises(UnusableUser, resolve, process)
            self.assertIn(words, error.message)

    def test_may_not_switch(self) -> None:
        """If the server may not switch users, the start is refused with the remedy."""
        error = self.assertRaises(
            UnusableUser, resolve, ProcessOptions(user="worker"), "CAP_SETUID"
        )
        self.assertIn("process.user", error.message)
        self.assertIn("CAP_SETUID", error.message)

    def test_range(self) -> None:
        """A range takes precedence over a user; the group has the same number."""
        user = resolve(ProcessOptions(user="worker", uid_range="1900000000-1900000003"))
        self.assertTrue(user.is_other)
        self.assertEqual((user.uid, user.gid), (1900000000, None))
        self.assertEqual(list(user.uids), list(range(1900000000, 1900000004)))
        self.assertFalse(user.have_accounts)
        group = resolve(ProcessOptions(gid=7, uid_range="1900000000-1900000003"))
        self.assertEqual(group.gid, 7)

    def test_unusable_range(self) -> None:
        """A range is refused without the right to switch, or with numbers in use."""
        process = ProcessOptions(uid_range="1900000000-1900000003")
        error = self.assertRaises(UnusableUser, resolve, process, "CAP_SETUID")
        self.assertIn("process.uid_range: ", error.message)
        self.assertIn("CAP_SETUID", error.message)
        lowest = ProcessOptions(
            uid_range=f"{max(os.geteuid() - 1, 0)}-{os.geteuid() + 1}"
        )
        error = self.assertRaises(UnusableUser, resolve, lowest)
        self.assertIn("the server's own user", error.message)

    def test_lacking(self) -> None:
        """Missing capabilities are named; no process has capability 63."""
        self.assertEqual(
            job_user.lacking({"CAP_ODD": 63, "CAP_ODDER": 62}), "CAP_ODD, CAP_ODDER"
        )
        self.assertEqual(job_user.lacking({}), "")

    def test_own_user(self) -> None:
        """The server's own user is no other one."""
        process = ProcessOptions(uid=os.geteuid(), gid=os.getegid())
        self.assertFalse(resolve(process, "everything").is_other)
