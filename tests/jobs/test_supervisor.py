"""The supervisor's own parts, without processes."""

import ast
import os
import resource
import sys
import tempfile
from itertools import pairwise
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import msgspec
from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from semaphore_twisted.jobs import spool, supervision, supervisor
from semaphore_twisted.jobs.disk import punch
from semaphore_twisted.jobs.supervision import folder, tree
from semaphore_twisted.jobs.supervision.approval import Approval
from semaphore_twisted.jobs.supervision.journal import Journal
from semaphore_twisted.jobs.supervision.masker import (
    LONGEST_LINE,
    MaskedStream,
    Masker,
)
from semaphore_twisted.jobs.supervision.specification import (
    ReadStep,
    Specification,
    expand,
    load,
)
from semaphore_twisted.jobs.supervision.text import whole_characters
from semaphore_twisted.model import jobs as steps

FULL = steps.Step(
    name="app",
    argv=("a", "é"),
    cwd="/c",
    environ={"A": "b"},
    announce=("line",),
    stdin=b"\xff\0",
    pipes=(steps.Pipe(name="p", content=b"\xfe"),),
    requires="r",
    absent=("absent",),
    exits={"2": "success"},
    background=True,
    ready="ready",
    capture=("fact",),
    quiet=True,
    lock="/lock",
    as_user=False,
    time_limit=1.5,
    failure="failure",
)


class IsolationTests(SynchronousTestCase):
    """The permitted imports of the supervisor."""

    def test_standard_library_only(self) -> None:
        """Nothing but the standard library and its own parts is imported, and early."""
        own = "semaphore_twisted.jobs.supervision"
        files = [Path(str(supervisor.__file__))]
        files += Path(str(supervision.__file__)).parent.glob("*.py")
        for path in files:
            parsed = ast.parse(path.read_text())
            for node in ast.walk(parsed):
                names = []
                if isinstance(node, ast.Import):
                    names = [alias.name for alias in node.names]
                elif isinstance(node, ast.ImportFrom):
                    names = [node.module or ""]
                for name in names:
                    if not name.startswith(own):
                        top = name.split(".")[0]
                        self.assertIn(top, sys.stdlib_module_names, path)


class SpecificationTests(SynchronousTestCase):
    """The supervisor and ``model.jobs`` agree."""

    def test_step(self) -> None:
        """Every field of a step arrives."""
        self._compare(FULL)

    def test_defaults(self) -> None:
        """Missing fields of a step have the same defaults."""
        bare = steps.Step(name="a", argv=("b",))
        self._compare(bare)
        given = ReadStep({"name": "a", "argv": ["b"]})
        for name in steps.Step.__struct_fields__:
            if name not in {"pipes"}:
                self.assertEqual(
                    _plain(getattr(given, name)), _plain(getattr(bare, name)), name
                )

    def _compare(self, step: steps.Step) -> None:
        made = steps.JobSpecification(
            mark="m",
            spool="/s",
            workspace="/w",
            steps=(step,),
            files=(steps.File(path="a/b", content=b"\xff", executable=True),),
            masks=(b"\xff\n",),
            time_limit=3,
            grace=4,
            max_output_bytes=5,
            disk_reserve=8,
            uid=6,
            gid=7,
            finally_steps=(step,),
        )
        found = load(msgspec.json.encode(made))
        for name in steps.JobSpecification.__struct_fields__:
            if name not in {"steps", "finally_steps", "files"}:
                self.assertEqual(
                    _plain(getattr(found, name)), _plain(getattr(made, name)), name
                )
        self.assertEqual(found.files, [("a/b", b"\xff", True)])
        for decoded in (found.steps[0], found.finally_steps[0]):
            self.assertEqual(
                decoded.pipes, {pipe.name: pipe.content for pipe in step.pipes}
            )
            for name in steps.Step.__struct_fields__:
                if name != "pipes":
                    self.assertEqual(
                        _plain(getattr(decoded, name)),
                        _plain(getattr(step, name)),
                        name,
                    )

    def test_defaults_of_a_job(self) -> None:
        """Missing fields of a job have the same defaults."""
        made = steps.JobSpecification(mark="m", spool="/s", workspace="/w", steps=())
        found = Specification(
            {"mark": "m", "spool": "/s", "workspace": "/w", "steps": []}
        )
        for name in steps.JobSpecification.__struct_fields__:
            self.assertEqual(
                _plain(getattr(found, name)), _plain(getattr(made, name)), name
            )

    def test_expand(self) -> None:
        """Places are filled in one pass; unknown ones stay."""
        text = "{workspace}/x {pipe:a} {pipe:b} {other}"
        self.assertEqual(
            expand(text, "/{pipe:a}", {"a": 7}),
            "/{pipe:a}/x /dev/fd/7 {pipe:b} {other}",
        )


def _plain(value: object) -> object:
    """Return tuples as lists."""
    return list(value) if isinstance(value, tuple) else value


class TextTests(SynchronousTestCase):
    """Tests of :func:`whole_characters`."""

    @given(st.text(), st.integers(0, 3))
    def test_text(self, text: str, back: int) -> None:
        """Text is cut between two characters, at most three bytes before."""
        data = text.encode(errors="replace")
        cut = data[: len(data) - back]
        end = whole_characters(cut)
        cut[:end].decode()
        self.assertLessEqual(len(cut) - end, 3)

    @given(st.binary())
    def test_bytes(self, data: bytes) -> None:
        """For any bytes, at most three are left for later."""
        self.assertLessEqual(len(data) - whole_characters(data), 3)


SECRETS = [b"secret", b"secretary", b"one line\nand another\nand a third", b"xyxyz"]


class MaskerTests(SynchronousTestCase):
    """Tests of :class:`MaskedStream`."""

    @given(
        st.lists(
            st.one_of(
                st.sampled_from([*SECRETS, b"\n", b"sec", b"one line\n", b"xy", b"a"]),
                st.sampled_from([b"\x1b[31m", b"\x1b[0m", b"\x1b]8;;x\x07", b"ret"]),
                st.binary(max_size=4),
            )
        ),
        st.lists(st.integers(0, 1000)),
    )
    def test_any_cut(self, pieces: list[bytes], places: list[int]) -> None:
        """For any reads, the output equals the masked whole."""
        data = b"".join(pieces)
        stream = MaskedStream(Masker(SECRETS))
        edges = [0, *sorted(p % (len(data) + 1) for p in places), len(data)]
        out = b"".join(stream.feed(data[a:b]) for a, b in pairwise(edges))
        out += stream.close()
        self.assertEqual(out, Masker(SECRETS).mask(data))

    @given(
        st.lists(
            st.sampled_from(
                [
                    *(b"secret", b"xyxyz", b"sec", b"xy", b"\n", b"a", b"ret"),
                    *(b"\x1b[31m", b"\x1b[0m"),
                ]
            )
        ),
        st.lists(st.integers(0, 1000), max_size=20),
    )
    def test_overdue(self, pieces: list[bytes], places: list[int]) -> None:
        """A secret is masked even with a pause between its halves."""
        data = b"".join(pieces)
        masker = Masker([b"secret", b"xyxyz"])
        stream = MaskedStream(masker)
        edges = [0, *sorted(p % (len(data) + 1) for p in places), len(data)]
        out = b""
        for a, b in pairwise(edges):
            out += stream.feed(data[a:b]) + stream.overdue()
        out += stream.close()
        self.assertEqual(out, masker.mask(data))

    def test_colors(self) -> None:
        """A secret with colors in it is masked, also with a pause inside of one."""
        masker = Masker([b"secret", b"xyxyz"])
        for data in (
            b"a \x1b[31msec\x1b[0mret b",
            b"a \x1b[31ms\x1b[1;4me\x1b[mcret b",
        ):
            self.assertEqual(masker.mask(data), b"a \x1b[31m*** b")
        self.assertEqual(masker.mask(b"xyx\x1b(Byz\n\x1b]"), b"***\n\x1b]")
        self.assertEqual(masker.mask(b"\x1b]0;secret\x07 x"), b"\x1b]0;***\x07 x")
        stream = MaskedStream(masker)
        out = b""
        for part in (b"it is s\x1b", b"[3", b"1mec", b"\x1b[0m", b"ret.", b"\n"):
            out += stream.feed(part) + stream.overdue()
        self.assertEqual(out + stream.close(), b"it is ***.\n")

    def test_whole_lines(self) -> None:
        """Complete lines are returned at once, a part of a line after a pause."""
        stream = MaskedStream(Masker([b"secret"]))
        self.assertEqual(stream.feed(b"a\nb"), b"a\n")
        self.assertTrue(stream.holding)
        self.assertEqual(stream.overdue(), b"b")
        self.assertEqual(stream.overdue(), b"")
        self.assertEqual(stream.feed(b"\nc\n"), b"\nc\n")

    def test_key_in_lines(self) -> None:
        """A secret of several lines is masked even if its lines arrive separately."""
        stream = MaskedStream(Masker([b"one\ntwo\nthree"]))
        out = [stream.feed(line) for line in (b"a one\n", b"two\n", b"three b\n")]
        self.assertEqual(out, [b"", b"", b"a *** b\n"])

    def test_long_line(self) -> None:
        """A line without an end does not pile up, and its secrets are masked."""
        stream = MaskedStream(Masker([b"secret"]))
        out = b""
        for _ in range(100):
            out += stream.feed(b"x" * 4093 + b"secret")
            self.assertLess(len(stream._held), 200_000)
        out += stream.close()
        self.assertEqual(out, (b"x" * 4093 + b"***") * 100)

    def test_frame_of_newlines(self) -> None:
        """Newlines around a secret do not belong to it."""
        self.assertEqual(
            Masker([b"\nsecret\n", b"\n", b""]).mask(b"a secret\n"), b"a ***\n"
        )


class FolderCase(SynchronousTestCase):
    """Works in a folder of its own."""

    def setUp(self) -> None:
        """Change into the directory."""
        place = tempfile.TemporaryDirectory()
        self.addCleanup(place.cleanup)
        self.place = Path(place.name)
        before = os.open(".", os.O_RDONLY)
        self.addCleanup(os.close, before)
        self.addCleanup(os.chdir, before)
        os.chdir(self.place)


class JournalTests(FolderCase):
    """Tests of :class:`Journal`."""

    def journal(self, limit: int = 1000) -> Journal:
        """Return a journal in the current directory."""
        self.told = 0

        def written() -> None:
            self.told += 1

        return Journal(masker=Masker([b"secret"]), limit=limit, written=written)

    def read(self) -> list[tuple[int, bytes]]:
        """Return what was written."""
        data = Path("output").read_bytes()
        records, taken = spool.decode(data)
        self.assertEqual(taken, len(data))
        return [(record.kind, record.body) for record in records]

    def test_records(self) -> None:
        """Each record is written and announced at once; notes are masked."""
        journal = self.journal()
        journal.step("one")
        journal.output(b"a\n")
        journal.note("a secret é")
        journal.fact("name", b"\xffvalue")
        self.assertEqual(self.told, 4)
        found = self.read()
        self.assertEqual(spool.step(found[0][1]), "one")
        self.assertEqual(found[1], (spool.RecordKind.OUTPUT, b"a\n"))
        self.assertEqual(found[2], (spool.RecordKind.NOTE, "a *** é\n".encode()))
        self.assertEqual(spool.fact(found[3][1]), ("name", "\ufffdvalue"))

    def test_limit(self) -> None:
        """Output over the limit is dropped from a line's end on; notes are not."""
        journal = self.journal(limit=10)
        journal.output(b"12345\n")
        journal.output(b"1\n2\n3\n4\n")
        journal.output(b"x\n")
        journal.note("end")
        self.assertEqual(
            [body for _, body in self.read()],
            [
                b"12345\n",
                b"1\n2\n",
                b"Output is over 10 bytes; the rest is dropped\n",
                b"end\n",
            ],
        )

    def test_parts(self) -> None:
        """A line whose end has not come is of another kind, with all that continues it.

        Records of output before it end where lines end.
        """
        journal, stream = self.journal(), object()
        journal.output(b"a\nb", stream)
        journal.output(b"c", stream)
        journal.output(b"\r\nd\n", stream)
        journal.output(b"e", stream)
        journal.output(b"", stream)
        journal.output(b"", stream)
        journal.output(b"f")
        self.assertEqual(
            self.read(),
            [
                (spool.RecordKind.OUTPUT, b"a\n"),
                (spool.RecordKind.PART, b"b"),
                (spool.RecordKind.PART, b"c"),
                (spool.RecordKind.OUTPUT, b"\r\nd\n"),
                (spool.RecordKind.PART, b"e"),
                (spool.RecordKind.OUTPUT, b"\n"),
                (spool.RecordKind.OUTPUT, b"f"),
            ],
        )

    def test_secret_in_parts(self) -> None:
        """A secret is masked even with a pause between its halves."""
        masker = Masker([b"swordfish"])
        journal = Journal(masker=masker, limit=1000, written=lambda: None)
        stream = MaskedStream(masker)
        for piece in (stream.feed(b"password sword"), stream.overdue()):
            if piece:
                journal.output(piece, stream)
        self.assertEqual(self.read(), [(spool.RecordKind.PART, b"password ")])
        journal.output(stream.feed(b"fish!\n"), stream)
        self.assertEqual(self.read()[1:], [(spool.RecordKind.OUTPUT, b"***!\n")])

    def test_interrupted_line(self) -> None:
        """Another stream and a note end a line; its own end adds no empty line."""
        journal, one, other = self.journal(), object(), object()
        journal.output(b"a", one)
        journal.output(b"b\n", other)
        journal.output(b"\r\nc", one)
        journal.note("note")
        journal.output(b"d\n", one)
        journal.output(b"\ne\n", one)
        self.assertEqual(
            self.read(),
            [
                (spool.RecordKind.PART, b"a"),
                (spool.RecordKind.OUTPUT, b"\n"),
                (spool.RecordKind.OUTPUT, b"b\n"),
                (spool.RecordKind.PART, b"c"),
                (spool.RecordKind.NOTE, b"note\n"),
                (spool.RecordKind.OUTPUT, b"d\n"),
                (spool.RecordKind.OUTPUT, b"\ne\n"),
            ],
        )

    def test_long_line(self) -> None:
        """A line in parts ends at the limit; its own end adds no empty line."""
        journal, stream = self.journal(limit=1 << 20), object()
        for _ in range(7):
            journal.output(b"x" * (LONGEST_LINE // 3), stream)
        journal.output(b"\ny\n", stream)
        found = self.read()
        part, whole = spool.RecordKind.PART, spool.RecordKind.OUTPUT
        kinds = [part, part, part, whole, part, part, part, whole]
        self.assertEqual([kind for kind, _ in found], kinds)
        self.assertEqual(found[-1][1], b"\ny\n")
        for _ in range(2):
            journal.output(b"x" * LONGEST_LINE + b"x", stream)
        journal.output(b"\ny\n", stream)
        found = self.read()[len(found) :]
        self.assertEqual([kind for kind, _ in found], [whole, whole, whole])
        self.assertEqual(found[-1][1], b"y\n")

    def test_limit_in_a_line(self) -> None:
        """If the limit is inside a line, the written part of it is kept."""
        journal, stream = self.journal(limit=10), object()
        journal.output(b"12345", stream)
        journal.output(b"67890123\nx\n", stream)
        journal.output(b"", stream)
        self.assertEqual(
            self.read(),
            [
                (spool.RecordKind.PART, b"12345"),
                (
                    spool.RecordKind.NOTE,
                    b"Output is over 10 bytes; the rest is dropped\n",
                ),
            ],
        )

    def test_reserve(self) -> None:
        """Output stops at the reserve, notes do not, and the end reports the bytes."""
        journal = Journal(
            masker=Masker([]), limit=1000, reserve=1 << 62, written=lambda: None
        )
        journal.step("one")
        journal.output(b"12345\n")
        journal.note("a note")
        journal.output(b"12345\n")
        journal.tell_dropped()
        journal.tell_dropped()
        found = [body for _, body in self.read()]
        self.assertEqual(found[1], b"a note\n")
        self.assertEqual(len(found), 3)
        self.assertTrue(found[2].startswith(b"12 bytes of output were dropped"))

    def test_approval(self) -> None:
        """An approval is asked for again until the disk has room for the record."""
        journal = self.journal()
        journal.note("a note")
        limits = resource.getrlimit(resource.RLIMIT_FSIZE)
        self.addCleanup(resource.setrlimit, resource.RLIMIT_FSIZE, limits)
        resource.setrlimit(
            resource.RLIMIT_FSIZE, (Path("output").stat().st_size, limits[1])
        )
        test, waits = self, list[float]()

        class Loop:
            """Gives room at the second wait, and the approval at the third."""

            def run_once(self, seconds: float) -> None:
                waits.append(seconds)
                if len(waits) == 2:
                    resource.setrlimit(resource.RLIMIT_FSIZE, limits)
                if len(waits) == 3:
                    asked = [body for kind, body in test.read() if kind == kind_asked]
                    approval.order(f"confirm {msgspec.json.decode(asked[-1])['token']}")

        kind_asked = spool.RecordKind.APPROVAL
        approval = Approval(cast("Any", Loop()), journal)
        approval.wait(
            cast("Any", SimpleNamespace(name="approval")), 60, check=lambda: None
        )
        self.assertEqual([seconds <= 1 for seconds in waits], [True, True, False])
        self.assertEqual([kind for kind, _ in self.read()].count(kind_asked), 2)

    def test_line_after_dropped_bytes(self) -> None:
        """The line after a report of dropped bytes ends where its line feed is."""
        journal, stream = self.journal(), object()
        journal.output(b"a", stream)
        limits = resource.getrlimit(resource.RLIMIT_FSIZE)
        self.addCleanup(resource.setrlimit, resource.RLIMIT_FSIZE, limits)
        full = Path("output").stat().st_size
        resource.setrlimit(resource.RLIMIT_FSIZE, (full, limits[1]))
        journal.output(b"lost", stream)
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
        journal.output(b"b", stream)
        journal.output(b"\nc\n", stream)
        found = self.read()
        self.assertTrue(found.pop(1)[1].startswith(b"4 bytes of output were dropped"))
        part, whole = spool.RecordKind.PART, spool.RecordKind.OUTPUT
        self.assertEqual(found, [(part, b"a"), (part, b"b"), (whole, b"\nc\n")])

    def test_hole(self) -> None:
        """Records after a hole are kept if their offset is given."""
        journal = self.journal(limit=1 << 20)
        journal.output(b"x" * 20_000 + b"\n")
        offset = Path("output").stat().st_size
        journal.output(b"kept\n")
        size = Path("output").stat().st_size
        with Path("output").open("r+b") as file:
            punch(file.fileno(), offset)
        again = Journal(
            masker=Masker([]), limit=1000, offset=offset, written=lambda: None
        )
        again.note("next")
        data = Path("output").read_bytes()
        self.assertEqual(data[:offset], bytes(offset))
        self.assertLess(Path("output").stat().st_blocks * 512, size)
        records, _ = spool.decode(data[offset:])
        self.assertEqual([each.body for each in records], [b"kept\n", b"next\n"])

    def test_torn(self) -> None:
        """A torn record of a supervisor that vanished is cut off."""
        self.journal().output(b"whole\n")
        with Path("output").open("ab") as file:
            file.write(spool.encode(1, 0, b"torn\n")[:-1])
        self.journal().output(b"next\n")
        self.assertEqual([body for _, body in self.read()], [b"whole\n", b"next\n"])

    def test_result(self) -> None:
        """The result gets its name only when it is complete, without secrets."""
        journal = self.journal()
        self.assertFalse(Path("result").exists())
        journal.finish(
            status="error",
            reason="a secret " + "é" * 5000,
            step="app",
            exit_status=1,
            signal=None,
            started=1.0,
            ended=2.0,
        )
        result = spool.result(Path("result").read_bytes())
        self.assertEqual((result.status, result.exit_status), ("error", 1))
        self.assertTrue(result.reason.startswith("a *** é"))
        self.assertEqual(Path("result").stat().st_mode & 0o777, 0o600)


class FolderTests(FolderCase):
    """Creating and removing the workspace."""

    def test_make(self) -> None:
        """Files are private, and so are the folders made for them."""
        folder.make(
            f"{self.place}/w", [("a/b/c", b"1", False), ("a/b/d", b"2", True)], None
        )
        modes = {
            path: Path("w", path).stat().st_mode & 0o777
            for path in (".", "a", "a/b", "a/b/c", "a/b/d")
        }
        self.assertEqual(list(modes.values()), [0o700, 0o700, 0o700, 0o600, 0o700])

    def test_refused(self) -> None:
        """A path that leads out, or a file twice, is refused."""
        for number, path in enumerate(("../x", "/x", "a/../../x", "", "a//b", "a\0b")):
            with self.assertRaises(ValueError):
                folder.make(f"{self.place}/w{number}", [(path, b"", False)], None)
        twice = [("x", b"", False)] * 2
        with self.assertRaises(FileExistsError):
            folder.make(f"{self.place}/w", twice, None)

    def test_empty(self) -> None:
        """Everything goes, deep folders and odd modes too; no link is followed."""
        outside = self.place / "outside"
        outside.mkdir()
        (outside / "kept").touch()
        inside = self.place / "w"
        inside.mkdir()
        (inside / "link").symlink_to(outside)
        (inside / "a" / "b").mkdir(parents=True)
        (inside / "a" / "link").symlink_to(outside / "kept")
        (inside / "a" / "b" / "c").touch()
        (inside / "a" / "b").chmod(0)
        (inside / "a").chmod(0)
        descriptor = os.open(inside, os.O_RDONLY)
        try:
            self.assertEqual(folder.empty(descriptor), "")
        finally:
            os.close(descriptor)
        self.assertEqual(list(inside.iterdir()), [])
        self.assertTrue((outside / "kept").exists())


class TreeTests(SynchronousTestCase):
    """Processes found in ``/proc``."""

    def test_descendants(self) -> None:
        """This process is found below its parent, and not below itself."""
        self.assertIn(os.getpid(), tree.descendants(os.getppid()))
        self.assertNotIn(os.getpid(), tree.descendants(os.getpid()))
