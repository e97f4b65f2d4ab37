"""An automation server: runs Ansible and scripts, with the API of Semaphore UI."""

__version__ = "0.4.0"
