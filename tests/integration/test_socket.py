"""The websocket over real TLS: who may open it, and when it is closed."""

from tests.support.cases import ProductTestCase
from tests.support.websocket import Refused


class SocketTests(ProductTestCase):
    """Everything is decided before the upgrade, and looked at while it is open."""

    def cookie(self) -> str:
        """Log in again and return the session's cookie."""
        token = self.product.token
        cookie = self.product.log_in()
        self.product.token = token
        return cookie

    def refusal(self, **headers: str) -> int:
        """Return the status with which a handshake is refused."""
        with self.assertRaises(Refused) as refused:
            self.product.websocket(headers)
        return int(refused.exception.status)

    def test_own_page(self) -> None:
        """B44: a page of the site opens it with its cookie."""
        headers = {"Cookie": self.cookie(), "Origin": self.product.url}
        self.product.websocket(headers).close()
        headers["Origin"] = self.product.url.upper()
        self.product.websocket(headers).close()

    def test_foreign_page(self) -> None:
        """B45: a page of another site does not, and neither does no page at all."""
        cookie = self.cookie()
        for origin in ("https://evil.example", "null", "http://localhost", ""):
            self.assertEqual(self.refusal(Cookie=cookie, Origin=origin), 403, origin)
        self.assertEqual(self.refusal(Cookie=cookie), 403)

    def test_nobody(self) -> None:
        """B46: without credentials that hold it is refused before the upgrade."""
        self.assertEqual(self.refusal(), 401)
        self.assertEqual(self.refusal(Authorization="Bearer " + "a" * 43 + "="), 401)

    def test_no_handshake(self) -> None:
        """B41: a plain request is told what the address is for."""
        answer = self.product.call("GET", "/api/ws")
        self.assertEqual(answer.status, 426)
        self.assertEqual(answer.headers["upgrade"], "websocket")

    def test_logout(self) -> None:
        """B46, B59: a logout closes the session's websocket and ends the session."""
        cookie = self.cookie()
        socket = self.product.websocket({"Cookie": cookie, "Origin": self.product.url})
        socket.settimeout(10)
        self.product.call("POST", "/api/auth/logout", headers={"Cookie": cookie})
        self.assertIsNone(socket.read())
        self.assertEqual(socket.closed, 4401)
        answer = self.product.call("GET", "/api/user", headers={"Cookie": cookie})
        self.assertEqual((answer.status, answer.content), (401, b""))
