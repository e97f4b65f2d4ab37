"""A gate at which jobs of tests wait: jobs share loopback with tests, but no files."""

import socket
import threading

#: Lines of bash that wait at the gate whose port is ``{gate}``, for a minute at most.
WAIT = "exec 3<>/dev/tcp/127.0.0.1/{gate}\nread -r -t 60 word <&3\n"


class Gate:
    """Listens at *port*: each connection gets a line once the gate is open."""

    def __init__(self) -> None:
        """Listen; the gate is closed."""
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=64)
        self.port: int = self._listener.getsockname()[1]
        self.is_open = False

    def open(self) -> None:
        """Let pass the jobs that wait, and those to come."""
        if not self.is_open:
            self.is_open = True
            threading.Thread(target=self._let_pass, daemon=True).start()

    def _let_pass(self) -> None:
        while True:
            connection, _ = self._listener.accept()
            with connection:
                connection.sendall(b"pass\n")
