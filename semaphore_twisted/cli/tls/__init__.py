"""The commands ``semaphore tls …``: show, check, renew and trust certificates."""
