"""Programs that jobs need."""

from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

from semaphore_twisted.start import programs


class ProgramsTests(SynchronousTestCase):
    """The search for programs, and the messages about missing ones."""

    def test_search_path(self) -> None:
        """It is the server's PATH; relative folders are left out, usual ones added."""
        folders = programs.search_path("/opt/bin:relative::/usr/bin").split(":")
        self.assertEqual(folders, ["/opt/bin", "/usr/bin", "/usr/local/bin", "/bin"])
        self.assertIn("/usr/bin", programs.search_path(None))

    def test_own_folder(self) -> None:
        """Jobs do not get the server's virtual environment, by any name of it."""
        own = Path(self.mktemp()).absolute()
        own.mkdir()
        link = own.with_name("link")
        link.symlink_to(own)
        path = programs.search_path(f"{own}:/opt/bin:{link}:{own}/", own)
        self.assertEqual(path, "/opt/bin:/usr/local/bin:/usr/bin:/bin")

    def test_brought_along(self) -> None:
        """Ansible's programs are taken from there, unless the PATH has them."""
        own = Path(self.mktemp()).absolute()
        own.mkdir()
        for name in ("ansible", "ansible-playbook", "python3", "ansible.txt"):
            (own / name).touch(0o644 if name == "ansible.txt" else 0o755)
        found = programs.brought_along("/nowhere", own)
        self.assertEqual(found, (f"{own}/ansible", f"{own}/ansible-playbook"))
        self.assertEqual(programs.brought_along(str(own), own), ())
        self.assertEqual(programs.brought_along("/nowhere", None), ())
        said = programs.missing("/bin", lambda name, path: None, found)
        self.assertNotIn("ansible-playbook", " ".join(said))

    def test_missing(self) -> None:
        """Each missing program is named with its purpose and its command."""

        def which(name: str, path: str) -> str | None:
            return None if name in {"git", "sshpass"} else f"{path}/{name}"

        sentences = programs.missing("/bin", which)
        self.assertEqual(len(sentences), 2)
        self.assertIn("git is missing", sentences[0])
        self.assertIn("apt install git", sentences[0])
        self.assertIn("only needed for hosts that want a password", sentences[1])

    def test_complete(self) -> None:
        """If no program is missing, nothing is logged."""
        self.assertEqual(programs.missing("/bin", lambda name, path: name + path), ())
