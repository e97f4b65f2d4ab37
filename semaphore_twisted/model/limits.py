"""The limits of all buffers that a client, a guest or a job can fill.

Listeners, sockets, readers and stores take their limits only from this module, the
companion from :mod:`semaphore_twisted.model.companion_limits`.
``docs/architecture.md`` has a table of them, which a test compares with this module.
Sizes are in bytes unless the name or the comment states another unit; a source is the
result of :func:`semaphore_twisted.model.ip.source`.
"""

from typing import Final

_KIB: Final = 1024
_MIB: Final = 1024 * 1024

# Listeners ---------------------------------------------------------------------------

#: Connections that have not sent a request: per source, and in total.
PENDING_OF_SOURCE: Final = 64
PENDING: Final = 512

#: Seconds for the first bytes and the TLS handshake, or for a refused request.
PENDING_SECONDS: Final = 10.0

#: Bytes of a TLS client hello.
HELLO: Final = 32 * _KIB

#: Open connections without websockets: per source, and in total.
CONNECTIONS_OF_SOURCE: Final = 512
CONNECTIONS: Final = 4096

#: Sources that a counter keeps; the least recently active one is dropped.
SOURCES: Final = 4096

#: Bytes of a request's head, and number of its headers.
HEAD: Final = 16 * _KIB
HEADERS: Final = 500

#: Seconds for a request's head, and for each :data:`BODY_FLOOR` bytes of a body.
REQUEST_SECONDS: Final = 20
BODY_FLOOR: Final = 32 * _KIB

#: Seconds that a connection may be idle, and that an answer waits for a client that
#: does not read.
IDLE_SECONDS: Final = 60
STALLED_SECONDS: Final = 120

#: Bytes of a plain HTTP request's head that is redirected, and of the data after it.
REDIRECT_HEAD: Final = 4 * _KIB
REDIRECT_REST: Final = 64 * _KIB

# Bodies ------------------------------------------------------------------------------

#: Bytes of a body before its credentials are checked, and with valid credentials.
BODY_UNKNOWN: Final = 64 * _KIB
BODY: Final = 4 * _MIB

#: Bytes of a body that is not counted, so that load never blocks a login.
BODY_SMALL: Final = 4 * _KIB

#: Bytes of all bodies before their credentials are checked: per source, and in total.
BODIES_UNKNOWN_OF_SOURCE: Final = 1 * _MIB
BODIES_UNKNOWN: Final = 16 * _MIB

#: Bytes of all bodies with valid credentials: per account, and in total.
BODIES_OF_ACCOUNT: Final = 16 * _MIB
BODIES: Final = 64 * _MIB

#: Values in a body's JSON: each uses 100 bytes of memory, and can be sent in two bytes.
BODY_VALUES: Final = 50_000

#: Bytes of a body for the enrollment page, and for the challenge port.
ENROLL_BODY: Final = 16 * _KIB
CHALLENGE_BODY: Final = 4 * _KIB

#: Bytes of a refused body that are read and discarded, so that the answer arrives.
DISCARDED: Final = 64 * _MIB

# Texts of the API --------------------------------------------------------------------

#: Characters of a name, and of a task's message.
NAME: Final = 255
MESSAGE: Final = 1_000

#: Characters of a path, a repository's URL, a branch, a password, a description.
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

#: Minimum characters of a new password, unless ``password_min_length`` is set.
PASSWORD_LEAST: Final = 8

#: Bytes of a private key, as it is pasted.
PRIVATE_KEY: Final = 64 * _KIB

#: A regular expression that a user wrote: instructions of its program, of one and of
#: all in a survey; bytes of its memory, and of the text that it is applied to.
PATTERN_SIZE: Final = 2000
SURVEY_PATTERNS: Final = 4000
PATTERN_MEMORY: Final = 1 * _MIB
PATTERN_TEXT: Final = 4 * _KIB

# States ------------------------------------------------------------------------------

#: Bytes of a state of Terraform, and of a lock's description.
STATE: Final = 16 * _MIB
STATE_LOCK: Final = 4 * _KIB

#: Bytes of a state that a task could not store, which is kept all the same.
STATE_RESCUED: Final = 64 * _MIB

#: Versions of a workspace's state that are kept, and bytes of them as they are stored;
#: the newest one is always kept.
STATE_VERSIONS: Final = 100
STATE_HISTORY: Final = 64 * _MIB

#: Aliases of a workspace's state.
STATE_ALIASES: Final = 20

#: Connections to the local socket for states, and bytes of all bodies there before
#: their credentials are checked.
STATE_CONNECTIONS: Final = 256
STATE_BODIES_UNKNOWN: Final = 1 * _MIB

# Answers and batches -----------------------------------------------------------------

#: Bytes of one batch: of a log, of a stream, or of missed websocket messages.
BATCH: Final = 256 * _KIB

#: Characters of a log that are read from the database at a time, and that are encoded
#: at a time: JSON encodes a character in at most six bytes.
LOG_PAGE: Final = 64 * _KIB
LOG_PORTION: Final = 32 * _KIB

# Disk --------------------------------------------------------------------------------

#: Free disk space in bytes below which the output of jobs is dropped; on a small disk,
#: at most this fraction (1/n) of it.
DISK_RESERVE: Final = 64 * _MIB
DISK_RESERVE_PART: Final = 16

#: Bytes of a job's output that are stored before the spool releases their space.
SPOOL_RELEASED: Final = 4 * _MIB

#: Bytes reserved beside the database for urgent writes (ends of tasks, logins) on a
#: full disk; on a small disk, at most this fraction (1/n) of it; number of files.
BALLAST: Final = 16 * _MIB
BALLAST_PART: Final = 32
BALLAST_FILES: Final = 8

#: Bytes of the database's write-ahead log that are kept after a large transaction.
WRITE_AHEAD_LOG: Final = 16 * _MIB

#: Bytes of an answer that is written at once and not counted; bytes of all longer
#: answers not yet read: per account or source, and in total. A stream counts as one
#: batch.
ANSWER_SMALL: Final = 64 * _KIB
ANSWERS_OF_ACCOUNT: Final = 16 * _MIB
ANSWERS: Final = 128 * _MIB

#: Texts of all objects in the backup of a project.
PROJECT_BACKUP: Final = 16 * _MIB

#: Encoded lists of tasks, and encoded rows of them, that are kept to be sent again.
CACHED_LISTS: Final = 4 * _MIB

#: Encoded lists of templates that are kept to be sent again, and the longest of them.
CACHED_TEMPLATES: Final = 4 * _MIB
TEMPLATE_LIST: Final = 1 * _MIB
CACHED_ROWS: Final = 4 * _MIB

#: Parts of logs, and tasks, that one transaction deletes.
SLICE_PARTS: Final = 200

#: Free pages that the database file keeps, and pages that are released at a time.
FREE_PAGES: Final = 2048
VACUUM_PAGES: Final = 256

# Websockets --------------------------------------------------------------------------

#: Bytes of one message from the client, and of one that is kept while it arrives.
WEBSOCKET_MESSAGE: Final = 64 * _KIB
WEBSOCKET_REQUEST: Final = 4 * _KIB

#: Tasks whose logs a client may choose, and changes of objects that are read at a time:
#: if there are more, clients are told that changes were lost.
WEBSOCKET_LOGS: Final = 100
WEBSOCKET_CHANGES: Final = 500

#: Bytes sent to a client that has not confirmed reading them, and bytes after which a
#: ping asks for a confirmation.
WEBSOCKET_WINDOW: Final = 1 * _MIB
WEBSOCKET_MARK: Final = 64 * _KIB

#: Open websockets: per account, and in total; and websockets whose client does not
#: read, so that messages are buffered: the one that is blocked longest is closed.
WEBSOCKETS_OF_ACCOUNT: Final = 1024
WEBSOCKETS: Final = 4096
WEBSOCKETS_UNREAD: Final = 256

#: Tasks with unsent messages per websocket; beyond that, the client must reconnect.
WEBSOCKET_TASKS_BEHIND: Final = 1_000

# Logs of tasks -----------------------------------------------------------------------

#: Bytes of a line of a job's output; a longer line is split.
LOG_LINE: Final = 64 * _KIB

#: Bytes of a record in a job's spool, bytes read from it at a time, and lines stored at
#: a time.
SPOOL_RECORD: Final = 4 * _MIB
SPOOL_READ: Final = 256 * _KIB
SPOOL_LINES: Final = 2_000

#: Connections to a job's supervisor, and bytes of a command.
SUPERVISOR_CONNECTIONS: Final = 16
SUPERVISOR_ORDER: Final = 64

#: Lines and bytes of a stored chunk of a log, before compression.
CHUNK_LINES: Final = 1_000
CHUNK: Final = 64 * _KIB

# Results of tasks --------------------------------------------------------------------

#: Bytes of a job's report of its results, and of all reports of a job; their number.
REPORT: Final = 4 * _KIB
REPORTS_BYTES: Final = 16 * _MIB
REPORTS: Final = 100_000

#: Characters of a name and of a message in a report.
RESULT_NAME: Final = 400
RESULT_TEXT: Final = 1_500

#: Plays and tasks, hosts, and errors that are kept of a task.
RESULT_SECTIONS: Final = 10_000
RESULT_HOSTS: Final = 10_000
RESULT_ERRORS: Final = 1_000

# Plans of tasks ----------------------------------------------------------------------

#: Bytes of the JSON of a plan that are read, and bytes of its list that are kept.
PLAN_JSON: Final = 8 * _MIB
PLAN_STORED: Final = 512 * _KIB

#: Bytes of its JSON in the spool of the job, and values in it there.
PLAN_RECORD: Final = 3 * _MIB
PLAN_PRINTED_VALUES: Final = 500_000

#: Bytes of the file that is applied, in the memory of a job that waits.
PLAN_FILE: Final = 256 * _MIB

#: Resources and outputs in the list, and attributes of a resource.
PLAN_CHANGES: Final = 2_000
PLAN_OUTPUTS: Final = 500
PLAN_ATTRIBUTES: Final = 200

#: Resources and outputs that are read, and values of which these consist.
PLAN_ENTRIES: Final = 20_000
PLAN_VALUES: Final = 100_000

#: Characters of a name or path, and of a value.
PLAN_NAME: Final = 1_000
PLAN_VALUE: Final = 4_000

# The DNS resolver of the VPN ---------------------------------------------------------

#: Bytes of a DNS query over TCP.
QUESTION: Final = 4 * _KIB

#: DNS queries of one peer: per second, in a burst, and forwarded; forwarded in total.
QUESTIONS_PER_SECOND: Final = 50.0
QUESTIONS_AT_ONCE: Final = 200.0
QUESTIONS_WAITING_OF_SOURCE: Final = 64
QUESTIONS_WAITING: Final = 256

#: TCP connections per peer, and in total; seconds that one may be idle.
RESOLVER_CONNECTIONS_OF_SOURCE: Final = 8
RESOLVER_CONNECTIONS: Final = 64
RESOLVER_SECONDS: Final = 10.0

# Lists -------------------------------------------------------------------------------

#: Templates or tasks in a request that does the same to several.
BULK_ITEMS: Final = 100

#: Objects in a part of a list that a client asks for, and tasks or events that are
#: searched for a text at a time.
LIST_PART: Final = 1_000
LIST_SEARCHED: Final = 5_000

# Statistics --------------------------------------------------------------------------

#: Templates in the overview of a project.
OVERVIEW_TEMPLATES: Final = 1_000

# Keys --------------------------------------------------------------------------------

#: Keys in the overview of a project's key store.
KEYS_IN_OVERVIEW: Final = 2_000

# Checks of inventories and repositories ----------------------------------------------

#: Checks that run, of all and of a project; bytes of the names and reasons that one of
#: them keeps.
CHECKS: Final = 4
CHECKS_OF_PROJECT: Final = 2
CHECK_NAMES: Final = 1 * _MIB

#: Bytes of a check's output, and seconds that it may take.
CHECK_OUTPUT: Final = 8 * _MIB
CHECK_SECONDS: Final = 300

# Schedules ---------------------------------------------------------------------------

#: Schedules of a project, JSON of the parameters of one, and due times that are kept.
SCHEDULES_OF_PROJECT: Final = 1_000
SCHEDULE_TASK: Final = 32 * _KIB
SCHEDULE_RUNS: Final = 100

#: Past due times in one answer of the calendar.
SCHEDULE_PAST: Final = 5_000

#: Due schedules that are dealt with at a time; remote heads that are read at once, and
#: those of a project, whose hosts may not answer.
SCHEDULES_DUE: Final = 100
SCHEDULE_HEADS: Final = 4
SCHEDULE_HEADS_OF_PROJECT: Final = 2

# Apps --------------------------------------------------------------------------------

#: Apps with stored settings, arguments of one, and its largest priority.
APPS: Final = 200
APP_ARGUMENTS: Final = 100
APP_PRIORITY: Final = 1_000_000

# Events ------------------------------------------------------------------------------

#: Events in one answer.
EVENTS: Final = 1_000

#: Events of failed logins that are kept, and counters of failed logins.
LOGIN_EVENTS: Final = 100_000
LOGIN_COUNTERS: Final = 100_000

# Webhooks ----------------------------------------------------------------------------

#: Bytes of a delivery's body; of the bodies of all clients together, and of a source.
HOOK_BODY: Final = 1 * _MIB
HOOK_BODIES: Final = 16 * _MIB
HOOK_BODIES_OF_SOURCE: Final = 4 * _MIB

#: Integrations of a project.
HOOK_INTEGRATIONS_OF_PROJECT: Final = 1_000

#: Segments of a path into a body, and values that one path may select.
HOOK_SEGMENTS: Final = 50
HOOK_SELECTED: Final = 1_000

#: Matchers and extracted values of an integration, aliases of a project, and its
#: searchable integrations; all that one delivery to the alias of the
#: installation may concern.
HOOK_PARTS: Final = 50
HOOK_ALIASES: Final = 100
HOOK_SEARCHABLE: Final = 100
HOOK_INTEGRATIONS: Final = 500

#: Tasks of an integration that may wait: the alias of one that asks for no secret would
#: fill the disk else.
HOOK_WAITING: Final = 1_000

#: Deliveries that the log of a project keeps; of them, those of unknown senders; days.
HOOK_DELIVERIES: Final = 500
HOOK_DELIVERIES_UNKNOWN: Final = 100
HOOK_DAYS: Final = 30

#: Bytes of a kept body and of the kept headers, and days that a body is kept.
HOOK_KEPT_BODY: Final = 64 * _KIB
HOOK_KEPT_HEADERS: Final = 16 * _KIB
HOOK_BODY_DAYS: Final = 7

#: Ids of deliveries that an integration remembers, and days.
HOOK_SEEN: Final = 10_000
HOOK_SEEN_DAYS: Final = 90
