"""Makes ``semaphore`` known to ``twistd`` and ``twist``."""

from twisted.application.service import ServiceMaker

semaphore = ServiceMaker(
    "Semaphore",
    "semaphore_twisted.tap",
    "Run Ansible and scripts from a browser or an API.",
    "semaphore",
)
