"""The unprivileged side of the VPN: desired state, DNS, and listeners in the tunnel."""
