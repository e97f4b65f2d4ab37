"""The configuration: options, their values, and the checks of each group."""
