"""The store in memory: real SQL without files or threads, and a fixed clock."""

import hashlib
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Any, Concatenate, ParamSpec, TypeVar

import nacl.pwhash
from attrs import define, field
from sqlalchemy import create_engine
from twisted.internet.defer import Deferred, fail, succeed
from twisted.python.failure import Failure
from zope.interface import implementer

from semaphore_twisted.crypto.tokens import digest
from semaphore_twisted.interfaces import IDatabase, WriteFunction
from semaphore_twisted.model.ids import ProjectId, UserId
from semaphore_twisted.model.keys import KeyType
from semaphore_twisted.model.projects import Project
from semaphore_twisted.model.users import (
    Actor,
    Credentials,
    Permission,
    Role,
    TokenScope,
    User,
)
from semaphore_twisted.persistence import schema, task_texts
from semaphore_twisted.persistence.engine import Connection, connect

P = ParamSpec("P")
T = TypeVar("T")

#: The time at which every test begins.
BEGINNING = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)

#: The default password of users that :func:`make_user` creates.
PASSWORD = "correct horse battery"  # not secret


@define
class FixedClock:
    """A clock that only a test advances; call it for the time."""

    time: datetime = BEGINNING

    def __call__(self) -> datetime:
        """Return the current time."""
        return self.time

    def advance(self, seconds: float) -> None:
        """Advance the time by *seconds*."""
        self.time += timedelta(seconds=seconds)


@define
class Entropy:
    """Deterministic bytes that look random."""

    drawn: int = 0

    def __call__(self, count: int) -> bytes:
        """Return the next *count* bytes."""
        self.drawn += 1
        seed = self.drawn.to_bytes(8, "big")
        return hashlib.shake_256(seed).digest(count)


@lru_cache(maxsize=1)
def _template() -> sqlite3.Connection:
    """Return an empty database with all tables; created once."""
    made = sqlite3.connect(":memory:", check_same_thread=False)
    engine = create_engine("sqlite://", creator=lambda: made)
    schema.metadata.create_all(engine)
    with made:
        for each in task_texts.CREATE:
            made.execute(each)
    return made


def memory_connection(
    clock: Callable[[], datetime] | None = None,
    entropy: Callable[[int], bytes] | None = None,
) -> Connection:
    """Return a connection to a new, empty store with the current schema.

    Outside ``conn.transaction()`` each statement is committed at once.
    """
    conn = connect(":memory:", now=clock or FixedClock(), entropy=entropy or Entropy())
    _template().backup(conn.raw)
    return conn


@implementer(IDatabase)
@define(eq=False)
class MemoryDatabase:
    """Runs operations at once, on one connection, with the contract of the port.

    With ``database.held = True`` operations wait for :meth:`flush`, so that a test can
    check the state in between.
    """

    conn: Connection = field(factory=memory_connection)
    held: bool = False
    #: names of the operations that were run
    asked: list[str] = field(factory=list)
    #: names of the operations that were run as long reads
    asked_long: list[str] = field(factory=list)
    _waiting: list[Callable[[], Any]] = field(factory=list)

    def read(
        self,
        operation: Callable[Concatenate[Any, P], T],
        *args: P.args,
        **kwargs: P.kwargs,
    ) -> Deferred[T]:
        """Run *operation* read-only."""
        return self._run(False, lambda conn: operation(conn, *args, **kwargs))

    def long_read(
        self,
        operation: Callable[Concatenate[Any, P], T],
        *args: P.args,
        **kwargs: P.kwargs,
    ) -> Deferred[T]:
        """Run *operation* read-only."""
        self.asked_long.append(getattr(operation, "__name__", "?"))
        return self._run(False, lambda conn: operation(conn, *args, **kwargs))

    def write(
        self,
        operation: Callable[Concatenate[Any, P], T],
        *args: P.args,
        **kwargs: P.kwargs,
    ) -> Deferred[T]:
        """Run *operation* in a transaction of its own."""
        self.asked.append(getattr(operation, "__name__", "?"))
        return self._run(True, lambda conn: operation(conn, *args, **kwargs))

    def writing(
        self, *, urgent: bool = False, durable: bool = False, sparing: bool = False
    ) -> WriteFunction:
        """Return :meth:`write`: a store in memory has no disk that could be full."""
        return self.write

    def flush(self) -> None:
        """Run the operations that were held back, in order."""
        while self._waiting:
            self._waiting.pop(0)()

    def _run(self, write: bool, work: Callable[[Connection], T]) -> Deferred[T]:
        if not self.held:
            return self._now(write, work)
        later: Deferred[T] = Deferred()
        self._waiting.append(lambda: self._now(write, work).chainDeferred(later))
        return later

    def _now(self, write: bool, work: Callable[[Connection], T]) -> Deferred[T]:
        try:
            with (
                _query_only(self.conn, not write),
                self.conn.transaction(write=write),
            ):
                value = work(self.conn)
        except Exception:  # noqa: BLE001 - it is the caller's
            return fail(Failure())
        return succeed(value)


@contextmanager
def _query_only(conn: Connection, only: bool) -> Iterator[None]:
    conn.raw.execute(f"PRAGMA query_only={int(only)}")
    try:
        yield
    finally:
        conn.raw.execute("PRAGMA query_only=0")


@lru_cache(maxsize=16)
def quick_hash(password: str) -> str:
    """Return an argon2id hash with low cost."""
    return nacl.pwhash.argon2id.str(
        password.encode(),
        opslimit=nacl.pwhash.argon2id.OPSLIMIT_MIN,
        memlimit=nacl.pwhash.argon2id.MEMLIMIT_MIN,
    ).decode()


def make_user(
    conn: Connection,
    login: str = "alice",
    *,
    admin: bool = False,
    password: str | None = PASSWORD,
    active: bool = True,
    external: bool = False,
) -> User:
    """Store a user; with *password* ``None`` no password is accepted."""
    created = conn.now.replace(microsecond=0)
    values = {
        "created": created,
        "username": login.lower(),
        "name": login.title(),
        "email": f"{login.lower()}@example.com",
        "admin": admin,
        "external": external,
        "alert": False,
    }
    number = conn.insert(
        schema.user,
        **values,
        active=active,
        username_folded=login.lower(),
        email_folded=f"{login.lower()}@example.com",
        password="" if password is None else quick_hash(password),
    )
    return User(id=UserId(number), **values)  # type: ignore[arg-type]


def make_project(
    conn: Connection, owner: User | None = None, name: str = "Site"
) -> Project:
    """Store a project with a key ``None`` and an environment ``Empty``."""
    created = conn.now.replace(microsecond=0)
    number = conn.insert(schema.project, uuid=conn.uuid(), created=created, name=name)
    project = Project(id=ProjectId(number), name=name, created=created)
    conn.insert(
        schema.access_key,
        uuid=conn.uuid(),
        name="None",
        type=KeyType.NONE,
        project_id=number,
    )
    conn.insert(schema.environment, project_id=number, name="Empty", json="{}")
    if owner is not None:
        make_member(conn, project, owner, Role.OWNER)
    return project


def make_member(
    conn: Connection, project: Project, user: User, role: Role = Role.GUEST
) -> None:
    """Make *user* a member of *project*."""
    conn.insert(schema.project_user, project_id=project.id, user_id=user.id, role=role)


def make_session(
    conn: Connection, user: User, value: str | None = None
) -> tuple[str, Credentials]:
    """Log *user* in; return the cookie's value and the resulting credentials."""
    value = value or f"session-{user.id}-{conn.uuid()}"
    conn.insert(
        schema.session,
        user_id=user.id,
        digest=digest(value),
        created=conn.now,
        last_active=conn.now,
        ip="127.0.0.1",
        user_agent="test",
    )
    return value, Credentials(session_digest=digest(value))


def make_token(
    conn: Connection, user: User, scope: TokenScope | None = None
) -> tuple[str, Credentials]:
    """Create an API token for *user*; return it and the resulting credentials."""
    scope = scope or TokenScope()
    value = hashlib.sha256(conn.entropy(32)).hexdigest()[:43] + "="
    conn.insert(
        schema.user_token,
        digest=digest(value),
        prefix=value[:8],
        user_id=user.id,
        created=conn.now,
        read_only=scope.read_only,
        project_id=scope.project_id,
    )
    return value, Credentials(token_digest=digest(value))


def actor_of(
    user: User, project: Project | None = None, role: Role | None = Role.OWNER
) -> Actor:
    """Return *user* as an actor, in *project* with *role*; stores nothing."""
    if project is None:
        return Actor(user=user)
    permissions = role.permissions if role else Permission.NONE
    return Actor(
        user=user,
        project_id=project.id,
        role=role,
        permissions=Permission(15) if user.admin else permissions,
    )
