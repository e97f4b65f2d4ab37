"""Tests of how bodies are read."""

import contextlib

import msgspec
from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from semaphore_twisted.model.errors import Invalid
from semaphore_twisted.web.http.request_bodies import decoded


class Login(msgspec.Struct, frozen=True, kw_only=True):
    """An inner object."""

    login: str = ""
    password: str = ""


class NewThing(msgspec.Struct, frozen=True, kw_only=True):
    """A body of a request."""

    name: str = ""
    key_id: int | None = 3
    login_password: Login = Login()
    vaults: tuple[Login, ...] | None = None
    params: dict[str, int] = {}


class Strict(msgspec.Struct, frozen=True, kw_only=True):
    """A body with a field that must be there."""

    name: str


class Exact(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A body whose fields are all that may be sent."""

    name: str
    tags: tuple[str, ...] = ()
    expires: int | None = None


class ExactTests(SynchronousTestCase):
    """A Struct that forbids unknown fields is taken at its word."""

    def refused(self, body: bytes) -> str:
        """Return why *body* is refused."""
        error: Invalid = self.assertRaises(Invalid, decoded, body, Exact)
        return error.message

    def test_known(self) -> None:
        """Every field arrives."""
        value, _ = decoded(b'{"name":"a","tags":["x"],"expires":null}', Exact)
        self.assertEqual(value, Exact(name="a", tags=("x",)))

    def test_unknown(self) -> None:
        """An unknown field is refused by its name."""
        said = self.refused(b'{"name":"a","revoked":true}')
        self.assertEqual(said, "revoked: unknown field")

    def test_case(self) -> None:
        """A field in another case is an unknown one."""
        self.assertEqual(self.refused(b'{"Name":"a"}'), "Name: unknown field")

    def test_null(self) -> None:
        """A null is no way to leave a field out."""
        self.assertIn("tags", self.refused(b'{"name":"a","tags":null}'))


class DecodedTests(SynchronousTestCase):
    """Bodies are read as Go's decoder would, and refused with a sentence."""

    def test_keys_without_case(self) -> None:
        """Keys are found without regard to case, inside objects and lists too."""
        body = b'{"Name":"a","LOGIN_password":{"LOGIN":"b"},"Vaults":[{"Login":"c"}]}'
        value, outer = decoded(body, NewThing)
        self.assertEqual(value.name, "a")
        self.assertEqual(value.login_password, Login(login="b"))
        self.assertEqual(value.vaults, (Login(login="c"),))
        self.assertIn("name", outer)

    def test_null(self) -> None:
        """A null is kept where the field can be null, else it counts as absent."""
        value, _ = decoded(
            b'{"name":null,"key_id":null,"login_password":null}', NewThing
        )
        self.assertEqual(value, NewThing(key_id=None))

    def test_unknown(self) -> None:
        """Unknown fields are ignored, and kept in the outer object."""
        value, outer = decoded(b'{"id":-100000000,"tasks":{"a":[1]}}', NewThing)
        self.assertEqual(value, NewThing())
        self.assertEqual(outer["id"], -100000000)

    def test_empty(self) -> None:
        """An empty body is an empty object."""
        self.assertEqual(decoded(b" \n", NewThing)[0], NewThing())
        with self.assertRaises(Invalid) as caught:
            decoded(b"", Strict)
        self.assertIn("name", caught.exception.message)

    def test_keys_of_a_mapping(self) -> None:
        """The keys of a mapping are data: their case is kept, their nulls refused."""
        value, _ = decoded(b'{"params":{"Aa":1}}', NewThing)
        self.assertEqual(value.params, {"Aa": 1})
        self.assertEqual(decoded(b'{"7":1}', dict[str, int])[0], {"7": 1})

    def test_where(self) -> None:
        """A wrong type is refused with the place where it is."""
        with self.assertRaises(Invalid) as caught:
            decoded(b'{"vaults":[{"login":1}]}', NewThing)
        self.assertEqual(caught.exception.message, "vaults[0].login must be a text")

    def test_strict_types(self) -> None:
        """A number is no text, a text no number, one no truth value."""
        for body in (b'{"name":1}', b'{"key_id":"1"}', b'{"key_id":true}'):
            with self.assertRaises(Invalid):
                decoded(body, NewThing)

    def test_no_json(self) -> None:
        """A body that is not JSON, no object, truncated or not UTF-8 is refused."""
        for body in (b"{", b"[]", b'"a"', b"\xff", b'{"name":"\xff"}', b"{}x", b"1"):
            with self.assertRaises(Invalid):
                decoded(body, NewThing)

    def test_too_deep(self) -> None:
        """A body that is nested a hundred thousand times is refused."""
        with self.assertRaises(Invalid):
            decoded(b'{"a":' + b"[" * 100_000 + b"]" * 100_000 + b"}", NewThing)

    def test_too_large_a_number(self) -> None:
        """A number that the store cannot hold is refused."""
        for number in (2**63, -(2**64), 10**30):
            with self.assertRaises(Invalid):
                decoded(b'{"key_id":%d}' % number, NewThing)

    @given(st.binary(max_size=60))
    def test_noise(self, body: bytes) -> None:
        """Noise is read or refused."""
        with contextlib.suppress(Invalid):
            decoded(body, NewThing)
