"""The companion: the only program with a right over the network; as small as can be."""
