"""The DNS resolver inside the tunnel."""
