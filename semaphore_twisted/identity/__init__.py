"""Password logins, and the throttling of failed ones."""
