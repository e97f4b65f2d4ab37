"""The server's copy of a repository is a cache: damage is repaired, not reported."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from msgspec.structs import replace

from tests.support.execution import JobCase, Ran
from tests.support.gitserver import GitServer, Repository, git
from tests.support.orders import order, task

REPAIRED = "it is made again"


class MirrorTests(JobCase):
    """A damaged mirror is recreated once, then the task continues."""

    def serve(self) -> Repository:
        """Return a repository that is served by https."""
        self.server = self.enter(GitServer())
        self.options = replace(self.options, ca_bundle=str(self.server.ca_bundle))
        return self.server.repository("x.git")

    def fetch(self, branch: str = "main") -> Ran:
        """Run a job of the repository."""
        return self.run_job(order(self.server.url("x.git"), branch=branch))

    @property
    def mirror(self) -> Path:
        """The folder of the mirror."""
        (found,) = (self.folder / "repositories").glob("*.git")
        return found

    def test_damage(self) -> None:
        """Emptied and cut files of each kind cost no task."""
        upstream = self.serve()
        first = upstream.commit({"run.sh": "echo there", "data": "x" * 5000})
        self.assertEqual(self.fetch().status, "success")

        def emptied(pattern: str) -> Callable[[], None]:
            def damage() -> None:
                for path in self.mirror.glob(pattern):
                    path.chmod(0o600)
                    path.write_bytes(b"")

            return damage

        def cut() -> None:
            for path in self.mirror.glob("objects/pack/*.pack"):
                path.chmod(0o600)
                path.write_bytes(path.read_bytes()[:60])

        def packed() -> None:
            git("pack-refs", "--all", cwd=self.mirror)
            (self.mirror / "packed-refs").write_bytes(b"\0 broken\n")

        def absent() -> None:
            for path in self.mirror.glob("objects/pack/*"):
                path.unlink()

        branches, repaired = (first, "main", ""), 0
        for damage in (
            *map(emptied, ("HEAD", "config", "refs/heads/*", "objects/pack/*.pack")),
            *(emptied("objects/pack/*.idx"), cut, packed, absent),
        ):
            branch = branches[0]
            branches = (*branches[1:], branch)
            damage()
            ran = self.fetch(branch)
            self.assertEqual(ran.status, "success", ran.log)
            self.assertIn("there", ran.lines)
            repaired += REPAIRED in ran.log
        # Git copes with some of it by itself.
        self.assertGreaterEqual(repaired, 5)
        self.assertNotIn(REPAIRED, self.fetch().log)
        names = [path.name for path in (self.folder / "repositories").iterdir()]
        self.assertEqual(len(names), 2, names)

    def test_new_commit_with_damage(self) -> None:
        """With a damaged mirror a task still has the newest commit."""
        upstream = self.serve()
        upstream.commit({"run.sh": "echo old"})
        self.fetch()
        upstream.commit({"run.sh": "echo new"})
        (self.mirror / "HEAD").write_bytes(b"")
        ran = self.fetch()
        self.assertIn("new", ran.lines, ran.log)
        self.assertIn(REPAIRED, ran.log)

    def test_remote_is_gone(self) -> None:
        """A remote that cannot be reached is the cause that is named; no copy goes."""
        upstream = self.serve()
        upstream.commit({"run.sh": "echo there"})
        self.fetch()
        upstream.folder.rename(upstream.folder.with_name("away"))
        ran = self.fetch()
        self.assertEqual(ran.status, "error")
        self.assertNotIn(REPAIRED, ran.log)
        self.assertTrue((self.mirror / "HEAD").exists())
        upstream.folder.with_name("away").rename(upstream.folder)
        self.assertEqual(self.fetch().status, "success")

    def test_exact_commit(self) -> None:
        """Each run has the newest commit, and reports it."""
        upstream = self.serve()
        for number in ("one", "two"):
            commit = upstream.commit({"run.sh": f"echo content {number}"}, number)
            ran = self.run_job(order(self.server.url("x.git")))
            self.assertEqual(ran.status, "success", ran.log)
            self.assertIn(f"content {number}", ran.lines)
            self.assertEqual(
                ran.facts, {"commit_hash": commit, "commit_message": number}
            )

    def test_moved_tag(self) -> None:
        """A tag that was moved to another commit is followed."""
        upstream = self.serve()
        for number in ("one", "two"):
            upstream.commit({"run.sh": f"echo content {number}"})
            git("tag", "--force", "v1", cwd=upstream.folder)
            ran = self.run_job(order(self.server.url("x.git"), branch="v1"))
            self.assertIn(f"content {number}", ran.lines)

    def test_rewritten_branch(self) -> None:
        """A branch whose history was rewritten is followed."""
        upstream = self.serve()
        upstream.commit({"run.sh": "echo old"})
        self.run_job(order(self.server.url("x.git"), branch="main"))
        git("checkout", "--quiet", "--orphan", "other", cwd=upstream.folder)
        upstream.commit({"run.sh": "echo new"})
        git("branch", "--force", "main", "other", cwd=upstream.folder)
        ran = self.run_job(order(self.server.url("x.git"), branch="main"))
        self.assertIn("new", ran.lines)

    def test_parallel_jobs(self) -> None:
        """Jobs of one repository at the same time each have their own branch."""
        upstream = self.serve()
        upstream.commit({"run.sh": "sleep 0.3; cat data", "data": "main\n"})
        for name in ("a", "b"):
            git("checkout", "--quiet", "-b", name, "main", cwd=upstream.folder)
            upstream.commit({"data": f"of {name}\n"})

        def one(number: int) -> tuple[str, Ran]:
            branch = "ab"[number % 2]
            made = order(self.server.url("x.git"), branch=branch)
            return branch, self.run_job(
                replace(made, task=task(id=number), job_name=f"task_{number}")
            )

        with ThreadPoolExecutor(4) as pool:
            for branch, ran in pool.map(one, range(12)):
                self.assertEqual(ran.status, "success", ran.log)
                self.assertIn(f"of {branch}", ran.lines)

    def test_stale_lock(self) -> None:
        """Lock files of a git that was killed do not block the next job."""
        upstream = self.serve()
        upstream.commit({"run.sh": "echo there"})
        self.fetch()
        upstream.commit({"run.sh": "echo again"})
        for name in ("refs/heads/main.lock", "packed-refs.lock", "config.lock"):
            (self.mirror / name).touch()
        ran = self.fetch()
        self.assertIn("again", ran.lines)
        self.assertNotIn(REPAIRED, ran.log)

    def test_leftovers(self) -> None:
        """The remains of a killed repair are removed."""
        upstream = self.serve()
        upstream.commit({"run.sh": "echo there"})
        self.fetch()
        for end in ("new", "old"):
            folder = self.mirror.with_name(f"{self.mirror.name}.{end}")
            (folder / "objects").mkdir(parents=True)
        mirror = self.mirror
        mirror.rename(mirror.with_name(f"{mirror.name}.old") / "moved")
        ran = self.fetch()
        self.assertIn("there", ran.lines, ran.log)
        self.assertTrue(self.mirror.is_dir())
        self.assertEqual(len(list((self.folder / "repositories").iterdir())), 2)
