"""What both sides of the privilege line know of WireGuard; all of it pure."""
