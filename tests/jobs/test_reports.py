"""The reports of the results plugin are taken out of the output."""

import base64
import configparser
import json
import os
import shutil
import tempfile
from itertools import pairwise
from pathlib import Path

from hypothesis import example, given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from semaphore_twisted.jobs.masking import patterns
from semaphore_twisted.jobs.supervision import ansible_config, reports
from semaphore_twisted.jobs.supervision.masker import MaskedStream, Masker

MARK = "5e" * 16


def record(report: object, mark: str = MARK) -> bytes:
    """Return *report* as the plugin writes it."""
    return encoded(json.dumps(report, ensure_ascii=False).encode(), mark)


def encoded(data: bytes, mark: str = MARK) -> bytes:
    """Return a record that contains *data*."""
    return b"\x1e" + mark.encode() + b" " + base64.b64encode(data).swapcase() + b"\n"


class ReportCase(SynchronousTestCase):
    """A step with the reports of a job."""

    def setUp(self) -> None:
        """Start without any."""
        self.given: list[object] = []
        self.make()

    def make(self, *secrets: bytes) -> None:
        """Make the reports of a step whose output hides *secrets*."""
        self.masker = Masker(list(secrets))
        self.reports = reports.Reports(MARK, self.masker, self.given.append)

    def take(self, *reads: bytes) -> bytes:
        """Pass masked *reads* on, and return the output; reports are in ``given``."""
        written: list[bytes] = []
        stream = MaskedStream(self.masker)
        for data in (*map(stream.feed, reads), stream.close()):
            self.reports.pass_on(data, written.append)
        return b"".join(written)

    def dropped(self) -> int:
        """Return how many reports were dropped."""
        before = len(self.given)
        self.reports.finish()
        counts = self.given[before:]
        del self.given[before:]
        return sum(each["count"] for each in counts if isinstance(each, dict))


class TakeTests(ReportCase):
    """What is a report, and what is output."""

    def test_order(self) -> None:
        """Output keeps its order, and reports come between its lines."""
        order: list[object] = []
        taken = reports.Reports(MARK, self.masker, order.append)
        data = b"a\n" + record({"n": 1}) + record({"n": 2}) + b"b\n" + record({"n": 3})
        taken.pass_on(data, order.append)
        self.assertEqual(order, [b"a\n", {"n": 1}, {"n": 2}, b"b\n", {"n": 3}])

    @given(st.lists(st.integers(0, 400), max_size=6))
    def test_any_reads(self, cuts: list[int]) -> None:
        """Where the reads split the output does not matter."""
        self.setUp()
        data = b"one\n" + record({"n": "x" * 90}) + b"two\n" + record({"n": 2}) + b"3"
        places = sorted({0, len(data), *(each % len(data) for each in cuts)})
        reads = [data[a:b] for a, b in pairwise(places)]
        self.assertEqual(self.take(*reads), b"one\ntwo\n3")
        self.assertEqual(self.given, [{"n": "x" * 90}, {"n": 2}])

    def test_inside_of_a_line(self) -> None:
        """Another program's line around a report stays whole."""
        self.assertEqual(self.take(b"ab" + record({}) + b"cd\n"), b"abcd\n")

    def test_other_marks(self) -> None:
        """What hosts print is no report: they do not know the job's mark."""
        data = record({"n": 1}, mark="00" * 16) + b"\x1e \n"
        self.assertEqual(self.take(data), data)
        self.assertEqual(self.given, [])

    def test_end_of_the_output(self) -> None:
        """The end of the output is passed on, since the journal ends a line then."""
        ends: list[bytes] = []
        self.reports.pass_on(b"", ends.append)
        self.assertEqual(ends, [b""])


class HostileTests(ReportCase):
    """Any program of the job can write reports."""

    def test_malformed(self) -> None:
        """What is no JSON object in base64 is dropped and counted."""
        begin = b"\x1e" + MARK.encode() + b" "
        deep = "[" * 900 + "]" * 900
        values: list[object] = [[], 1, None, "x", {"a": {"b": 1}}]
        wrong = [
            *(begin + each + b"\n" for each in (b"", b"!", b"e30", b"\xff", b"=")),
            *map(record, values),
            encoded(b'{"a": ' + deep.encode() + b"}"),
            *(encoded(each) for each in (b'{"a": "\xff"}', b'{"a": 1', b"")),
            record({"a": "x" * reports.LONGEST_REPORT}),
        ]
        self.assertEqual(self.take(b"x\n", *wrong, b"y\n"), b"x\ny\n")
        self.assertEqual((self.given, self.dropped()), ([], len(wrong)))
        self.assertEqual(self.dropped(), 0)

    def test_unpaired_surrogate(self) -> None:
        """A text that is not Unicode becomes one that is."""
        self.take(encoded(b'{"a": "\\ud800x"}'))
        self.assertEqual(self.given, [{"a": "?x"}])

    def test_many(self) -> None:
        """Beyond the number of reports of a job, they are dropped and counted."""
        self.take(*[record({"n": 1}) * 1000] * (reports.MOST_REPORTS // 1000))
        self.take(record({"n": 2}) * 3)
        self.assertEqual(len(self.given), reports.MOST_REPORTS)
        self.assertEqual(self.dropped(), 3)

    def test_bytes(self) -> None:
        """Beyond the bytes of all reports of a job, they are dropped and counted."""
        long = record({"n": "x" * 3000})
        count = reports.MOST_BYTES // len(long) + 100
        self.take(*[long] * count)
        self.assertGreater(self.dropped(), 50)
        self.assertLess(len(self.given) * 4000, reports.MOST_BYTES)


class MaskTests(ReportCase):
    """Texts are masked like the output."""

    def test_secret(self) -> None:
        """A secret is masked in any text, before white space is changed."""
        self.make(b"pass  word", b"line one\nline two")
        self.take(
            record({"a": "my pass  word.", "rows": [["pass  word", 1]], "n": 1.5})
        )
        self.take(record({"a": "x line one\nline two\ty \x1b[0m"}))
        self.assertEqual(
            self.given,
            [
                {"a": "my ***.", "rows": [["***", 1]], "n": 1.5},
                {"a": "x *** y [0m"},
            ],
        )

    def test_forms(self) -> None:
        """A record with a secret is not broken by the masks of the secret's forms."""
        self.make(*patterns([b"hush  hush"]))
        for shift in range(4):
            self.take(record({"a": "x" * shift + "hush  hush"}))
        self.assertEqual(self.given, [{"a": "x" * n + "***"} for n in range(4)])

    @given(st.integers(1, 9))
    def test_shortened(self, length: int) -> None:
        """A text that was shortened does not end in the beginning of a secret."""
        self.setUp()
        self.make("Secret-é-1".encode())
        text = "why: " + "Secret-é-1"[:length] + "…"
        self.take(record({"a": text}))
        self.assertEqual(self.given, [{"a": "why:…"}])


class ConfigurationTests(SynchronousTestCase):
    """The repository's own callback plugins are kept."""

    def setUp(self) -> None:
        """Stand in a repository, with a home beside it."""
        self.folder = Path(tempfile.mkdtemp()).resolve()
        self.addCleanup(shutil.rmtree, self.folder)
        self.here = self.folder / "here"
        for each in (self.here, self.folder / "home"):
            each.mkdir()
        self.addCleanup(os.chdir, Path.cwd())
        os.chdir(self.here)

    def plugins(self, text: str | None = None, **environ: str) -> str | None:
        """Return the plugins' path with *text* as ``ansible.cfg``, without ours."""
        if text is not None:
            (self.here / "ansible.cfg").write_text(text)
        made = {b"HOME": f"{self.folder}/home".encode()}
        made |= {name.encode(): value.encode() for name, value in environ.items()}
        ansible_config.add_reports(made, b"mark", b"/ours")
        found = made.get(b"ANSIBLE_CALLBACK_PLUGINS")
        if found is None:
            self.assertNotIn(b"SEMAPHORE_RESULTS", made)
            return None
        before = environ.get("ANSIBLE_CALLBACK_PLUGINS")
        token = "mark" if before is None else f"mark:{before}"
        self.assertEqual(made[b"SEMAPHORE_RESULTS"], token.encode())
        self.assertTrue(found.endswith(b":/ours"))
        return found.decode().removesuffix(":/ours")

    def test_chosen(self) -> None:
        """What is chosen stays, and relative places stay relative to the file."""
        here = str(self.here)
        system = "/plugins/callback:/usr/share/ansible/plugins/callback"
        for text, wanted in (
            (None, f"~/.ansible{system}"),
            ("[defaults]\nforks = 9\n", f"~/.ansible{system}"),
            ("[defaults]\nhome = x\n", f"{here}/x{system}"),
            ("[defaults]\ncallback_plugins = a:/b:~/c\n", f"{here}/a:/b:~/c"),
            ("[DEFAULT]\nCallback_Plugins: ./a ; why\n", f"{here}/./a"),
            ("[other]\ncallback_plugins = /b\n", f"~/.ansible{system}"),
        ):
            self.assertEqual(self.plugins(text), wanted, text)
        self.assertEqual(self.plugins(ANSIBLE_CALLBACK_PLUGINS="/g"), "/g")
        self.assertEqual(self.plugins("", ANSIBLE_HOME="/h"), f"/h{system}")

    def test_places_of_the_file(self) -> None:
        """The file is found where Ansible finds it."""
        other = self.folder / "other.cfg"
        other.write_text("[defaults]\ncallback_plugins = o\n")
        (self.folder / "home" / ".ansible.cfg").write_text(
            "[defaults]\ncallback_plugins = h\n"
        )
        self.assertEqual(self.plugins(), f"{self.folder}/home/h")
        here = "[defaults]\ncallback_plugins = x\n"
        self.assertEqual(self.plugins(here), f"{self.here}/x")
        for place in (str(other), "../other.cfg"):
            found = self.plugins(ANSIBLE_CONFIG=place)
            self.assertEqual(os.path.normpath(found or ""), f"{self.folder}/o")
        self.assertEqual(self.plugins(ANSIBLE_CONFIG="missing"), f"{self.here}/x")
        self.here.chmod(0o777)  # Ansible ignores such a file, too
        self.assertEqual(self.plugins(), f"{self.folder}/home/h")

    def test_unreadable(self) -> None:
        """What cannot be read at once is left to Ansible, without reports."""
        os.mkfifo(self.here / "ansible.cfg")
        self.assertIsNone(self.plugins())
        (self.here / "ansible.cfg").unlink()
        (self.here / "ansible.cfg").write_bytes(b"[defaults]\nx = \xff\n")
        self.assertIsNone(self.plugins())
        self.assertIsNone(self.plugins("#" * (1 << 20) + "\n"))
        self.assertIsNone(self.plugins("", ANSIBLE_CONFIG="$HOME/x.cfg"))

    def test_no_value_of_an_environment(self) -> None:
        """A path that no program can receive does not keep the job from beginning."""
        for path in ("/a\0b", "/" + "a" * 200_000):
            text = f"[defaults]\ncallback_plugins = {path}\n"
            self.assertIsNone(self.plugins(text))

    @given(
        st.lists(
            st.sampled_from(
                (
                    *("[defaults]", "[other]", "[DEFAULT]", " [defaults]", "[x] y"),
                    *("[a]b]", "[defaults] ; c", "a = 1", "A: 2", "b=3;4", "b = 5 ; 6"),
                    *("# a = 7", "; a = 8", " c = 9", "", "d : = 10", "e = f = 11"),
                    *("g =", "h = i : j", "\ta", "k = #12", "l ; m = 13"),
                )
            )
        )
    )
    @example(["[defaults]", "a = 1"])
    def test_same_as_configparser(self, lines: list[str]) -> None:
        """Values of one line are those that ``configparser`` finds, as in Ansible."""
        text = "\n".join(lines)
        parser = configparser.ConfigParser(
            inline_comment_prefixes=(";",), strict=False, interpolation=None
        )
        try:
            parser.read_string(text)
        except configparser.Error:
            return  # Ansible refuses such a file
        names = parser["defaults"] if "defaults" in parser else parser["DEFAULT"]
        wanted = {name: value.split("\n")[0] for name, value in names.items()}
        self.assertEqual(ansible_config.defaults(text), wanted)
