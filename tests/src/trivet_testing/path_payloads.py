"""Texts that mean to reach something else than what a path or a name is for."""

from __future__ import annotations

import itertools

TARGETS = ["canary.txt", "etc/passwd", "artifacts.db", "store/objects"]
UP = [
    "..",
    "%2e%2e",
    "%252e%252e",
    "..%00",
    "..;",
    "....",
    ".%2e",
    "%2e.",
    "%c0%ae%c0%ae",
    "\u2024\u2024",
    "\uff0e\uff0e",
    "…",
    "..\u200b",
    "\u202e..",
]
SEPARATORS = ["/", "\\", "%2f", "%5c", "%252f", "//", "/./", "∕", "／", "⧵"]  # noqa: RUF001 - these look like slashes
WHOLE = [
    "",
    ".",
    "/",
    "//",
    "///",
    "~",
    "~root",
    "$HOME",
    "${HOME}/x",
    "`id`",
    "$(id)",
    "file:///etc/passwd",
    "file:/etc/passwd",
    "file://localhost/etc/passwd",
    "http://127.0.0.1/x",
    "s3://bucket/key",
    "//host/share",
    "\\\\host\\share",
    "C:\\Windows\\win.ini",
    "C:/Windows/win.ini",
    "c:x",
    "NUL",
    "CON",
    "COM1.txt",
    "/etc/passwd",
    "/proc/self/environ",
    "/dev/stdin",
    "a\0b",
    "canary.txt\0.png",
    "a\nb",
    "a\r\nX-Injected: 1",
    "a\tb",
    "\x7f",
    "\x85",
    "a#fragment",
    "a?query=/etc/passwd",
    "a;params",
    "a%00",
    "%",
    "%%",
    "a%",
    "a/",
    "/a",
    "a//b",
    "a/./b",
    "a/../b",
    "./a",
    "../a",
    "..a",
    "a..",
    "...",
    ". ",
    " .",
    ".. ",
    "e\u0301",
    "ﬁle",
    "\u212a",  # KELVIN SIGN, which NFC makes another letter
    "x" * 1024,
    "x" * 1025,
    "../" * 341 + "x",
    "a/" * 2048,
    "x" * 4096,
    "'; DROP TABLE artifact_entry; --",
    '" OR 1=1 --',
    "%s%s%n",
    "{0.__class__}",
    "*",
    "?",
    "[a-z]",
    "-rf",
    "--help",
    "<script>alert(1)</script>",
    "${jndi:ldap://127.0.0.1/x}",
    "objects",
    "uploads",
    "uploads/../objects",
]


def payloads() -> list[str]:
    """At least 200 texts, all different."""
    climbing = [
        (up + separator) * depth + target
        for up, separator, depth, target in itertools.product(UP, SEPARATORS, (1, 3), TARGETS[:2])
    ]
    inside = [
        f"model{separator}{up}{separator}{target}"
        for up, separator, target in itertools.product(UP[:6], SEPARATORS[:4], TARGETS)
    ]
    return list(dict.fromkeys([*WHOLE, *climbing, *inside]))
