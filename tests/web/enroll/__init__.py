"""Tests of the pages and scripts by which devices enroll themselves."""
