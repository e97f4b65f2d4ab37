"""The websocket at ``/api/ws``, which sends live logs and statuses to clients."""
