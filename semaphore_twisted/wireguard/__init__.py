"""WireGuard rules and formats without I/O, shared by server and companion."""
