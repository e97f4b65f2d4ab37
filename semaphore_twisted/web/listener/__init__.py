"""From an accepted connection to its protocol: detection, TLS, limits."""
