"""The companion: a small program, the only one that may administer the network."""
