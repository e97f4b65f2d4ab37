"""Records and results."""

import msgspec
from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from semaphore_twisted.jobs import spool
from semaphore_twisted.model.jobs import JobResult

RECORDS = st.lists(
    st.tuples(st.integers(1, 4), st.floats(allow_nan=False), st.binary(max_size=50)),
    max_size=5,
)


def encoded(records: list[tuple[int, float, bytes]]) -> bytes:
    """Return *records* as a file."""
    return b"".join(spool.encode(*record) for record in records)


class RecordTests(SynchronousTestCase):
    """Tests of :func:`spool.decode`."""

    @given(RECORDS, st.integers(0, 1000))
    def test_round(self, records: list[tuple[int, float, bytes]], start: int) -> None:
        """Written records are read back; each has its end offset."""
        data = encoded(records)
        found, taken = spool.decode(data, start)
        self.assertEqual([(r.kind, r.time, r.body) for r in found], records)
        self.assertEqual(taken, len(data))
        if found:
            self.assertEqual(found[-1].end, start + len(data))

    @given(RECORDS, st.integers(0, 300))
    def test_torn(self, records: list[tuple[int, float, bytes]], cut: int) -> None:
        """An incomplete tail is left out, and no complete record is lost."""
        data = encoded(records)[:cut]
        found, taken = spool.decode(data)
        whole = 0
        while whole < len(records) and len(encoded(records[: whole + 1])) <= len(data):
            whole += 1
        self.assertEqual(len(found), whole)
        self.assertEqual(taken, len(encoded(records[:whole])))

    @given(RECORDS.filter(bool), st.data())
    def test_damage(
        self, records: list[tuple[int, float, bytes]], data: st.DataObject
    ) -> None:
        """A changed byte ends the reading at its record; nothing wrong is given."""
        file = bytearray(encoded(records))
        place = data.draw(st.integers(0, len(file) - 1))
        file[place] ^= data.draw(st.integers(1, 255))
        found, _ = spool.decode(bytes(file))
        self.assertLess(len(found), len(records))
        self.assertEqual(
            [(r.kind, r.time, r.body) for r in found], records[: len(found)]
        )


class ResultTests(SynchronousTestCase):
    """:func:`spool.result` and the bodies of records."""

    def test_result(self) -> None:
        """A result is read."""
        result = JobResult(status="error", reason="why", started=1.0, ended=2.0)
        self.assertEqual(spool.result(msgspec.json.encode(result)), result)

    def test_no_result(self) -> None:
        """An invalid result is refused."""
        for data in (b"", b"{}", b'{"status": "odd", "started": 1, "ended": 2}'):
            with self.assertRaises(ValueError):
                spool.result(data)

    def test_bodies(self) -> None:
        """Facts and steps are read."""
        self.assertEqual(spool.fact(b'{"name": "a", "value": "b"}'), ("a", "b"))
        self.assertEqual(spool.step(b'{"name": "clone"}'), "clone")
