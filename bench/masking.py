"""Lines that are masked in a second: ``python -m bench.masking``.

A log of ordinary lines passes through the masks of secrets of several sizes, as the
supervisor of a job does it, in one process.
"""

import base64
import resource
import time

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from semaphore_twisted.jobs.masking import patterns
from semaphore_twisted.jobs.supervision.masker import MaskedStream, Masker

_LINE = b"ok: [host-%05d.example.org] => (item=package-%05d) changed=0 unreachable=0\n"
_LINES = 200_000
#: What a pipe gives at once.
_READ = 64 * 1024


def _key() -> bytes:
    return rsa.generate_private_key(public_exponent=65537, key_size=4096).private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.OpenSSH,
        serialization.NoEncryption(),
    )


def _rate(secrets: list[bytes], log: bytes) -> tuple[int, float, float]:
    began = time.process_time()
    masks = patterns(secrets)
    stream = MaskedStream(Masker(list(masks)))
    prepared = time.process_time() - began
    began = time.process_time()
    for place in range(0, len(log), _READ):
        stream.feed(log[place : place + _READ])
    stream.close()
    return len(masks), prepared, _LINES / (time.process_time() - began)


def main() -> None:
    """Print one row for each set of secrets."""
    log = b"".join(_LINE % (number % 400, number) for number in range(_LINES))
    filler = base64.b64encode(b"".join(number.to_bytes(48) for number in range(6000)))
    lines = b"\n".join(filler[n : n + 64] for n in range(0, 64 * 6000, 64))
    print("| secrets | masks | prepared in | lines/s of a core |")
    print("|---|---|---|---|")
    for name, secrets in (
        ("none", []),
        ("one password", [b"correct horse battery staple"]),
        ("five RSA-4096 keys", [_key() for _ in range(5)]),
        ("one secret of 6,000 lines", [lines]),
    ):
        count, prepared, rate = _rate(secrets, log)
        print(f"| {name} | {count:,} | {prepared:.2f} s | {rate:,.0f} |")
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
    print(f"\npeak memory of this process: {peak} MB")


if __name__ == "__main__":
    main()
