"""The meaning of a branch, a tag or a hash, for any names of references."""

from pathlib import Path

from msgspec.structs import replace

from semaphore_twisted.jobs.job_inputs import JobOrder
from tests.support.execution import JobCase, Ran
from tests.support.gitserver import GitServer, Repository, git
from tests.support.orders import order


class ReferenceTests(JobCase):
    """Each name has one meaning, by way of a mirror and without one."""

    def serve(self, name: str = "x.git") -> Repository:
        """Return a repository that :meth:`fetch` takes by https and by its path."""
        self.server = self.enter(GitServer())
        self.options = replace(self.options, ca_bundle=str(self.server.ca_bundle))
        return self.server.repository(name)

    def orders(self, upstream: Repository, branch: str) -> list[JobOrder]:
        """Return the orders of *branch*, by https and by path."""
        name = upstream.folder.name
        return [
            order(self.server.url(name), branch=branch),
            order(str(upstream.folder), branch=branch),
        ]

    def fetch(self, upstream: Repository, branch: str) -> Ran:
        """Run the jobs of *branch*, which must end alike; return the last one."""
        first, second = map(self.run_job, self.orders(upstream, branch))
        self.assertEqual(first.facts, second.facts, first.log + second.log)
        self.assertEqual(first.status, second.status)
        return second

    def refer(self, upstream: Repository, name: str, commit: str) -> None:
        """Point the reference *name* at *commit*, also where git would refuse it."""
        path = upstream.folder / ".git" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"{commit}\n")

    def test_branch_called_like_a_commit(self) -> None:
        """A branch or tag with the digits of a pinned commit is not run."""
        upstream = self.serve()
        pinned = upstream.commit({"run.sh": "echo pinned"})
        other = upstream.commit({"run.sh": "echo other"})
        for kind in ("heads", "tags"):
            self.refer(upstream, f"refs/{kind}/{pinned}", other)
        for asked in (pinned, pinned.upper()):
            ran = self.fetch(upstream, asked)
            self.assertIn("pinned", ran.lines, ran.log)
            self.assertEqual(ran.facts["commit_hash"], pinned)

    def test_branches_called_like_other_references(self) -> None:
        """The default branch is the remote's HEAD, despite similar names."""
        upstream = self.serve()
        main = upstream.commit({"run.sh": "echo main"})
        git("checkout", "--quiet", "--detach", cwd=upstream.folder)
        other = upstream.commit({"run.sh": "echo other"})
        git("checkout", "--quiet", "main", cwd=upstream.folder)
        for name in ("refs/semaphore/head", "HEAD", "FETCH_HEAD", "origin/main"):
            for kind in ("heads", "tags"):
                self.refer(upstream, f"refs/{kind}/{name}", other)
        self.refer(upstream, "refs/tags/main", other)
        self.refer(upstream, "refs/heads/refs/heads/main", other)
        for asked in ("", "main", "refs/heads/main"):
            ran = self.fetch(upstream, asked)
            self.assertEqual(ran.facts.get("commit_hash"), main, ran.log)
        for asked in ("HEAD", "origin/main", "refs/semaphore/head", "refs/tags/main"):
            ran = self.fetch(upstream, asked)
            self.assertEqual(ran.facts.get("commit_hash"), other, ran.log)

    def test_names_that_are_nothing_here(self) -> None:
        """Names that git resolves in its own way are branches, which do not exist."""
        upstream = self.serve()
        upstream.commit({"run.sh": "echo main"})
        git("tag", "v1", cwd=upstream.folder)
        for asked in ("HEAD", "origin/main", "heads/main", "tags/v1", "v1-0-gabcdef"):
            ran = self.fetch(upstream, asked)
            self.assertEqual(ran.status, "error")
            self.assertIn(f'branch, tag or commit "{asked}" was not found', ran.log)

    def test_tag_object_as_commit(self) -> None:
        """The hash of an annotated tag is its commit, which is what the task shows."""
        upstream = self.serve()
        commit = upstream.commit({"run.sh": "echo tagged"})
        git("tag", "--annotate", "-m", "x", "v1", cwd=upstream.folder)
        upstream.commit({"run.sh": "echo later"})
        for asked in ("v1", git("rev-parse", "v1", cwd=upstream.folder)):
            ran = self.fetch(upstream, asked)
            self.assertEqual(ran.facts.get("commit_hash"), commit, ran.log)

    def test_hash_of_nothing(self) -> None:
        """A hash that no commit has, and one of a file, end with a sentence."""
        upstream = self.serve()
        upstream.commit({"run.sh": "echo there"})
        blob = git("rev-parse", "HEAD:run.sh", cwd=upstream.folder)
        for asked in ("0" * 40, "1" * 64, blob):
            ran = self.fetch(upstream, asked)
            self.assertEqual(ran.status, "error")
            self.assertIn(f'commit "{asked}" was not found', ran.log)

    def test_sha256(self) -> None:
        """A repository with hashes of 64 digits is served, also after one with 40."""
        upstream = self.serve("long.git")
        upstream.commit({"run.sh": "echo short"})
        self.assertIn("short", self.fetch(upstream, "").lines)
        for path in sorted((upstream.folder / ".git").rglob("*"), reverse=True):
            path.rmdir() if path.is_dir() else path.unlink()
        git(
            *("init", "--quiet", "--object-format=sha256", "--initial-branch=main"),
            cwd=upstream.folder,
        )
        commit = upstream.commit({"run.sh": "echo long"})
        upstream.commit({"run.sh": "echo later"})
        self.assertEqual(len(commit), 64)
        for asked, said in (("", "later"), ("main", "later"), (commit, "long")):
            ran = self.fetch(upstream, asked)
            self.assertIn(said, ran.lines, ran.log)

    def test_odd_heads(self) -> None:
        """A detached HEAD is used; one without a target is an error."""
        upstream = self.serve()
        first = upstream.commit({"run.sh": "echo first"})
        upstream.commit({"run.sh": "echo second"})
        git("checkout", "--quiet", "--detach", first, cwd=upstream.folder)
        self.assertEqual(self.fetch(upstream, "").facts["commit_hash"], first)
        git("update-ref", "refs/odd/place", first, cwd=upstream.folder)
        head = upstream.folder / ".git" / "HEAD"
        head.write_text("ref: refs/odd/place\n")
        self.assertEqual(self.fetch(upstream, "").facts["commit_hash"], first)
        head.write_text("ref: refs/heads/gone\n")
        self.assertIn("no default branch", self.fetch(upstream, "").log)
        self.assertEqual(self.fetch(upstream, "main").status, "success")

    def test_pointers_of_lfs(self) -> None:
        """Files whose content is in Git LFS are counted in the log."""
        upstream = self.serve()
        pointer = "version https://git-lfs.github.com/spec/v1\noid sha256:1\nsize 1\n"
        files = {"run.sh": "echo there", "a/x.bin": pointer, "a/y.bin": pointer}
        upstream.commit(files)
        said = "only pointers of Git LFS, whose content is not fetched: 2"
        self.assertNotIn("LFS", self.fetch(upstream, "").log)
        upstream.commit({"a/.gitattributes": "*.bin filter=lfs -text\n"})
        for made in self.orders(upstream, ""):
            ran = self.run_job(made)
            self.assertIn(said, ran.log)
            self.assertIn("there", ran.lines)

    def test_empty_and_shallow(self) -> None:
        """An empty repository is called empty, and a shallow one is fetched."""
        upstream = self.serve()
        self.assertIn("The repository is empty", self.fetch(upstream, "").log)
        self.assertEqual(self.fetch(upstream, "main").status, "error")
        upstream.commit({"run.sh": "echo first"})
        upstream.commit({"run.sh": "echo second"})
        self.assertIn("second", self.fetch(upstream, "main").lines)
        shallow = self.server.root / "shallow.git"
        git(
            *("clone", "--quiet", "--depth=1"),
            *(f"file://{upstream.folder}", str(shallow)),
            cwd=self.server.root,
        )
        for branch in ("", "main"):
            ran = self.fetch(_at(shallow), branch)
            self.assertIn("second", ran.lines, ran.log)


def _at(folder: Path) -> Repository:
    found = Repository.__new__(Repository)
    found.folder = folder
    return found
