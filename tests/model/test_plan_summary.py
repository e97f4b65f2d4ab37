"""Tests of the summary of a plan, from the output of ``terraform show -json``."""

import json
from typing import Any

import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from semaphore_twisted.model import limits
from semaphore_twisted.model.plan_summary import summarize
from semaphore_twisted.model.plans import PlanAttribute, PlanSummary


def change(*actions: str, **parts: Any) -> dict[str, Any]:
    """Return a change in the documented form, in which nothing is sensitive."""
    return {
        "actions": list(actions),
        "before": None,
        "after": None,
        "after_unknown": {},
        "before_sensitive": False,
        "after_sensitive": False,
        **parts,
    }


def resource(address: str, *actions: str, **parts: Any) -> dict[str, Any]:
    """Return the change of a resource; *parts* are of the change, or of the rest."""
    outer = ("mode", "deposed", "previous_address", "action_reason")
    kind, _, name = address.rpartition(".")
    return {
        "address": address,
        "mode": "managed",
        "type": kind.rpartition(".")[2],
        "name": name,
        "provider_name": "registry.example/hashicorp/hcloud",
        **{key: value for key, value in parts.items() if key in outer},
        "change": change(
            *actions, **{k: value for k, value in parts.items() if k not in outer}
        ),
    }


def document(*resources: dict[str, Any], **parts: Any) -> bytes:
    """Return a plan in the documented form."""
    plan = {
        "format_version": "1.2",
        "terraform_version": "1.11.4",
        "planned_values": {"root_module": {}},
        "resource_changes": list(resources),
        "output_changes": {},
        "prior_state": {"format_version": "1.0"},
        "configuration": {"root_module": {}},
        "timestamp": "2026-01-01T00:00:00Z",
        "errored": False,
        **parts,
    }
    return json.dumps(plan).encode()


def one(**parts: Any) -> tuple[PlanAttribute, ...]:
    """Return the attributes of one resource that is updated."""
    return summarize(document(resource("a.b", "update", **parts))).changes[0].attributes


def shown(attributes: tuple[PlanAttribute, ...]) -> dict[str, tuple[str | None, ...]]:
    """Return the values of attributes by path."""
    return {each.path: (each.before, each.after) for each in attributes}


NETWORK = document(
    resource(
        "hcloud_network_subnet.pods",
        "create",
        after={"ip_range": "10.30.0.0/22", "labels": {}, "gateway": None},
        after_unknown={"id": True, "labels": {}},
    ),
    resource(
        "hcloud_firewall.workers",
        "update",
        before={
            "name": "workers",
            "rule": [{"port": "22", "source_ips": ["10.30.4.0/24"]}, {"port": "80"}],
            "labels": {"owner": "net", "example.com/tier": "a"},
        },
        after={
            "name": "workers",
            "rule": [{"port": "22", "source_ips": ["10.30.0.0/22"]}, {"port": "80"}],
            "labels": {"owner": "platform", "example.com/tier": "b"},
        },
    ),
    resource(
        "hcloud_floating_ip.old",
        "delete",
        before={"ip_address": "203.0.113.44", "description": "egress, old"},
        action_reason="delete_because_no_resource_config",
    ),
    resource("hcloud_network.main", "no-op", before={"id": 1}, after={"id": 1}),
    resource("data.hcloud_image.debian", "read", after={"name": "d"}, mode="data"),
    resource("data.hcloud_image.known", "no-op", mode="data"),
    output_changes={
        "address": change("create", after_unknown=True),
        "same": change("no-op", before=1, after=1),
        "secret": change(
            "update",
            before="old-secret",
            after="new-secret",
            before_sensitive=True,
            after_sensitive=True,
        ),
    },
    resource_drift=[
        resource("hcloud_server.drifted", "update", before={"a": 1}, after={"a": 2})
    ],
)


class SummaryTests(SynchronousTestCase):
    """The changes of a plan."""

    def test_figures(self) -> None:
        """The figures are Terraform's; drift and data sources do not count."""
        found = summarize(NETWORK, serial=118)
        self.assertEqual((found.add, found.change, found.destroy), (1, 1, 1))
        self.assertEqual((found.unchanged, found.serial), (1, 118))
        self.assertEqual((found.complete, found.problem), (True, ""))

    def test_order(self) -> None:
        """Destroyed resources come first."""
        found = [(each.action, each.address) for each in summarize(NETWORK).changes]
        self.assertEqual(
            found,
            [
                ("delete", "hcloud_floating_ip.old"),
                ("update", "hcloud_firewall.workers"),
                ("create", "hcloud_network_subnet.pods"),
                ("read", "data.hcloud_image.debian"),
            ],
        )

    def test_paths(self) -> None:
        """Nested attributes have paths; equal ones are counted."""
        change = summarize(NETWORK).changes[1]
        self.assertEqual(change.type, "hcloud_firewall")
        self.assertEqual(
            shown(change.attributes),
            {
                "rule[0].source_ips": ('["10.30.4.0/24"]', '["10.30.0.0/22"]'),
                "labels.owner": ('"net"', '"platform"'),
                'labels["example.com/tier"]': ('"a"', '"b"'),
            },
        )
        self.assertEqual(change.unchanged, 3)

    def test_delete(self) -> None:
        """A deleted resource shows what is lost, and why."""
        change = summarize(NETWORK).changes[0]
        self.assertEqual(change.reason, "delete_because_no_resource_config")
        self.assertEqual(
            shown(change.attributes),
            {
                "ip_address": ('"203.0.113.44"', None),
                "description": ('"egress, old"', None),
            },
        )

    def test_create(self) -> None:
        """A new resource shows its values; null is none, unknown ones are marked."""
        attributes = summarize(NETWORK).changes[2].attributes
        self.assertEqual(
            shown(attributes),
            {
                "ip_range": (None, '"10.30.0.0/22"'),
                "labels": (None, "{}"),
                "id": (None, None),
            },
        )
        self.assertEqual([each.unknown for each in attributes], [False, False, True])

    def test_outputs(self) -> None:
        """Outputs that change are listed; a sensitive one without its values."""
        found = {each.name: each for each in summarize(NETWORK).outputs}
        self.assertEqual(set(found), {"address", "secret"})
        self.assertTrue(found["address"].unknown)
        secret = found["secret"]
        self.assertEqual((secret.before, secret.after), (None, None))
        self.assertTrue(secret.sensitive)

    def test_replace(self) -> None:
        """A replaced resource is one to add and one to destroy, in either order."""
        for actions in (("delete", "create"), ("create", "delete")):
            found = summarize(
                document(
                    resource(
                        "a.b",
                        *actions,
                        before={"zone": "fsn1", "size": 1, "tags": {"a": "1"}},
                        after={"zone": "nbg1", "size": 2, "tags": {"a": "2"}},
                        replace_paths=[["zone"], ["tags", "a"]],
                        action_reason="replace_because_cannot_update",
                    )
                )
            )
            self.assertEqual((found.add, found.change, found.destroy), (1, 0, 1))
            (change,) = found.changes
            self.assertEqual(change.action, "replace")
            self.assertEqual(change.reason, "replace_because_cannot_update")
            self.assertEqual(
                [(each.path, each.forces) for each in change.attributes],
                [("zone", True), ("size", False), ("tags.a", True)],
            )

    def test_state_only(self) -> None:
        """Forgotten, moved and imported resources, and deposed objects, are listed."""
        found = summarize(
            document(
                resource("a.forgotten", "forget", before={"id": "1"}),
                resource("a.moved", "no-op", previous_address="a.before"),
                resource("a.imported", "no-op", importing={"id": "x"}),
                resource("a.same", "no-op", previous_address="a.same"),
                resource("a.b", "delete", before={"id": "2"}, deposed="0abc"),
                resource(
                    *("a.both", "update"),
                    importing={"id": "x"},
                    previous_address="a.old",
                ),
            )
        )
        self.assertEqual((found.add, found.change, found.destroy), (0, 1, 1))
        self.assertEqual(found.unchanged, 1)
        self.assertTrue(found.complete)
        self.assertEqual(
            [
                (e.action, e.address, e.previous_address, e.imported)
                for e in found.changes
            ],
            [
                ("delete", "a.b (deposed 0abc)", "", False),
                ("update", "a.both", "a.old", True),
                ("forget", "a.forgotten", "", False),
                ("import", "a.imported", "", True),
                ("move", "a.moved", "a.before", False),
            ],
        )

    def test_nothing(self) -> None:
        """A plan without changes."""
        plan = json.dumps({"format_version": "0.1"}).encode()
        self.assertEqual(summarize(plan), PlanSummary())

    def test_types(self) -> None:
        """Values of different types differ; a number keeps its digits."""
        self.assertEqual(
            shown(
                one(
                    before={"a": 1, "b": [1], "c": "1", "d": 12345678901234567890},
                    after={"a": True, "b": {"x": 1}, "c": None, "d": 0.1},
                )
            ),
            {
                "a": ("1", "true"),
                "b": ("[1]", '{"x":1}'),
                "c": ('"1"', None),
                "d": ("12345678901234567890", "0.1"),
            },
        )

    def test_lists(self) -> None:
        """A list of plain values is one value; one of objects is compared by index."""
        self.assertEqual(
            shown(
                one(
                    before={"a": ["x"], "b": [{"n": 1}]},
                    after={"a": ["x", "y"], "b": [{"n": 1}, {"n": 2}]},
                )
            ),
            {"a": ('["x"]', '["x","y"]'), "b[1].n": (None, "2")},
        )


class MarkTests(SynchronousTestCase):
    """Marks of sensitive and unknown values."""

    def hidden(self, attributes: tuple[PlanAttribute, ...]) -> list[str]:
        """Return the paths of the sensitive attributes, which have no values."""
        found = [each for each in attributes if each.sensitive]
        for each in found:
            self.assertEqual((each.before, each.after), (None, None))
        return [each.path for each in found]

    def test_nested(self) -> None:
        """A mark hides its value, on both sides, at any depth and in any list."""
        before = {
            "password": "s1",
            "list": ["p", "s2"],
            "block": [{"key": "s3", "name": "n"}],
            "map": {"a": "s4"},
            "plain": "p1",
        }
        after = {
            "password": "s5",
            "list": ["p", "s6"],
            "block": [{"key": "s7", "name": "m"}],
            "map": {"a": "s8"},
            "plain": "p2",
        }
        attributes = one(
            before=before,
            after=after,
            before_sensitive={"password": True, "map": True},
            after_sensitive={"list": [False, True], "block": [{"key": True}]},
        )
        self.assertEqual(
            self.hidden(attributes), ["password", "list[1]", "block[0].key", "map"]
        )
        self.assertEqual(
            shown(attributes[-1:]) | shown((attributes[3],)),
            {"plain": ('"p1"', '"p2"'), "block[0].name": ('"n"', '"m"')},
        )
        self.assertNotRegex(repr(attributes), r"s\d")

    def test_whole(self) -> None:
        """A mark of the whole resource hides every value, and shows the paths."""
        attributes = one(
            before={"a": "s1", "b": {"c": "s2"}},
            after={"a": "s3", "b": {"c": "s4"}},
            after_sensitive=True,
        )
        self.assertEqual(self.hidden(attributes), ["a", "b"])

    def test_absent(self) -> None:
        """Without marks every value is sensitive."""
        plan = resource("a.b", "create", after={"a": "s1"})
        del plan["change"]["after_sensitive"]
        output = change("create", after="s2")
        del output["before_sensitive"]
        found = summarize(document(plan, output_changes={"o": output}))
        self.assertEqual(self.hidden(found.changes[0].attributes), ["a"])
        self.assertTrue(found.outputs[0].sensitive)
        self.assertNotRegex(repr(found), r"s\d")

    def test_other_form(self) -> None:
        """Marks in another form than the value hide all of it."""
        for value, marks in (
            ({"k": "s1"}, [True]),
            (["s1", "x"], {"k": True}),
            ("s1", {"k": True}),
            ({"k": "s1"}, "yes"),
            ([{"k": "s1"}], [[True]]),
        ):
            attributes = one(after={"a": value}, after_sensitive={"a": marks})
            self.assertTrue(attributes, marks)
            self.assertEqual(len(self.hidden(attributes)), len(attributes), marks)
            self.assertNotIn("s1", repr(attributes))

    def test_output_inside(self) -> None:
        """A mark inside an output hides it."""
        output = change("create", after={"a": "s1"}, after_sensitive={"a": True})
        found = summarize(document(output_changes={"o": output}))
        self.assertTrue(found.outputs[0].sensitive)
        self.assertIsNone(found.outputs[0].after)

    def test_same_secret(self) -> None:
        """A sensitive value that stays is counted; one whose mark changes is listed."""
        found = summarize(
            document(
                resource(
                    *("a.b", "update"),
                    before={"stays": "s1", "marked": "s2"},
                    after={"stays": "s1", "marked": "s2"},
                    before_sensitive={"stays": True},
                    after_sensitive={"stays": True, "marked": True},
                )
            )
        ).changes[0]
        self.assertEqual(self.hidden(found.attributes), ["marked"])
        self.assertEqual(found.unchanged, 1)

    def test_unknown(self) -> None:
        """Unknown values are marked at any depth, and have no value after."""
        attributes = one(
            before={"id": "i", "list": ["a", "b"], "map": {"x": "1"}, "gone": "1"},
            after={"list": ["a", None], "map": {}, "gone": None},
            after_unknown={"id": True, "list": [False, True], "map": {"x": True}},
        )
        self.assertEqual(
            [(e.path, e.before, e.after, e.unknown) for e in attributes],
            [
                ("id", '"i"', None, True),
                ("list[1]", '"b"', None, True),
                ("map.x", '"1"', None, True),
                ("gone", '"1"', None, False),
            ],
        )

    def test_unknown_whole(self) -> None:
        """All of a resource can be unknown."""
        attributes = one(before={"a": "1"}, after={}, after_unknown=True)
        self.assertEqual([(e.path, e.unknown) for e in attributes], [("a", True)])


class TextTests(SynchronousTestCase):
    """Texts of other authors."""

    def test_mask(self) -> None:
        """The job's secrets are replaced in values, names and addresses."""

        def mask(text: str) -> str:
            return text.replace("hunter22", "***").replace("4711", "***")

        plan = document(
            resource(
                *('a.b["hunter22"]', "create"),
                after={"x": "is hunter22", "hunter22": [4711]},
            ),
            output_changes={"hunter22": change("create", after=4711)},
        )
        found = repr(summarize(plan, mask))
        self.assertNotIn("hunter22", found)
        self.assertNotIn("4711", found)
        self.assertEqual(found.count("***"), 6)

    def test_invisible(self) -> None:
        """Characters that are not seen, or that reverse a text, are escaped."""
        found = summarize(
            document(
                resource('a.b["x\u202ey"]', "create", after={"k\u200b": "a\u2066\x1b"})
            )
        ).changes[0]
        self.assertEqual(found.address, 'a.b["x\\u202ey"]')
        self.assertEqual(found.attributes[0].path, '["k\\u200b"]')
        self.assertEqual(found.attributes[0].after, '"a\\u2066\\u001b"')
        self.assertEqual(json.loads(found.attributes[0].after or ""), "a\u2066\x1b")


class LimitTests(SynchronousTestCase):
    """A plan that is too large is cut, and says so."""

    def check(self, content: bytes, *words: str) -> PlanSummary:
        """Return the summary, which fits and says why it is not complete."""
        found = summarize(content)
        self.assertFalse(found.complete)
        for word in words:
            self.assertIn(word, found.problem)
        stored = msgspec.json.encode(found)
        self.assertLess(len(stored), limits.PLAN_STORED + 2_000)
        self.assertEqual(msgspec.json.decode(stored, type=PlanSummary), found)
        return found

    def test_bytes(self) -> None:
        """A plan with too many bytes is not read."""
        found = self.check(b" " * (limits.PLAN_JSON + 1), "at most 8388608 are read.")
        self.assertEqual(found.changes, ())

    def test_entries(self) -> None:
        """A plan with too many entries is not read."""
        content = b'{"format_version":"1.2","resource_changes":[%s]}' % b",".join(
            [b"0"] * (limits.PLAN_ENTRIES + 1)
        )
        self.check(content, "20001 resources")

    def test_changes(self) -> None:
        """Of many changes the dangerous ones are kept, and all are counted."""
        many = [resource(f"a.b{n}", "create") for n in range(limits.PLAN_CHANGES + 1)]
        many.append(resource("a.last", "delete"))
        found = self.check(document(*many), "2 more resources change.")
        self.assertEqual((found.add, found.destroy), (limits.PLAN_CHANGES + 1, 1))
        self.assertEqual(found.changes[0].address, "a.last")
        self.assertEqual(len(found.changes), limits.PLAN_CHANGES)

    def test_stored(self) -> None:
        """All changes keep their addresses when there is no room for attributes."""
        long = {f"k{n}": "v" * 900 for n in range(20)}
        many = [resource(f"a.b{n}", "create", after=long) for n in range(100)]
        found = self.check(document(*many), "too long", "Not every attribute")
        self.assertEqual(len(found.changes), 100)
        self.assertEqual(len(found.changes[0].attributes), 20)
        self.assertEqual(found.changes[-1].omitted, 20)

    def test_attributes(self) -> None:
        """A resource with many attributes says how many are left out."""
        after = {f"k{n}": n for n in range(limits.PLAN_ATTRIBUTES + 7)}
        found = self.check(document(resource("a.b", "create", after=after)))
        self.assertEqual(found.changes[0].omitted, 7)

    def test_outputs(self) -> None:
        """The same for outputs."""
        many = {f"o{n}": change("create") for n in range(limits.PLAN_OUTPUTS + 1)}
        found = self.check(document(output_changes=many), "Not every output")
        self.assertEqual(len(found.outputs), limits.PLAN_OUTPUTS)

    def test_values(self) -> None:
        """A resource with too many values has none in the list."""
        values = [1] * (limits.PLAN_VALUES + 1)
        found = self.check(
            document(
                resource("a.large", "update", after={"x": values}),
                resource("a.small", "update", after={"x": 1}),
            ),
            "a.large: A value has more than 100000 values.",
        )
        self.assertEqual([len(each.attributes) for each in found.changes], [0, 1])

    def test_all_values(self) -> None:
        """The values of all resources together are limited, too."""
        values = {f"k{n}": "" for n in range(1 + limits.PLAN_VALUES // 10)}
        many = [resource(f"a.b{n}", "no-op") for n in range(3)]
        many += [resource(f"a.c{n}", "update", after=values) for n in range(10)]
        self.check(document(*many), "The plan has more than 100000 values.")

    def test_texts(self) -> None:
        """Long names and values are cut, which is said."""
        found = summarize(
            document(resource(f"a.{'b' * 9_999}", "create", after={"x": "y" * 9_999}))
        )
        (change,) = found.changes
        self.assertEqual(len(change.address), limits.PLAN_NAME)
        self.assertEqual(len(change.attributes[0].after or ""), limits.PLAN_VALUE)
        self.assertTrue(change.attributes[0].shortened)

    def test_depth(self) -> None:
        """A value that is nested too deeply is left out."""
        for depth in (200, 100_000):
            deep = b"[" * depth + b"]" * depth
            content = document(resource("a.b", "create", after={"x": 12321}))
            self.check(content.replace(b"12321", deep))


class HostileTests(SynchronousTestCase):
    """Other content than a plan makes a summary that says so."""

    def test_no_plans(self) -> None:
        """Other documents, other types, and nothing."""
        for content in (
            *(b"", b"null", b"[]", b"{}", b'"plan"', b"\xff", b'{"a":', b"NaN"),
            b'{"format_version":1}',
            b'{"format_version":"1.2","resource_changes":{}}',
            b'{"format_version":"1.2","resource_changes":[1]}',
            b'{"format_version":"1.2","resource_changes":[{"address":"a"}]}',
            b'{"format_version":"1.2","output_changes":{"a":{"actions":"create"}}}',
            b'{"format_version":"1.2","x":"\\ud800"',
        ):
            found = summarize(content)
            self.assertEqual(
                (found.complete, found.changes), (False, ()), (content, found)
            )
            self.assertIn("not in the form of `terraform show -json`.", found.problem)

    def test_version(self) -> None:
        """A later form is not understood."""
        found = summarize(document(format_version="2.0"))
        self.assertIn("version of its form", found.problem)

    def test_errored(self) -> None:
        """A plan with errors says so."""
        found = summarize(document(errored=True))
        self.assertEqual(found.problem, "Terraform made this plan with errors.")

    def test_shortened(self) -> None:
        """A document without the values of its end says so."""
        bare = {"address": "a.b", "change": {"actions": ["update"]}}
        found = summarize(document(bare, shortened=True))
        self.assertIn("values of its end are left out", found.problem)
        self.assertEqual((found.change, found.changes[0].attributes), (1, ()))

    def test_unknown_action(self) -> None:
        """An unknown action is listed, and makes the list incomplete."""
        found = summarize(document(resource("a.b", "explode", before={"x": 1})))
        self.assertFalse(found.complete)
        self.assertEqual(found.changes[0].action, "other")

    def test_paths(self) -> None:
        """The reason of a replacement in another form costs only the attributes."""
        found = summarize(
            document(resource("a.b", "delete", before={"x": 1}, replace_paths=7))
        )
        self.assertIn("a.b: The reason of its replacement", found.problem)
        self.assertEqual(found.destroy, 1)


_SECRET = "tr0ub4dor"
_scalar = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5)
_json = st.recursive(
    _scalar,
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner)
    ),
    max_leaves=12,
)
_actions = st.lists(
    st.sampled_from(["create", "delete", "update", "read", "no-op", "forget", "x"]),
    max_size=3,
)
_change = st.fixed_dictionaries(
    {"actions": _actions},
    optional=dict.fromkeys(
        (
            *("before", "after", "after_unknown", "before_sensitive"),
            *("after_sensitive", "replace_paths", "importing"),
        ),
        _json,
    ),
)
_resource = st.fixed_dictionaries(
    {"address": st.text(max_size=9), "change": _change},
    optional={"type": st.text(max_size=3), "deposed": st.text(max_size=3)},
)


def _with_secret(value: Any) -> Any:
    """Return *value* with a secret in place of each text and number."""
    if isinstance(value, dict):
        return {name: _with_secret(each) for name, each in value.items()}
    if isinstance(value, list):
        return [_with_secret(each) for each in value]
    return value if value is None or isinstance(value, bool) else _SECRET


class FuzzTests(SynchronousTestCase):
    """Any content makes a summary that can be stored."""

    def check(self, found: PlanSummary) -> None:
        """Check that *found* can be stored, and says why it is not complete."""
        stored = msgspec.json.encode(found)
        self.assertEqual(msgspec.json.decode(stored, type=PlanSummary), found)
        self.assertEqual(found.complete, not found.problem)
        self.assertTrue(stored.decode().isprintable())

    @given(st.binary(max_size=200) | _json.map(lambda each: json.dumps(each).encode()))
    def test_anything(self, content: bytes) -> None:
        """No bytes raise an error."""
        self.check(summarize(content))

    @settings(max_examples=60)
    @given(
        st.lists(_resource, max_size=4), st.dictionaries(st.text(max_size=3), _change)
    )
    def test_nearly_plans(self, resources: list[Any], outputs: dict[str, Any]) -> None:
        """Documents of nearly the right form."""
        self.check(summarize(document(*resources, output_changes=outputs)))

    @settings(max_examples=60)
    @given(_json, _json, st.sampled_from(["before_sensitive", "after_sensitive"]))
    def test_secrets(self, before: Any, after: Any, side: str) -> None:
        """A value that is marked as a whole on one side is never shown."""
        parts = {
            "before": {"x": _with_secret(before)},
            "after": {"x": _with_secret(after)},
            side: {"x": True},
        }
        found = summarize(document(resource("a.b", "update", **parts)))
        self.assertNotIn(_SECRET, msgspec.json.encode(found).decode())
