"""HTTPS, the API and the websocket."""
