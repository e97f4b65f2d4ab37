"""``semaphore project``, on an installation in a folder."""

import io
import json
import os
from base64 import b64encode
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

from semaphore_twisted.cli.main import main
from semaphore_twisted.persistence.engine import Connection, connect, utc_now
from tests.support.memory import make_project, make_user
from tests.support.store import migrated

#: The file of a small project.
SMALL = {
    "meta": {"name": "Small"},
    "keys": [{"name": "Deploy", "type": "ssh"}],
    "repositories": [
        {
            "name": "Files",
            "git_url": "https://git.example/files.git",
            "git_branch": "main",
            "ssh_key": "Deploy",
        }
    ],
}


class ProjectTests(SynchronousTestCase):
    """Export and import, as they are typed."""

    def setUp(self) -> None:
        """Make an installation with an administrator, a user and a project."""
        self.state = Path(self.mktemp()).absolute()
        self.state.mkdir(mode=0o700)
        config = {"access_key_encryption": b64encode(bytes(32)).decode()}
        (self.state / "config.json").write_text(json.dumps(config))
        migrated(self.state / "semaphore.db")
        self.conn = self.connect()
        root = make_user(self.conn, "root", admin=True)
        make_user(self.conn, "bob")
        self.project = make_project(self.conn, root, name="Site")
        umask = os.umask(0o077)
        self.addCleanup(os.umask, umask)

    def connect(self) -> Connection:
        """Open the store, as a server that runs at the same time."""
        conn = connect(self.state / "semaphore.db", now=utc_now, entropy=os.urandom)
        self.addCleanup(conn.close)
        return conn

    def run_command(self, *words: str) -> tuple[int, str, str]:
        """Run a command; return exit code, output and errors."""
        out, err = io.StringIO(), io.StringIO()
        with redirect_stdout(out), redirect_stderr(err):
            try:
                code = main(["project", *words, "--state", str(self.state)])
            except SystemExit as error:
                code = int(error.code or 0)
        return code, out.getvalue(), err.getvalue()

    def refused(self, *words: str, said: str) -> None:
        """Check that a command fails with one line that contains *said*."""
        projects = self.projects()
        code, out, err = self.run_command(*words)
        self.assertNotEqual(code, 0)
        self.assertEqual((out, err.count("\n")), ("", 1), err)
        self.assertIn(said, err)
        self.assertEqual(self.projects(), projects)

    def projects(self) -> list[str]:
        """Return the names of all projects."""
        rows = self.conn.raw.execute("SELECT name FROM project ORDER BY name")
        return [name for (name,) in rows]

    def file(self, name: str, content: object) -> Path:
        """Write a file in the directory of files."""
        folder = self.state / "files"
        folder.mkdir(exist_ok=True)
        path = folder / name
        path.write_text(content if isinstance(content, str) else json.dumps(content))
        return path

    def test_round_trip(self) -> None:
        """An exported project is imported under another name, owned by a user."""
        target = self.state / "site.json"
        code, out, _ = self.run_command(
            "export", "--project-name", "Site", "--file", str(target)
        )
        self.assertEqual(code, 0)
        self.assertIn('project "Site"', out)
        self.assertEqual(target.stat().st_mode & 0o777, 0o600)
        code, out, err = self.run_command(
            *("import", "--file", str(target), "--project-name", "Copy"),
            *("--owner", "bob"),
        )
        self.assertEqual((code, err), (0, ""))
        self.assertIn("The owner is bob", out)
        self.assertEqual(self.projects(), ["Copy", "Site"])
        (_, first, _), (_, second, _) = (
            self.run_command("export", "--project-name", name)
            for name in ("Site", "Copy")
        )
        self.assertEqual(first.replace('"Site"', '"Copy"'), second)

    def test_workspaces(self) -> None:
        """An import says that workspaces begin without a state, if there are some."""
        inventory = {"name": "Live", "type": "terraform-workspace", "inventory": "x"}
        for inventories, said in (([], False), ([inventory], True)):
            path = self.file("small.json", {**SMALL, "inventories": inventories})
            code, out, err = self.run_command("import", "--file", str(path))
            self.assertEqual(code, 0, err)
            self.assertEqual("no state yet" in out, said, out)

    def test_directory(self) -> None:
        """Each file of a directory with a known ending becomes a project."""
        self.file("a.json", SMALL)
        self.file("b.backup", {**SMALL, "meta": {"name": "Second"}})
        self.file("c.txt", "no backup")
        code, out, _ = self.run_command("import", "--dir", str(self.state / "files"))
        self.assertEqual((code, out.count("id ")), (0, 2), out)
        self.assertEqual(self.projects(), ["Second", "Site", "Small"])

    def test_all_or_nothing(self) -> None:
        """One file that cannot be used leaves no project of another file."""
        self.file("a.json", SMALL)
        path = self.file("b.json", {**SMALL, "keys": [{"name": "Deploy", "type": "x"}]})
        self.refused("import", "--dir", str(path.parent), said="b.json: keys")

    def test_files(self) -> None:
        """A file that is no backup is refused by its name."""
        for content, said in (
            ("[", "JSON"),
            ("[]", "object"),
            ('{"meta": {"name": "\udcff"}}', "JSON"),
            ("", "empty"),
        ):
            path = self.state / "bad.json"
            path.write_bytes(content.encode("utf-8", "surrogateescape"))
            self.refused("import", "--file", str(path), said=said)
        self.refused("import", "--file", str(self.state / "none"), said="No such file")
        self.refused("import", "--file", str(self.state), said="Is a directory")
        self.refused("import", "--dir", str(self.state / "none"), said="No such file")
        self.refused(
            "import", "--dir", str(self.file("x.txt", "").parent), said="--dir"
        )

    def test_arguments(self) -> None:
        """Unknown projects and owners, and an existing file, are refused."""
        path = str(self.file("a.json", SMALL))
        self.refused("export", "--project-id", "99", said="--project-id")
        self.refused("export", "--project-name", "None", said="--project-name")
        self.refused("export", "--project-name", "Site", "--file", path, said="--force")
        self.refused("import", "--file", path, "--owner", "eve", said="--owner")
        self.refused(
            *("import", "--dir", str(self.state), "--project-name", "X"),
            said="--project-name",
        )
        root = self.conn.raw.execute("SELECT count(*) FROM project").fetchone()
        self.assertEqual(root, (1,))

    def test_odd_targets(self) -> None:
        """--force does not replace the database, a link, a pipe or a folder."""
        folder = Path(self.mktemp()).absolute()
        folder.mkdir()
        (folder / "link").symlink_to(folder / "nothing")
        os.mkfifo(folder / "fifo")
        database = self.state / "semaphore.db"
        before = database.read_bytes()
        for target, said in (
            (database, "belongs to the database"),
            (folder / "link", "symbolic link"),
            (folder / "fifo", "not a regular file"),
            (folder, "not a regular file"),
            (folder / "no" / "file", f"{folder}/no/file: No such file"),
        ):
            options = ("--project-name", "Site", "--file", str(target), "--force")
            self.refused("export", *options, said=said)
        self.assertEqual(database.read_bytes(), before)
        self.assertEqual({each.name for each in folder.iterdir()}, {"fifo", "link"})

    def test_same_name(self) -> None:
        """A name of two projects is ambiguous; the id is not."""
        self.run_command("import", "--file", str(self.file("a.json", SMALL)))
        self.run_command("import", "--file", str(self.file("a.json", SMALL)))
        self.refused("export", "--project-name", "Small", said="--project-id, one of")
        code, _, _ = self.run_command("export", "--project-id", str(self.project.id))
        self.assertEqual(code, 0)
