"""Reverse proxies in front of the site: PROXY protocol and forwarding headers."""
