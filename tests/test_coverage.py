"""The table of Semaphore's routes, and how many of them are served."""

from twisted.trial.unittest import SynchronousTestCase

from tools import coverage

#: Pairs that are served at least; a change that serves more raises it.
SERVED = 160


class CoverageTests(SynchronousTestCase):
    """Each pair is served, or its absence has a reason."""

    def test_counts(self) -> None:
        """All 250 pairs are in the table, once each, and enough of them are served."""
        pairs = coverage.pairs()
        self.assertEqual(len(pairs), 250)
        self.assertEqual(len({(each.method, each.path) for each in pairs}), 250)
        served = sum(bool(each.module) for each in pairs)
        self.assertGreaterEqual(served, SERVED)

    def test_reasons(self) -> None:
        """A pair that is not served comes later, or never."""
        for each in coverage.pairs():
            self.assertRegex(each.state, "^(`[a-z_.]+`|later.*|never: .+)$", each.path)

    def test_names_do_not_matter(self) -> None:
        """A pair is found whatever its parameters are called in the table."""
        state = {(each.method, each.path): each.state for each in coverage.pairs()}
        self.assertEqual(state["DELETE", "/user/tokens/{token_id}"], "`web.api.tokens`")
        self.assertEqual(state["GET", "/ws"], "`web.websocket.endpoint`")
        self.assertEqual(state["GET", "/subscription"], "never: no feature is sold")
