"""One job on this machine; no database."""
