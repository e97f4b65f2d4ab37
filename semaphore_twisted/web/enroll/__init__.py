"""The pages and scripts by which devices enroll themselves, and their small site."""
