"""Values reach playbooks of each release of ansible-core as they were written."""

import hashlib
import json
import shutil
import tempfile
from pathlib import Path
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from msgspec.structs import replace
from twisted.trial.unittest import SynchronousTestCase
from typing_extensions import override

from semaphore_twisted.jobs.job_inputs import JobOrder
from semaphore_twisted.jobs.values import extra_variables
from semaphore_twisted.jobs.workspace import WORKSPACE
from tests.support.ansible_versions import folder_of, play
from tests.support.orders import options, order, task, template

#: Texts that some program on the way takes for something else.
HARD = (
    *("{{ lookup('pipe', 'id') }}", "{% raw %}", "{# x #}", "{{", "}}", "#}", "{%"),
    *("{{ vars }}", "{{ 1 + 1 }}", "{{ omit }}", "__omit_place_holder__1"),
    *("007", "0123456", "yes", "no", "null", "~", "1.10", "12:30:45", "2026-01-01"),
    *("1_000", "0x1F", "0o17", ".inf", "-.INF", ".nan", "1e3", "+1", "true", "False"),
    *("=", "<<", "!unsafe x", "!vault |", "&a", "*a", "- a", "? a", ": a", "a: b"),
    *("[1, 2]", '{"a": 1}', "{'a': 1}", "None", "[]", "{}", "(1,)", "'x'", '"x"'),
    *('{"__ansible_unsafe": "x"}', '{"__ansible_vault": "x"}', "$ANSIBLE_VAULT;1.1"),
    *(" a ", "a\n", "\na", "a\r\nb", "\t", " ", "#a", "a #b", "%a", "@a", "`a`"),
    *("\\", "\\n", "a\\", "'", '"', "\x00", "\x01", "\x1b[0m", "\x7f", "\x85", "\xa0"),
    *("\u2028", "\ufeff", "\uffff", "é", "😀", "a" * 5000, "---", "...", "--- a"),
    *("a=b c=d", "-e", "@/etc/passwd", "$(id)", "`id`", "${HOME}", "~root", "%s %d"),
)
CODE = "{{ lookup('pipe', 'id') }} {% if 1 %}x{% endif %}"
#: What a variable group and a play make of it.
INDIRECT = ("<{}>", "<{}>!", "<<{}>!>")
TEXTS = st.text(st.characters(exclude_categories=["Cs"]), min_size=1)
NAMES = st.from_regex(r"[a-z][a-z0-9_]{0,8}", fullmatch=True).map("v_{}".format)

HASHES = [
    {
        "hosts": "all",
        "gather_facts": False,
        "tasks": [
            {"set_fact": {"fact": "{{ chosen }}", "around": "<{{ twice }}>"}},
            {
                "copy": {
                    "dest": "{{ playbook_dir }}/result.json",
                    "content": "{{ hashes | to_json }}",
                },
                "vars": {
                    "hashes": {
                        "texts": "{{ query('varnames', '^v_') | sort"
                        " | map('extract', vars) | map('hash', 'sha256') }}",
                        "types": "{{ query('varnames', '^v_') | sort"
                        " | map('extract', vars) | map('type_debug') }}",
                        "details": "{{ semaphore_vars.task_details.values()"
                        " | map('string') | map('hash', 'sha256') }}",
                        "nested": "{{ nested.one.two[0] | hash('sha256') }}",
                        "indirect": "{{ [fact, indirect, twice, around]"
                        " | map('hash', 'sha256') }}",
                        "numbers": "{{ [number + 1, real * 2, off or 5, big] }}",
                    }
                },
            },
        ],
    }
]


def digest(text: str) -> str:
    """Return what the playbook calculates of *text*."""
    return hashlib.sha256(text.encode()).hexdigest()


class ExactCase(SynchronousTestCase):
    """A test with a folder in which a playbook runs."""

    folder: Path

    @override
    def setUp(self) -> None:
        """Make the folder."""
        self.folder = Path(tempfile.mkdtemp(prefix="exact-"))
        self.addCleanup(shutil.rmtree, self.folder, ignore_errors=True)

    def run_with(
        self, minor: str, changed: JobOrder, playbook: list[dict[str, Any]]
    ) -> str:
        """Run *playbook* with the variables of an order, and return the output."""
        files, arguments = extra_variables(changed, options("/s"))
        for file in files:
            path = self.folder / file.path
            path.parent.mkdir(exist_ok=True)
            path.write_bytes(file.content)
        words = (word.replace(WORKSPACE, str(self.folder)) for word in arguments)
        return play(self.folder, minor, playbook, *words)


class ReleasesTests(ExactCase):
    """The same texts in each release of ansible-core, compared by their SHA-256."""

    def compare(self, minor: str, pairs: dict[str, str]) -> None:
        """Give *pairs* to a playbook in each way in which texts reach one."""
        names = sorted(pairs)
        half = len(names) // 2
        message = "".join(pairs[name] for name in names)
        changed = replace(
            order("/x"),
            task=task(message=message, version=message),
            template=template(type="build"),
            username=message,
            # A group's variables are evaluated, but not the values that they refer to.
            variables={"indirect": "<{{ chosen }}>", "twice": "{{ indirect }}!"},
            secret_variables={name: pairs[name] for name in names[:half:2]},
            secret_answers={name: pairs[name] for name in names[1:half:2]},
            answers={
                **{name: pairs[name] for name in names[half:]},
                "nested": {"one": {"two": [message]}},
                "chosen": CODE,
                "number": -1,
                "real": 0.1,
                "off": False,
                "big": 2**70,
            },
        )
        self.run_with(minor, changed, HASHES)
        found = json.loads((self.folder / "result.json").read_text())
        wrong = [
            pairs[name]
            for name, hashed in zip(names, found["texts"], strict=True)
            if hashed != digest(pairs[name])
        ]
        self.assertEqual(wrong, [])
        self.assertEqual(found["nested"], digest(message))
        self.assertEqual(
            found["indirect"],
            [digest(CODE), *(digest(each.format(CODE)) for each in INDIRECT)],
        )
        # message, user name and target version
        self.assertEqual(found["details"].count(digest(message)), 3)
        self.assertEqual(found["numbers"], [0, 0.2, 5, 2**70])
        kinds = {"str", "AnsibleUnsafeText", "_AnsibleTaggedStr"}
        self.assertEqual(set(found["types"]) - kinds, set())

    def release(self, minor: str) -> None:
        """Try the hard texts, and any other ones."""
        folder_of(minor)
        hard = {f"v_{number:03}": text for number, text in enumerate(HARD)}
        self.compare(minor, hard)

        # Ansible takes seconds to start, so each run has many texts.
        @settings(
            max_examples=2,
            deadline=None,
            database=None,
            suppress_health_check=list(HealthCheck),
        )
        @given(st.dictionaries(NAMES, TEXTS, min_size=40, max_size=80))
        def any_text(pairs: dict[str, str]) -> None:
            self.compare(minor, pairs)

        any_text()

    def test_2_17(self) -> None:
        """The release 2.17 gets each text as it was written."""
        self.release("2.17")

    def test_2_18(self) -> None:
        """The release 2.18 gets each text as it was written."""
        self.release("2.18")

    def test_2_19(self) -> None:
        """The release 2.19 gets each text as it was written."""
        self.release("2.19")

    def test_newest(self) -> None:
        """The newest ansible-core gets each text as it was written."""
        self.release("newest")
