"""Addresses that only look like one that is open to all."""

from tests.support.vpn_api import VpnApiCase

#: Odd spellings of a path below the peers.
SPELLINGS = (
    "/api/vpn/enroll/../peers",
    "/api/vpn/x/../peers",
    "/api/vpn//peers",
    "/api//vpn/peers",
    "/api/vpn/peers/",
    "/api/vpn/peers;/api/vpn/enroll",
    "/api/vpn/peers%2f1",
    "/api/vpn/%70eers",
    "/api/VPN/peers",
    "/api/auth/login/../../vpn/peers",
    "/api/vpn/ca/../peers/1",
)

#: What is no number of a peer.
NUMBERS = (
    "..%2f..%2fetc%2fpasswd",
    "%2e%2e",
    "1%00",
    "-1",
    "1.0",
    "0x1",
    "%D9%A3",
    "9" * 30,
)


class PathTests(VpnApiCase):
    """The right is the route's, and not the text's."""

    def test_spellings(self) -> None:
        """No spelling of a path passes the login."""
        self.peer()
        for path in SPELLINGS:
            answer = self.anybody.get(path)
            self.assertIn(answer.status, {401, 404, 405}, path)
            self.assertNotIn(b"public_key", answer.body, path)

    def test_numbers(self) -> None:
        """An invalid id of a peer gives 404, after a login."""
        for text in NUMBERS:
            for method in ("GET", "DELETE"):
                path = f"/api/vpn/peers/{text}"
                answer = self.anybody.request(method, path)
                self.assertIn(answer.status, {401, 404}, path)
                answer = self.as_admin.request(method, path)
                self.assertIn(answer.status, {400, 404}, path)
