"""Authentication: login and the throttling of password guesses."""
