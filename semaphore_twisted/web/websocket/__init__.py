"""The websocket at ``/api/ws``."""
