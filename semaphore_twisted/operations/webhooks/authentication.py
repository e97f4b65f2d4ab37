"""Whether the sender of a delivery knows the secret of an integration.

The reason is for the log of deliveries; the sender is told nothing. Secrets are
compared in constant time (``crypto.signatures``).
"""

from base64 import b64decode

from semaphore_twisted.crypto import signatures
from semaphore_twisted.crypto.keyring import Keyring
from semaphore_twisted.model.deliveries import RawDelivery
from semaphore_twisted.model.errors import DomainError, SecretUnreadable
from semaphore_twisted.model.integrations import AuthMethod, HashName, Integration
from semaphore_twisted.model.keys import KeyRow, LoginPassword, Text
from semaphore_twisted.operations.tasks.secrets import open_secret

#: The headers with the signature or the secret, by method; the first that is there.
_HEADERS = {
    AuthMethod.GITHUB: ("x-hub-signature-256",),
    AuthMethod.GITLAB: ("x-gitlab-token",),
    AuthMethod.BITBUCKET: ("x-hub-signature-256", "x-hub-signature"),
    AuthMethod.BASIC: ("authorization",),
}


class Unproven(DomainError):
    """The sender is not authenticated; the sentence is for the log of deliveries."""

    sentence = "The sender is not authenticated"

    def __init__(self, sentence: str, *, guess: bool = False) -> None:
        """State the reason; *guess* is whether a wrong secret was sent."""
        super().__init__(sentence)
        self.guess = guess


def method_of(integration: Integration) -> AuthMethod | None:
    """Return the method of an integration; ``None`` if the stored one is unknown."""
    try:
        return AuthMethod(integration.auth_method or AuthMethod.NONE)
    except ValueError:
        return None


def secret_headers(integration: Integration) -> tuple[str, ...]:
    """Return the names of the headers in which an integration expects its secret."""
    method = method_of(integration)
    return (*_HEADERS.get(method or AuthMethod.NONE, ()), integration.auth_header)


def prove(
    integration: Integration,
    key: KeyRow | None,
    delivery: RawDelivery,
    keyring: Keyring,
) -> None:
    """Check that *delivery* has the secret of *integration*, which is in *key*.

    :raises Unproven: with the reason
    """
    if integration.fault:  # what is damaged may be the method itself
        raise Unproven(
            "The sender is not checked, because the integration is damaged:"
            f" {integration.fault}"
        )
    method = method_of(integration)
    if method is None:
        raise Unproven(f"The method {integration.auth_method} is not known here")
    if method is AuthMethod.NONE:
        return
    secret = _opened(key, keyring)
    names = _HEADERS.get(method) or (integration.auth_header,)
    sent = next(filter(None, map(delivery.header, names)), None)
    if sent is None:
        raise Unproven(f"The header {' or '.join(names)} is missing")
    if not _matches(method, integration, secret, sent, delivery.body):
        what = "signature" if method.signs else "secret"
        raise Unproven(
            f"The {what} in the header {' or '.join(names)} is wrong", guess=True
        )


def _opened(key: KeyRow | None, keyring: Keyring) -> LoginPassword:
    """Return the secret of an integration; a text has no login.

    :raises Unproven: if it cannot be used
    """
    if key is None:
        raise Unproven("The integration has no access key with the secret")
    try:
        secret = open_secret(keyring, key)
    except SecretUnreadable as error:
        raise Unproven(error.message) from None
    if isinstance(secret, Text):
        return LoginPassword(login="", password=secret.text)
    if not isinstance(secret, LoginPassword):
        raise Unproven("The access key is neither a password nor a text")
    return secret


def _matches(
    method: AuthMethod,
    integration: Integration,
    secret: LoginPassword,
    sent: str,
    body: bytes,
) -> bool:
    prefix, password = integration.auth_prefix or "", secret.password
    match method:
        case AuthMethod.BASIC:
            return _basic(sent, secret.login, password)
        case AuthMethod.TOKEN:
            bare = sent.removeprefix(prefix).strip()
            return signatures.same_text(bare, password) and sent.startswith(prefix)
        case AuthMethod.GITLAB:
            return signatures.same_text(sent, password)
        case AuthMethod.HMAC:
            algorithm = integration.auth_algorithm or HashName.SHA256
            return signatures.signed(
                body, password, sent=sent, algorithm=algorithm, prefix=prefix
            )
    return signatures.signed(body, password, sent=sent)


def _basic(sent: str, login: str, password: str) -> bool:
    """Compare HTTP basic authentication (RFC 7617); an empty *login* permits any."""
    kind, _, value = sent.partition(" ")
    try:
        name, _, given = b64decode(value, validate=True).decode().partition(":")
    except ValueError:
        name = given = ""
    same_name = signatures.same_text(name, login) or not login
    return (
        signatures.same_text(given, password) and same_name and kind.lower() == "basic"
    )
