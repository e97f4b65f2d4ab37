"""Parts of programs that run a reactor: Deferreds, logs, netlink, memory."""
