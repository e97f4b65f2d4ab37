"""Repositories of this machine: read as the job's user, and never the server's own."""

import os
from pathlib import Path
from typing import Any
from unittest import skipUnless

from msgspec.structs import replace
from typing_extensions import override

from semaphore_twisted.model.errors import Invalid
from semaphore_twisted.model.repositories import RepositoryRules
from tests.support.execution import JobCase, Ran
from tests.support.gitserver import Repository, git
from tests.support.orders import order

OTHER = 65534


class LocalTests(JobCase):
    """The allowed kinds and locations of local repositories, and their readers."""

    @override
    def setUp(self) -> None:
        """Have a private repository in the server's state, and one to be served."""
        super().setUp()
        self.state = self.folder / "state"
        self.state.mkdir(mode=0o700)
        self.private = Repository(self.state / "repositories" / "private.git")
        self.private.commit({"run.sh": "echo private", "word": "private\n"})
        self.upstream = self.repository()
        self.upstream.commit({"run.sh": "echo served"})
        self.permit()

    def permit(self, *allowed: Path) -> None:
        """Permit folders, or any."""
        rules = RepositoryRules(
            allowed=tuple(map(os.path.realpath, allowed)) or None,
            denied=(os.path.realpath(self.state),),
            demo=str(self.state / "demo"),
        )
        self.options = replace(self.options, rules=rules)

    def refused(self, url: str, why: str) -> None:
        """Run the job of *url*, which must fail for the reason *why*."""
        ran = self.run_job(order(url))
        self.assertEqual(ran.status, "error", ran.log)
        self.assertNotIn("private", ran.lines)
        self.assertIn(why, ran.log)

    def served(self, url: str, **fields: Any) -> Ran:
        """Run the job of *url*, which must succeed."""
        ran = self.run_job(order(url), **fields)
        self.assertEqual(ran.status, "success", ran.log)
        self.assertIn("served", ran.lines)
        return ran

    def test_the_server_s_own(self) -> None:
        """No path into the state directory is served, by no kind of link."""
        private = self.private.folder
        link = self.folder / "link"
        link.symlink_to(private)
        within = self.folder / "within"
        within.symlink_to(self.state)
        tree = self.folder / "tree"
        tree.mkdir()
        (tree / ".git").write_text(f"gitdir: {private}/.git\n")
        linked = self.repository("linked")
        (linked.folder / ".git").rename(self.folder / "kept")
        (linked.folder / ".git").symlink_to(private / ".git")
        for url in (
            *(str(private), f"file://{private}", f"{private}/.git"),
            *(f"{self.state}/../state/repositories/private.git", str(link)),
            *(f"{within}/repositories/private.git", str(tree), str(linked.folder)),
            f"file://{private}".replace("private", "%70rivate"),
        ):
            self.refused(url, "inside a directory of this server")

    def test_borrowed_objects(self) -> None:
        """A repository that borrows or links objects of the state is not served."""
        objects = self.private.folder / ".git" / "objects"
        commit = git("rev-parse", "HEAD", cwd=self.private.folder)
        borrower = self.repository("borrower")
        (borrower.folder / ".git/objects/info/alternates").write_text(f"{objects}\n")
        git("update-ref", "refs/heads/main", commit, cwd=borrower.folder)
        self.refused(str(borrower.folder), "inside a directory of this server")
        linker = self.repository("linker")
        packed = self.private.folder / ".git" / "packed"
        packed.write_text(f"{commit} refs/heads/main\n")
        for name, target in (("objects/ab", objects), ("packed-refs", packed)):
            (linker.folder / ".git" / name).symlink_to(target)
            self.refused(str(linker.folder), "inside a directory of this server")
            (linker.folder / ".git" / name).unlink()

    def test_submodules(self) -> None:
        """The same rules apply to a submodule and its repository."""
        private = self.private.folder
        inner = self.repository("inner")
        for url in (
            str(private),
            f"file://{private}",
            "../state/repositories/private.git",
        ):
            upstream = self.repository(f"with{len(url)}")
            git(
                *("submodule", "--quiet", "add", str(private), "sub"),
                cwd=upstream.folder,
            )
            upstream.commit({"run.sh": "cat sub/word"})
            settings = upstream.folder / ".gitmodules"
            settings.write_text(settings.read_text().replace(str(private), url))
            upstream.commit({})
            self.refused(str(upstream.folder), "inside a directory of this server")
        # What has a slash before its colon is a path for git, here by a link.
        odd = self.repository("odd")
        git("submodule", "--quiet", "add", str(private), "sub", cwd=odd.folder)
        (odd.folder / "d" / "a:b").mkdir(parents=True)
        (odd.folder / "d" / "a:b" / "x").symlink_to(private)
        settings = odd.folder / ".gitmodules"
        settings.write_text(settings.read_text().replace(str(private), "d/a:b/x"))
        odd.commit({"run.sh": "cat sub/word"})
        self.refused(str(odd.folder), "inside a directory of this server")
        inner.commit({"word": "served\n"})
        whole = self.repository("whole")
        git("submodule", "--quiet", "add", "../inner", "in", cwd=whole.folder)
        whole.commit({"run.sh": "cat in/word"})
        self.served(str(whole.folder))
        self.permit(whole.folder)
        self.refused(str(whole.folder), "repositories.local")

    def test_permitted_folders(self) -> None:
        """With a list of folders real paths count, not how they are written."""
        self.permit(self.upstream.folder)
        self.served(str(self.upstream.folder))
        link = self.folder / "link"
        link.symlink_to(self.upstream.folder)
        self.served(f"file://{link}")
        beside = self.repository("up2")
        beside.commit({"run.sh": "echo private"})
        self.refused(str(beside.folder), "repositories.local")
        self.refused(f"{self.upstream.folder}/../up2", "repositories.local")

    def test_off(self) -> None:
        """Without local repositories the demo's is served."""
        demo = Repository(self.state / "demo")
        demo.commit({"run.sh": "echo served"})
        rules = replace(self.options.rules, allowed=())
        self.options = replace(self.options, rules=rules)
        self.served(demo.folder.as_uri())
        with self.assertRaises(Invalid):
            self.run_job(order(str(self.upstream.folder)))

    def test_subfolder(self) -> None:
        """A directory inside of a repository is no repository."""
        (self.upstream.folder / "sub").mkdir()
        ran = self.run_job(order(f"{self.upstream.folder}/sub"))
        self.assertEqual(ran.status, "error")
        self.assertIn("cannot be fetched", ran.log)

    def test_programs_of_a_repository(self) -> None:
        """Programs named in a repository's settings and attributes are not run."""
        folder = self.upstream.folder
        for name in (
            *("core.fsmonitor", "uploadpack.packObjectsHook", "core.sshCommand"),
            *("filter.x.smudge", "filter.x.process", "core.pager"),
            *("remote.origin.uploadpack", "core.alternateRefsCommand"),
        ):
            git("config", name, f"touch {self.folder}/ran; false", cwd=folder)
        git("config", "core.hooksPath", str(folder / "hooks"), cwd=folder)
        for name in ("post-checkout", "reference-transaction", "pre-push"):
            path = folder / "hooks" / name
            path.parent.mkdir(exist_ok=True)
            path.write_text(f"#!/bin/sh\ntouch {self.folder}/ran\n")
            path.chmod(0o755)
        (folder / ".gitattributes").write_text("* filter=x\n")
        git("-c", "core.hooksPath=/dev/null", "rev-parse", "HEAD", cwd=folder)
        self.served(str(folder))
        self.assertFalse((self.folder / "ran").exists())

    @skipUnless(os.geteuid() == 0, "switching users needs root")
    def test_other_user(self) -> None:
        """The job's user reads the repository; one that it cannot read is refused."""
        for folder in (self.folder, self.folder / "workspaces"):
            folder.chmod(0o711)
        self.served(str(self.upstream.folder), uid=OTHER, gid=OTHER)
        self.upstream.folder.chmod(0o700)
        ran = self.run_job(order(str(self.upstream.folder)), uid=OTHER, gid=OTHER)
        self.assertEqual(ran.status, "error")
        self.assertNotIn("served", ran.lines)
        self.assertIn("the jobs' user cannot enter it", ran.log)

    @skipUnless(os.geteuid() == 0, "switching users needs root")
    def test_other_owner(self) -> None:
        """Repository and submodules may have other owners, and be bare or a .git."""
        for folder in (self.folder, self.folder / "workspaces"):
            folder.chmod(0o711)
        inner = self.repository("inner")
        inner.commit({"word": "served\n"})
        whole = self.repository("whole")
        git("submodule", "--quiet", "add", "../inner", "in", cwd=whole.folder)
        whole.commit({"run.sh": "cat in/word"})
        os.chown(inner.folder / ".git", 1, 1)
        self.served(str(whole.folder), uid=OTHER, gid=OTHER)
        bare = self.folder / "bare.git"
        git(
            *("clone", "--quiet", "--bare", str(self.upstream.folder), str(bare)),
            cwd=self.folder,
        )
        for url in (str(bare), f"file://{self.upstream.folder}/.git"):
            self.served(url, uid=OTHER, gid=OTHER)
