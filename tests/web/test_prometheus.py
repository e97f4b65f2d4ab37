"""Tests of Prometheus' text."""

from twisted.trial.unittest import SynchronousTestCase

from semaphore_twisted.web.http.prometheus import Metric, exposition


class ExpositionTests(SynchronousTestCase):
    """Figures are written as Prometheus reads them."""

    def test_text(self) -> None:
        """Each figure has its help, its type and a line for each value."""
        figures = [
            Metric("a", "gauge", "What a is.", [({}, 2)]),
            Metric("b", "counter", "B.", [({"x": "1"}, 3), ({"x": "2"}, 0.5)]),
        ]
        self.assertEqual(
            exposition(figures),
            "# HELP a What a is.\n# TYPE a gauge\na 2\n"
            '# HELP b B.\n# TYPE b counter\nb{x="1"} 3\nb{x="2"} 0.5\n',
        )

    def test_escapes(self) -> None:
        """Quotes, backslashes and ends of line in labels are escaped."""
        text = exposition([Metric("a", "gauge", "A.", [({"x": 'q"\\\n'}, 1)])])
        self.assertIn('a{x="q\\"\\\\\\n"} 1', text)
