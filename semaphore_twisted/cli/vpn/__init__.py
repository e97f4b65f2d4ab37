"""The commands ``semaphore vpn …``: set up, manage peers, join and diagnose."""
