"""TLS settings of outgoing connections: trusted roots, checks, protocol versions."""
