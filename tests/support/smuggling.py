"""Requests that two programs could parse differently, and requests without an end."""

_HEAD = b"POST /api/auth/login HTTP/1.1\r\nHost: localhost\r\n"
_GET = b"GET /api/ping HTTP/1.1\r\nHost: localhost\r\n"

#: The request that an attacker hides behind the first one.
HIDDEN = b"GET /api/hidden HTTP/1.1\r\nHost: localhost\r\n\r\n"

_CHUNKED = b"Transfer-Encoding: chunked\r\n"

#: By name: bytes that must be answered with a single 400 before the connection closes.
SMUGGLED: dict[str, bytes] = {
    "length and chunks": _HEAD + b"Content-Length: 4\r\n" + _CHUNKED + b"\r\n0\r\n\r\n",
    "chunks and length": _HEAD + _CHUNKED + b"Content-Length: 4\r\n\r\n0\r\n\r\n",
    "two lengths": _HEAD + b"Content-Length: 2\r\nContent-Length: 3\r\n\r\n{}x",
    "the same length twice": _HEAD
    + b"Content-Length: 2\r\nContent-Length: 2\r\n\r\n{}",
    "a list of lengths": _HEAD + b"Content-Length: 2, 2\r\n\r\n{}",
    "length with a sign": _HEAD + b"Content-Length: +2\r\n\r\n{}",
    "negative length": _HEAD + b"Content-Length: -2\r\n\r\n{}",
    "hexadecimal length": _HEAD + b"Content-Length: 0x2\r\n\r\n{}",
    "length with a space": _HEAD + b"Content-Length: 1 0\r\n\r\n{}",
    "empty length": _HEAD + b"Content-Length: \r\n\r\n{}",
    "endless length": _HEAD + b"Content-Length: " + b"9" * 5000 + b"\r\n\r\n{}",
    "unknown coding": _HEAD + b"Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n",
    "identity": _HEAD + b"Transfer-Encoding: identity\r\nContent-Length: 2\r\n\r\n{}",
    "two codings": _HEAD + b"Transfer-Encoding: chunked, identity\r\n\r\n0\r\n\r\n",
    "coding twice": _HEAD + _CHUNKED + _CHUNKED + b"\r\n0\r\n\r\n",
    "compressed": _HEAD + b"Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n",
    "quoted coding": _HEAD + b'Transfer-Encoding: "chunked"\r\n\r\n0\r\n\r\n',
    "coding with a tab": _HEAD + b"Transfer-Encoding:\x0bchunked\r\n\r\n0\r\n\r\n",
    "folded coding": _HEAD + b"Transfer-Encoding:\r\n chunked\r\n\r\n0\r\n\r\n",
    "chunks in HTTP/1.0": (
        b"POST /api/auth/login HTTP/1.0\r\nHost: localhost\r\n"
        + _CHUNKED
        + b"\r\n0\r\n\r\n"
    ),
    "space before the colon": _HEAD + b"Content-Length : 2\r\n\r\n{}",
    "space before a coding's colon": (
        _HEAD + b"Transfer-Encoding : chunked\r\n\r\n0\r\n\r\n"
    ),
    "space before the name": _HEAD + b" Content-Length: 2\r\n\r\n{}",
    "fold": _GET + b"X-Fold: one\r\n two\r\n\r\n",
    "fold by a tab": _GET + b"X-Fold: one\r\n\ttwo\r\n\r\n",
    "fold of the first header": b"GET /api/ping HTTP/1.1\r\n Host: localhost\r\n\r\n",
    "header without a colon": _GET + b"Nothing\r\n\r\n",
    "header without a name": _GET + b": value\r\n\r\n",
    "NUL in a value": _GET + b"X-Nul: a\x00b\r\n\r\n",
    "NUL in a name": _GET + b"X-N\x00l: ab\r\n\r\n",
    "NUL in the path": b"GET /api/\x00ping HTTP/1.1\r\nHost: localhost\r\n\r\n",
    "CR in a value": _GET + b"X-Cr: a\rContent-Length: 2\r\n\r\n",
    "control in a value": _GET + b"X-Control: a\x08b\r\n\r\n",
    "bare LF in a value": _GET + b"X-Lf: a\nContent-Length: 9\r\n\r\n",
    "bare LF after the first line": b"GET /api/ping HTTP/1.1\nHost: localhost\r\n\r\n",
    "bare LF everywhere": b"GET /api/ping HTTP/1.1\nHost: localhost\n\n",
    "bare LF at the end": _GET + b"\n",
    "chunk with bare LF": _HEAD + _CHUNKED + b"\r\n2\n{}\r\n0\r\n\r\n",
    "chunk's extension with bare LF": (
        _HEAD + _CHUNKED + b"\r\n2;a=\nxx\r\n{}\r\n0\r\n\r\n"
    ),
    "chunk's extension with NUL": (
        _HEAD + _CHUNKED + b"\r\n2;a=\x00\r\n{}\r\n0\r\n\r\n"
    ),
    "chunk's endless extension": (
        _HEAD + _CHUNKED + b"\r\n2;a=" + b"x" * 20_000 + b"\r\n{}\r\n0\r\n\r\n"
    ),
    "chunk with a sign": _HEAD + _CHUNKED + b"\r\n+2\r\n{}\r\n0\r\n\r\n",
    "chunk with a prefix": _HEAD + _CHUNKED + b"\r\n0x2\r\n{}\r\n0\r\n\r\n",
    "chunk with an underscore": _HEAD + _CHUNKED + b"\r\n0_2\r\n{}\r\n0\r\n\r\n",
    "negative chunk": _HEAD + _CHUNKED + b"\r\n-2\r\n{}\r\n0\r\n\r\n",
    "chunk without its end": _HEAD + _CHUNKED + b"\r\n2\r\n{}xx0\r\n\r\n",
    "endless chunk": _HEAD + _CHUNKED + b"\r\n" + b"f" * 17_000 + b"\r\n{}",
    "huge header": _GET + b"X-Huge: " + b"x" * 20_000 + b"\r\n\r\n",
    "huge line": b"GET /" + b"x" * 40_000,
    "huge head": _GET + b"X-Large: xxxxxxxxxx\r\n" * 2000 + b"\r\n",
    "many headers": _GET + b"X: x\r\n" * 600 + b"\r\n",
    "no host": b"GET /api/ping HTTP/1.1\r\n\r\n",
    "two hosts": _GET + b"Host: evil.example\r\n\r\n",
    "the same host twice": _GET + b"Host: localhost\r\n\r\n",
    "host with a path": b"GET /api/ping HTTP/1.1\r\nHost: localhost/x\r\n\r\n",
    "host with a user": b"GET /api/ping HTTP/1.1\r\nHost: a@localhost\r\n\r\n",
    "hosts in one": b"GET /api/ping HTTP/1.1\r\nHost: localhost, evil\r\n\r\n",
    "absolute address": (
        b"GET http://evil.example/api/ping HTTP/1.1\r\nHost: localhost\r\n\r\n"
    ),
    "no slash": b"GET api/ping HTTP/1.1\r\nHost: localhost\r\n\r\n",
    "bytes in the path": b"GET /\xa0 HTTP/1.1\r\nHost: localhost\r\n\r\n",
    "tab in the first line": b"GET\t/api/ping\tHTTP/1.1\r\nHost: localhost\r\n\r\n",
    "two spaces": b"GET  /api/ping HTTP/1.1\r\nHost: localhost\r\n\r\n",
    "no version": b"GET /api/ping\r\n\r\n",
    "unknown version": b"GET /api/ping HTTP/3.0\r\nHost: localhost\r\n\r\n",
    "odd method": b"G(T /api/ping HTTP/1.1\r\nHost: localhost\r\n\r\n",
}
