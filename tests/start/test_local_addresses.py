"""Names and addresses of the machine, from the kernel and a file."""

import ipaddress

from twisted.trial.unittest import SynchronousTestCase

from semaphore_twisted.start import local_addresses

TRIE = """\
Main:
  +-- 0.0.0.0/0 3 0 5
     |-- 0.0.0.0
        /0 universe UNICAST
     +-- 127.0.0.0/8 2 0 2
           |-- 127.0.0.0
              /8 host LOCAL
           |-- 127.0.0.1
              /32 host LOCAL
     |-- 169.254.1.1
        /32 host LOCAL
     |-- 192.0.2.7
        /32 host LOCAL
     |-- 192.0.2.255
        /32 link BROADCAST
Local:
     |-- 192.0.2.7
        /32 host LOCAL
"""

TABLE = """\
00000000000000000000000000000001 01 80 10 80       lo
20010db8000000000000000000000007 02 40 00 80     eth0
fe80000000000000021122fffe334455 02 40 20 80     eth0
"""

HOSTS = """\
127.0.0.1 localhost
127.0.1.1 box.example.org box # box.commented.org
192.0.2.9 boxer.example.org other.example.org
"""


class OwnNamesTests(SynchronousTestCase):
    """The names that are found."""

    def test_ipv4(self) -> None:
        """Local addresses are found once; networks and link-local ones are not."""
        self.assertEqual(
            local_addresses.ipv4_addresses(TRIE), ["127.0.0.1", "192.0.2.7"]
        )

    def test_ipv6(self) -> None:
        """Addresses of interfaces are found but for link-local ones."""
        self.assertEqual(local_addresses.ipv6_addresses(TABLE), ["::1", "2001:db8::7"])
        self.assertEqual(local_addresses.ipv6_addresses("nonsense\n" + "x" * 32), [])

    def test_longer_forms(self) -> None:
        """The host's full name is found in the file of hosts, and no other's."""
        self.assertEqual(
            local_addresses.longer_forms("box", HOSTS), ["box.example.org"]
        )

    def test_this_machine(self) -> None:
        """This machine has localhost, loopback, and only addresses that are ones."""
        self.assertEqual(local_addresses.own_names()[0], "localhost")
        addresses = local_addresses.own_addresses()
        self.assertEqual(addresses[:2], ("127.0.0.1", "::1"))
        for each in addresses:
            self.assertFalse(ipaddress.ip_address(each).is_link_local)
