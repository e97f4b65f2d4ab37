"""HTTPS listeners, the HTTP API and the websocket."""
