"""The limits of the companion's buffers; those of the server are in ``limits``."""

from typing import Final

#: Bytes of a frame, and connections of a permitted user at the same time.
COMPANION_FRAME: Final = 8 * 1024 * 1024
COMPANION_CONNECTIONS: Final = 8

#: Bytes that a program may print: the state of 20,000 peers has some 4 MB.
PROGRAM_OUTPUT: Final = 32 * 1024 * 1024

#: Seconds between two log lines about refused connections.
QUIET_SECONDS: Final = 60.0
