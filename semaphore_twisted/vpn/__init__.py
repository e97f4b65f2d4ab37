"""The unprivileged side of the VPN: desired state, names, the site in the tunnel."""
