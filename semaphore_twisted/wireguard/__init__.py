"""WireGuard code without I/O that the server and the privileged companion share."""
