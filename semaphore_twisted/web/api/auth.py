"""Logging in and out."""

import msgspec
from twisted.logger import Logger
from typing_extensions import override

from semaphore_twisted.crypto import passwords
from semaphore_twisted.identity import throttle
from semaphore_twisted.identity.login import log_in
from semaphore_twisted.model.errors import Invalid, NotAuthenticated, NotPermitted
from semaphore_twisted.model.reprs import redacted
from semaphore_twisted.model.texts import Name, Password
from semaphore_twisted.model.users import Access
from semaphore_twisted.operations.accounts import sessions, users
from semaphore_twisted.web.http.context import RequestContext
from semaphore_twisted.web.http.cookies import expired_cookie, session_cookie
from semaphore_twisted.web.http.routing import Route

_log = Logger()

_PLAIN = (
    "This login would cross the network in clear text. Use https, or let the proxy"
    " send X-Forwarded-Proto: https, or set web_host to the https address; only the"
    " option insecure_http allows it as it is"
)


class LoginMethods(msgspec.Struct, frozen=True, kw_only=True):
    """The available ways to log in."""

    oidc_providers: list[dict[str, str]] = []
    login_with_password: bool


class LoginRequest(msgspec.Struct, frozen=True, kw_only=True):
    """A login name or e-mail address, and the password."""

    auth: Name = ""
    password: Password = ""

    @override
    def __repr__(self) -> str:
        """Show no secrets."""
        return redacted(self, "auth")


async def methods(context: RequestContext) -> LoginMethods:
    """Show the available ways to log in."""
    return LoginMethods(login_with_password=not context.config.password_login_disable)


async def login(context: RequestContext, body: LoginRequest) -> None:
    """Log in: the response sets the session cookie.

    A wrong name and a wrong password cannot be told apart, neither by the answer nor by
    time.
    """
    if context.config.password_login_disable:
        raise NotPermitted
    _check_way(context)
    subject = throttle.Subject(account=body.auth, address=context.address)
    withheld = await _is_withheld(context, subject)
    stored = await context.read_unchecked(users.credentials_of, body.auth)
    if stored is None or withheld:
        right = await context.compute(passwords.verify_nobody, body.password)
    else:
        right = await context.compute(passwords.verify, body.password, stored.password)
    if stored is None or not right:
        await context.write_unchecked(throttle.failed, subject)
        raise NotAuthenticated
    try:
        value = await _begin(context, body, subject, stored)
    except throttle.Withheld:
        raise NotAuthenticated from None
    context.set_cookie(
        session_cookie(
            value,
            path=context.cookie_path,
            secure=context.secure,
            lifetime=context.config.session.limits.lifetime,
        )
    )


async def _begin(
    context: RequestContext,
    body: LoginRequest,
    subject: throttle.Subject,
    check: users.PasswordCheck,
) -> str:
    """Create the session after the password was verified; return the cookie's value."""
    renewed, limits = None, context.config.session.limits
    if passwords.needs_rehash(check.password):
        renewed = await context.compute(passwords.hash_password, body.password)
    return await context.write_unchecked(
        log_in,
        subject,
        check.id,
        password=check.password,
        renewed=renewed,
        user_agent=context.user_agent,
        limits=limits,
    )


async def _is_withheld(context: RequestContext, subject: throttle.Subject) -> bool:
    """Return whether the attempt is silently refused by the throttle.

    :raises TooManyAttempts: if it is openly refused
    """
    try:
        await throttled(context, subject)
    except throttle.Withheld:
        return True
    return False


async def throttled(context: RequestContext, subject: throttle.Subject) -> None:
    """Refuse an attempt that the throttle does not allow yet.

    :raises TooManyAttempts: if the attempt comes too early
    """
    if await context.read_unchecked(throttle.ahead):
        await context.write_unchecked(throttle.settle)
    await context.read_unchecked(throttle.check, subject)


def _check_way(context: RequestContext) -> None:
    """Refuse a password that crossed the network in clear text."""
    client = context.client
    if context.secure or client.here or context.config.insecure_http:
        return
    if client.trusted and client.scheme is None:
        _log.warn(
            "A login was refused: the proxy in front sends no X-Forwarded-Proto, and "
            "web_host, which could say https instead, is not set"
        )
    raise Invalid(_PLAIN)


async def logout(context: RequestContext) -> None:
    """Log out: the session ends and its cookie is deleted."""
    if context.credentials.session_digest is not None:
        await context.write_unchecked(sessions.end, context.credentials.session_digest)
        context.access_changed()
    context.set_cookie(expired_cookie(path=context.cookie_path, secure=context.secure))


ROUTES = (
    Route.get("/auth/login", methods, Access.PUBLIC, answer=LoginMethods),
    Route.post(
        "/auth/login",
        login,
        Access.PUBLIC,
        body=LoginRequest,
        refusals=frozenset({401, 403, 429}),
        urgent=True,
    ),
    Route.post("/auth/logout", logout, Access.PUBLIC, urgent=True),
)
