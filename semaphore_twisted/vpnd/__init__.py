"""The companion: the privileged program that controls the WireGuard device."""
