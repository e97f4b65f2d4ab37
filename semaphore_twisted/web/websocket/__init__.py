"""The websocket at ``/api/ws``, which sends live logs and statuses to clients."""

import os

# The native parts of autobahn need 2 MB of memory (cffi), and speed up the messages of
# clients, which are small here.
os.environ.setdefault("AUTOBAHN_USE_NVX", "0")
