"""Pages and scripts with which devices enroll, and the site that serves only them."""
