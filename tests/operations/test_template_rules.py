"""Tests of the rules for values in a template."""

from typing import Any

import msgspec
from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from semaphore_twisted.model.apps import BASH
from semaphore_twisted.model.errors import Invalid
from semaphore_twisted.model.ids import EnvironmentId, KeyId
from semaphore_twisted.model.templates import TaskParams
from semaphore_twisted.operations.projects.template_rules import (
    NewTemplate,
    NewVault,
    arguments,
    checked_vaults,
    groups_of,
    task_params,
)
from tests.support.orders import template

#: What JSON can hold: no half of a surrogate pair.
_TEXT = st.text(st.characters(codec="utf-8"))
_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | _TEXT,
    lambda inner: st.lists(inner) | st.dictionaries(_TEXT, inner),
    max_leaves=8,
)


class ArgumentTests(SynchronousTestCase):
    """Arguments of templates."""

    @given(
        st.lists(
            st.text(st.characters(codec="utf-8", exclude_characters="\0-")), min_size=1
        )
    )
    def test_lists_of_texts_stay(self, texts: list[str]) -> None:
        """A list of texts is stored as it was sent, spaces and all."""
        text = msgspec.json.encode(texts).decode()
        self.assertEqual(arguments(text), text)

    @given(_JSON)
    def test_anything_else(self, value: Any) -> None:
        """Other JSON is refused without a crash; an empty value means none."""
        text = msgspec.json.encode(value).decode()
        try:
            found = arguments(text)
        except Invalid:
            return
        self.assertIn(found, {None, text})
        self.assertTrue(value is None or isinstance(value, list))

    def test_short_options(self) -> None:
        """``-e x=1`` in one text is refused for Ansible; bash may mean it."""
        text = '["-e x=1"]'
        self.assertRaises(Invalid, arguments, text)
        self.assertEqual(arguments(text, BASH), text)


class ParamTests(SynchronousTestCase):
    """Parameters of tasks."""

    @given(st.dictionaries(st.sampled_from(TaskParams.__struct_fields__), _JSON))
    def test_what_is_stored_can_be_read(self, sent: dict[str, Any]) -> None:
        """Each accepted value is read back as parameters."""
        try:
            stored = task_params(sent)
        except Invalid:
            return
        read = msgspec.to_builtins(msgspec.convert(stored, TaskParams))
        for name, value in stored.items():
            wanted = tuple(value) if isinstance(value, list) else value
            self.assertEqual(read[name], wanted)

    def test_selection(self) -> None:
        """A limit or tags have a name, or are empty; commas separate names."""
        sent: dict[str, object] = {
            "limit": ["a,b", "~c{1,2}"],
            "tags": "x, y",
            "skip_tags": [""],
        }
        wanted = {"limit": ["a", "b", "~c{1,2}"], "tags": ["x", "y"], "skip_tags": []}
        self.assertEqual(task_params(sent), wanted)
        for name in ("limit", "tags", "skip_tags"):
            for wrong in (",", " ", [" "]):
                error = self.assertRaises(Invalid, task_params, {name: wrong})
                self.assertIn(f"{name}: invalid value", error.message)


class VaultTests(SynchronousTestCase):
    """Vaults of templates."""

    def test_names(self) -> None:
        """A vault without a name is the default one, which is unique."""
        key = KeyId(1)
        nameless = NewVault(vault_key_id=key)
        (found,) = checked_vaults([nameless])
        self.assertEqual((found.key_id, found.name), (key, None))
        named = NewVault(vault_key_id=key, name="default")
        self.assertRaises(Invalid, checked_vaults, [nameless, named])

    def test_refused(self) -> None:
        """A name that Ansible would take apart, and a missing key, are refused."""
        for name in ("a@b", "-a", "a b", "a\n"):
            vault = NewVault(vault_key_id=KeyId(1), name=name)
            self.assertRaises(Invalid, checked_vaults, [vault])
        self.assertRaises(Invalid, checked_vaults, [NewVault(name="a")])


class ScriptTests(SynchronousTestCase):
    """Scripts that print a vault password."""

    def test_accepted(self) -> None:
        """A path in the repository needs no key."""
        new = NewVault(type="script", script="vault/client.sh", name="prod")
        (found,) = checked_vaults([new])
        self.assertEqual(
            (found.type, found.script, found.key_id),
            ("script", "vault/client.sh", None),
        )

    def test_refused(self) -> None:
        """A path outside, an expression, and a script of another type are refused."""
        for path in ("", "/bin/sh", "../x", "-x", "a\nb", "{{ x }}", "a/../../b"):
            vault = NewVault(type="script", script=path)
            self.assertRaises(Invalid, checked_vaults, [vault])
        both = NewVault(vault_key_id=KeyId(1), script="x.sh")
        self.assertRaises(Invalid, checked_vaults, [both])
        odd = NewVault(vault_key_id=KeyId(1), type="prompt")
        self.assertRaises(Invalid, checked_vaults, [odd])


class GroupsTests(SynchronousTestCase):
    """The variable groups of a template."""

    def test_either_form(self) -> None:
        """The list is preferred; an empty one leaves the single id."""
        one, two, three = map(EnvironmentId, (1, 2, 3))
        for new, expected in (
            (NewTemplate(), ()),
            (NewTemplate(environment_id=one), (one,)),
            (NewTemplate(environment_id=one, environment_ids=()), (one,)),
            (NewTemplate(environment_id=one, environment_ids=(two,)), (two,)),
            (NewTemplate(environment_ids=(one, two)), (one, two)),
            (NewTemplate(environment_ids=(EnvironmentId(0), two)), (two,)),
            # the later place of a group is the one that decides
            (NewTemplate(environment_ids=(two, three, two)), (three, two)),
        ):
            self.assertEqual(groups_of(new), expected)

    def test_change(self) -> None:
        """What a client has changed counts, not what it only sends back."""
        one, two, three = map(EnvironmentId, (1, 2, 3))
        stored = template(environment_id=one, environment_ids=(one, two))
        for new, expected in (
            (NewTemplate(environment_id=one, environment_ids=(one, two)), (one, two)),
            (NewTemplate(environment_id=three, environment_ids=(one, two)), (three,)),
            (NewTemplate(environment_ids=(one, two)), (one, two)),
            (NewTemplate(environment_ids=(two, one)), (two, one)),
            (NewTemplate(environment_id=one, environment_ids=(two,)), (two,)),
            (NewTemplate(environment_id=one, environment_ids=()), ()),
            (NewTemplate(environment_id=three, environment_ids=()), (three,)),
            (NewTemplate(environment_id=three), (three,)),
            (NewTemplate(), ()),
        ):
            self.assertEqual(groups_of(new, stored), expected, new)
