"""What happens before the reactor runs: installation, state, certificates."""
