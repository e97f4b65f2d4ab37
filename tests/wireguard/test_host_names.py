"""Tests of the names of hosts that inventories give to Ansible."""

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from semaphore_twisted.wireguard.host_names import aliases, checked, fault_of, plain
from semaphore_twisted.wireguard.names import WrongName

GOOD = (
    "db1",
    "DB-1.example.com",
    "a",
    "web_1",
    "10.0.0.256",
    "7-up",
    "localhosts",
    "my-localhost",
    "tags",
    "hosts.example.com",
    "all-hosts",
    "db.ymlx",
)

MACHINE = (
    "localhost",
    "Localhost",
    "LOCALHOST",
    "localhost4",
    "localhost6",
    "localhost.localdomain",
    "db.localhost",
    "localhost6.localdomain6",
    "ip6-localhost",
    "ip6-loopback",
    "ip6-allnodes",
    "loopback",
)

ADDRESSES = (
    "127.0.0.1",
    "127.1",
    "127.255.255.254",
    "0",
    "0.0.0.0",
    "2130706433",
    "0x7f000001",
    "0X7F.1",
    "0177.0.0.1",
    "10.80.0.2",
)

WORDS = (
    "all",
    "ALL",
    "ungrouped",
    "vars",
    "hosts",
    "children",
    "hostvars",
    "tag_db",
    "Tag_",
    "yes",
    "null",
)

CHARACTERS = (
    "",
    " ",
    "_meta",
    "-x",
    ".x",
    "localhost.",
    "db.",
    "::1",
    "[::1]",
    "fd80::2",
    "*",
    "db*",
    "!db",
    "&db",
    "~db",
    "@db",
    "db[0]",
    "db[1:3]",
    "a:b",
    "a,b",
    "a b",
    "a/b",
    "../db",
    "{{ db }}",
    "db\n",
    "\N{FULLWIDTH LATIN SMALL LETTER L}ocalhost",
    "loc\N{CYRILLIC SMALL LETTER A}lhost",
    "db\N{ARABIC-INDIC DIGIT ONE}",
    "\N{ARABIC-INDIC DIGIT ONE}",
)

FILES = ("db.yml", "db.YAML", "db.json")

REFUSED = (*MACHINE, *ADDRESSES, *WORDS, *CHARACTERS, *FILES)


class HostNameTests(SynchronousTestCase):
    """Valid names of a host."""

    def test_accepted(self) -> None:
        """Plain names are accepted."""
        for name in GOOD:
            self.assertEqual(checked(name), name)

    def test_refused(self) -> None:
        """A name that Ansible or a playbook takes for something else is refused."""
        for name in REFUSED:
            error = self.assertRaises(WrongName, checked, name)
            self.assertIn("expected", error.message)
            self.assertNotIn("\n", error.message)

    def test_plain(self) -> None:
        """The replacement of a refused name is valid."""
        for name in REFUSED:
            self.assertIsNone(fault_of(plain(name)), name)

    @given(st.lists(st.one_of(st.sampled_from(REFUSED + GOOD), st.text()), unique=True))
    def test_aliases(self, names: list[str]) -> None:
        """Each host has an alias of its own, and a good name is its host's alias."""
        found = aliases((name, ()) for name in names)
        self.assertEqual(len(set(found)), len(names))
        for name, alias in zip(names, found, strict=True):
            self.assertIsNone(fault_of(alias), alias)
            if fault_of(name) is None:
                self.assertEqual(alias, name)
