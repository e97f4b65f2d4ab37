"""Makes ``semaphore`` known to ``twistd`` and ``twist``."""

from twisted.application.service import ServiceMaker

semaphore = ServiceMaker(
    "Semaphore",
    "semaphore_twisted.tap",
    "Run Ansible and scripts from a browser or an API.",
    "semaphore",
)

semaphore_vpn = ServiceMaker(
    "Semaphore's VPN",
    "semaphore_twisted.vpnd.tap",
    "Keep the WireGuard interface of Semaphore, with the right to do that alone.",
    "semaphore-vpn",
)
