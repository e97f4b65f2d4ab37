"""The limits of every buffer that a client, a guest or a job can fill.

Listeners, sockets, readers and stores take their limits from this module, and from no
other place. ``docs/architecture.md`` has one table of them, which a test compares with
this module. Sizes are in bytes unless the name or the comment says otherwise; a source
is what :func:`semaphore_twisted.model.ip.source` returns.
"""

from typing import Final

_KIB: Final = 1024
_MIB: Final = 1024 * 1024

# Listeners ---------------------------------------------------------------------------

#: Connections that have sent no request yet: of one source, and of all.
LOBBY_OF_SOURCE: Final = 64
LOBBY: Final = 512

#: Seconds for the first bytes and the handshake, or for a refused request.
LOBBY_SECONDS: Final = 10.0

#: Bytes of a TLS client hello.
HELLO: Final = 32 * _KIB

#: Open connections, without websockets: of one source, and of all.
CONNECTIONS_OF_SOURCE: Final = 512
CONNECTIONS: Final = 4096

#: Sources that a counter remembers; the one that is quiet for longest is forgotten.
SOURCES: Final = 4096

#: Bytes of a request's head, and headers in it.
HEAD: Final = 16 * _KIB
HEADERS: Final = 500

#: Seconds for a head, and for each :data:`BODY_FLOOR` bytes of a body.
REQUEST_SECONDS: Final = 20
BODY_FLOOR: Final = 32 * _KIB

#: Seconds that a connection may be idle, and that an answer waits for a client that
#: reads nothing.
IDLE_SECONDS: Final = 60
STALLED_SECONDS: Final = 120

#: Bytes of a head over plain HTTP that is redirected, and of what follows it.
REDIRECT_HEAD: Final = 4 * _KIB
REDIRECT_REST: Final = 64 * _KIB

# Bodies ------------------------------------------------------------------------------

#: Bytes of a body before its credentials are known, and with valid credentials.
BODY_UNKNOWN: Final = 64 * _KIB
BODY: Final = 4 * _MIB

#: Bytes of a body that are not counted, so that a login is never refused for others.
BODY_SMALL: Final = 4 * _KIB

#: Bytes of all bodies before their credentials are known: of one source, and of all.
BODIES_UNKNOWN_OF_SOURCE: Final = 1 * _MIB
BODIES_UNKNOWN: Final = 16 * _MIB

#: Bytes of all bodies with valid credentials: of one account, and of all.
BODIES_OF_ACCOUNT: Final = 16 * _MIB
BODIES: Final = 64 * _MIB

#: Values in the JSON of a body: each costs 100 bytes of memory, and may be sent as two.
BODY_VALUES: Final = 50_000

#: Bytes of a body for the page of devices that enroll, and for the challenge port.
ENROLL_BODY: Final = 16 * _KIB
CHALLENGE_BODY: Final = 4 * _KIB

#: Bytes of a refused body that are read and discarded, so that the answer arrives.
DISCARDED: Final = 64 * _MIB

# Texts of the API --------------------------------------------------------------------

#: Characters of a name, and of a task's message.
NAME: Final = 255
MESSAGE: Final = 1_000

#: Characters of a path, a repository's address, a branch, a password, a description.
PATH: Final = 4_096
ADDRESS: Final = 2_000
BRANCH: Final = 250
PASSWORD: Final = 4_096
DESCRIPTION: Final = 10_000

#: Bytes of a task's JSON fields, and of an inventory, a JSON or an environment text.
TASK_JSON: Final = 64 * _KIB
TEXT: Final = 1 * _MIB

#: Bytes of a template's survey variables, as JSON.
SURVEY: Final = 256 * _KIB

#: Bytes of a secret text.
SECRET: Final = 64 * _KIB

#: Characters of a new password at least, where ``password_min_length`` says nothing.
PASSWORD_LEAST: Final = 8

#: Bytes of a private key, as it is pasted.
PRIVATE_KEY: Final = 64 * _KIB

# Answers and batches -----------------------------------------------------------------

#: Bytes of one batch: of a log, of a stream, of what a websocket missed.
BATCH: Final = 256 * _KIB

#: Characters of a log that are read from the store at a time, and that are encoded at
#: a time: JSON writes one of them with six bytes at most.
LOG_PAGE: Final = 64 * _KIB
LOG_PORTION: Final = 32 * _KIB

# Disk --------------------------------------------------------------------------------

#: Free bytes of the disk at which a job's output is dropped: so many, and at most this
#: part of a small disk.
DISK_RESERVE: Final = 64 * _MIB
DISK_RESERVE_PART: Final = 16

#: Bytes of a job's output after whose storage their room in the spool is released.
SPOOL_RELEASED: Final = 4 * _MIB

#: Bytes beside the database that ends of tasks and logins may use when the disk is
#: full: so many, and at most this part of a small disk; in files of equal size.
BALLAST: Final = 16 * _MIB
BALLAST_PART: Final = 32
BALLAST_FILES: Final = 8

#: Bytes that the database's write-ahead log keeps after a large transaction.
WRITE_AHEAD_LOG: Final = 16 * _MIB

#: Bytes of an answer that are written at once and not counted; bytes of all longer
#: answers that are not read yet: of one account or source, and of all. A stream counts
#: as one batch.
ANSWER_SMALL: Final = 64 * _KIB
ANSWERS_OF_ACCOUNT: Final = 16 * _MIB
ANSWERS: Final = 128 * _MIB

#: Parts of logs, and tasks, that one transaction deletes.
SLICE_PARTS: Final = 200

#: Free pages that the database file keeps, and that are given back at once.
FREE_PAGES: Final = 2048
VACUUM_PAGES: Final = 256

# Websockets --------------------------------------------------------------------------

#: Bytes of one message from the other side; nothing of it is kept.
WEBSOCKET_MESSAGE: Final = 64 * _KIB

#: Bytes that are on their way to a client that has not read them, and after how many a
#: ping asks whether they were read.
WEBSOCKET_WINDOW: Final = 1 * _MIB
WEBSOCKET_MARK: Final = 64 * _KIB

#: Open websockets: of one account, and of all; and those whose client does not read,
#: so that bytes wait in memory for it: the one that waits for longest is closed.
WEBSOCKETS_OF_ACCOUNT: Final = 1024
WEBSOCKETS: Final = 4096
WEBSOCKETS_UNREAD: Final = 256

# Logs of tasks -----------------------------------------------------------------------

#: Bytes of a line of a job's output; a longer one becomes several.
LOG_LINE: Final = 64 * _KIB

#: Bytes of a record in a job's spool, bytes that are read of it at a time, and lines
#: that are stored at a time.
SPOOL_RECORD: Final = 4 * _MIB
SPOOL_READ: Final = 256 * _KIB
SPOOL_LINES: Final = 2_000

#: Connections to a job's supervisor, and bytes of an order.
SUPERVISOR_CONNECTIONS: Final = 16
SUPERVISOR_ORDER: Final = 64

#: Lines and bytes of a stored part of a log, before it is compressed.
CHUNK_LINES: Final = 1_000
CHUNK: Final = 64 * _KIB

# The resolver of the VPN -------------------------------------------------------------

#: Bytes of a question over a connection.
QUESTION: Final = 4 * _KIB

#: Questions of one peer: a second, at once, and passed on; and passed on of all.
QUESTIONS_PER_SECOND: Final = 50.0
QUESTIONS_AT_ONCE: Final = 200.0
QUESTIONS_WAITING_OF_SOURCE: Final = 64
QUESTIONS_WAITING: Final = 256

#: Connections of one peer, and of all; seconds that one may be idle.
RESOLVER_CONNECTIONS_OF_SOURCE: Final = 8
RESOLVER_CONNECTIONS: Final = 64
RESOLVER_SECONDS: Final = 10.0

# The companion's socket --------------------------------------------------------------

#: Bytes of a frame, and connections at once of a user who may speak.
COMPANION_FRAME: Final = 8 * _MIB
COMPANION_CONNECTIONS: Final = 8

#: Bytes of an answer of the program that serves the VPN's device.
DEVICE_ANSWER: Final = 32 * _MIB

#: Seconds between two lines of the log about the same kind of refusal.
QUIET_SECONDS: Final = 60.0

#: Tasks whose news a websocket may be behind with, before it has to come again.
WEBSOCKET_TASKS_BEHIND: Final = 1_000

# Events ------------------------------------------------------------------------------

#: Events in one answer.
EVENTS: Final = 1_000

#: Events of failed logins that are kept, and counters of failed logins.
LOGIN_EVENTS: Final = 100_000
LOGIN_COUNTERS: Final = 100_000
