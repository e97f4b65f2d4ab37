"""The options of repositories."""

from twisted.trial.unittest import SynchronousTestCase

from semaphore_twisted.config.values import WrongOption
from tests.test_config_listener_options import settings


class RepositoriesTests(SynchronousTestCase):
    """``repositories.local`` and ``repositories.insecure_http``."""

    def test_places(self) -> None:
        """The default permits any directory, "off" none, a list or a text some."""
        self.assertIsNone(settings().config.repositories.folders)
        for given, folders in (
            ("any", None),
            (["any"], None),
            ("off", ()),
            ("/srv/git", ("/srv/git",)),
            (["/srv/git", "/opt/x y"], ("/srv/git", "/opt/x y")),
            ("/a, /b", ("/a", "/b")),
        ):
            config = settings(repositories={"local": given}).config
            self.assertEqual(config.repositories.folders, folders)
        self.assertFalse(settings().config.repositories.insecure_http)

    def test_refused(self) -> None:
        """A relative path, an unknown word and a mixture are refused by name."""
        for found in ("srv/git", "none", ["off", "/srv"], ["/srv", "any"], ["/a\nb"]):
            error = self.assertRaises(
                WrongOption, settings, repositories={"local": found}
            )
            self.assertIn("repositories.local", str(error))
            self.assertIn("absolute paths", str(error))
