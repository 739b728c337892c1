#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""Rules about source files that no compiler knows.

usage: source_rules.py spdx|size|includes|names|uapi

Prints "FILE: what is wrong" for each finding; the exit status is 1 when there is one.
"""
import os
import re
import sys

TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
NOT_OURS = {".git", "out", "build", "__pycache__"}
MAX_LINES = 700
# One interface is one header, however much its kernel-doc says.
ANY_LENGTH = re.compile(r"^common/include/uapi/")

# Files that cannot hold a comment, or are a licence themselves.
NO_SPDX = re.compile(r"\.(json|png|svg|md|txt\.expected|bin|raw)$|^LICENSES?/|^LICENSE|^\.gitignore$")
LICENCES = [
    (r"^common/include/uapi/", {"MIT", "GPL-2.0-only WITH Linux-syscall-note OR MIT"}),
    (r"^common/.*\.[ch]$", {"GPL-2.0-only OR MIT"}),
    (r"^kernel/|^Kbuild$", {"GPL-2.0-only"}),
    (r"^tests/exporter/", {"GPL-2.0-only", "GPL-2.0-only OR MIT"}),
    (r"", {"MIT"}),
]
SOURCE = re.compile(r"\.(c|h|cpp|hpp|py|sh|cmake)$|/CMakeLists\.txt$|^tests/vm/[a-z-]+$|^dev$")

INCLUDE = re.compile(r'^\s*#\s*include\s*([<"])([^>"]+)[>"]', re.M)
PRIVATE = r"(_impl|_priv|/src/|^ioctl|^failure|^deadline|^common)"

TYPE = re.compile(r"^(struct|enum) (\w+) \{\n(.*?)^\};", re.M | re.S)
COMMENT = re.compile(r"/\*\*.*?\*/\s*", re.S)
DESCRIBED = re.compile(r"@\w+:")
MEMBER = {
    "struct": re.compile(r"(?:@(?P<doc>\w+):)?(?:struct )?\w+ (?P<name>\w+)(?:\[\w+\])?;$"),
    "enum": re.compile(r"(?:@(?P<doc>\w+):)?(?P<name>\w+)(?: = \w+)?,$"),
}

# Put together here, so that this file does not break its own rule.
HOSTS = re.compile(r"\b(?:deb|ftp|security|snapshot|archive|httpredir)(?:\.[a-z]{2})?\." + r"debian\.org\b")
MACHINE_PATHS = re.compile(r"(?<![\w.])/(?:work|home/[a-z]\w*|tmp/" + r"x|root/\.cache)/")


def files():
    """Every file of the checkout, relative to its top."""
    for directory, names, entries in os.walk(TOP):
        names[:] = sorted(name for name in names if name not in NOT_OURS)
        for entry in sorted(entries):
            yield os.path.relpath(os.path.join(directory, entry), TOP)


def text_of(path):
    try:
        with open(os.path.join(TOP, path), encoding="utf-8") as file:
            return file.read()
    except (UnicodeDecodeError, FileNotFoundError):
        return None


def check_spdx(path, text):
    if NO_SPDX.search(path):
        return
    match = re.search(r"SPDX-License-Identifier: (.+?)\s*(?:\*/|-->|#\})?$", "\n".join(text.splitlines()[:6]), re.M)
    if not match:
        yield "no SPDX-License-Identifier in its first lines"
        return
    allowed = next(licences for pattern, licences in LICENCES if re.search(pattern, path))
    if match.group(1) not in allowed:
        yield f"licence is {match.group(1)}, expected {' or '.join(sorted(allowed))}"


def check_size(path, text):
    lines = text.count("\n")
    if SOURCE.search(path) and lines > MAX_LINES and not ANY_LENGTH.search(path):
        yield f"{lines} lines, the limit is {MAX_LINES}"


def check_common(path, name):
    """common/ knows its deps.h, its own headers and the UAPI header."""
    here = os.path.join(TOP, os.path.dirname(path))
    own = os.path.exists(os.path.join(here, name)) or name.startswith(("drm/", "common/", "zaccel/"))
    if not own and path != "common/deps.h" and "/uapi/" not in path:
        yield f"common/ may include {name} only through common/deps.h"


def check_includes(path, text):
    if not re.search(r"\.(c|h|cpp|hpp)$", path):
        return
    if path.startswith("common/") and path != "common/deps.h" and "/uapi/" not in path:
        if re.search(r"^\s*#.*\b__KERNEL__\b", text, re.M):
            yield "only common/deps.h may ask for __KERNEL__"
    for quote, name in INCLUDE.findall(text):
        if path.startswith("common/"):
            yield from check_common(path, name)
        elif path.startswith(("gst-plugin/", "samples/")):
            if re.match(r"(drm/|common/|zaccel|xf86drm|libdrm)", name) or (
                    name.startswith("accel/") and re.search(PRIVATE, name[6:])):
                yield f"includes {name}: only libaccel's public headers are allowed here"
        elif path.startswith("tests/uapi/") and name.startswith("accel/"):
            yield f"includes {name}: tests of the kernel's interface use raw ioctls"
        elif path.startswith("kernel/") and name.startswith(("accel/", "std")):
            yield f"includes {name}: the kernel knows common/ and Linux only"


def check_names(_path, text):
    for number, line in enumerate(text.splitlines(), 1):
        for pattern, what in ((HOSTS, "package mirror"), (MACHINE_PATHS, "machine path")):
            match = pattern.search(line)
            if match:
                yield f"line {number}: {what} {match.group(0)}"


def check_uapi(path, text):
    """Each structure, enum, field and value of the UAPI header has its kernel-doc."""
    if not path.startswith("common/include/uapi/"):
        return
    for kind, name, body in TYPE.findall(text):
        if not re.search(rf"^ \* {kind} {name} - |^/\*\* {kind} {name} - ", text, re.M):
            yield f"{kind} {name} has no kernel-doc"
        rest = COMMENT.sub(lambda comment: "".join(DESCRIBED.findall(comment.group(0))), body)
        for member in filter(None, map(str.strip, rest.splitlines())):
            match = MEMBER[kind].match(member)
            if not match or match.group("doc") != match.group("name"):
                yield f"{kind} {name}: no kernel-doc for: {member}"


CHECKS = {"spdx": check_spdx, "size": check_size, "includes": check_includes, "names": check_names,
          "uapi": check_uapi}


def main():
    if len(sys.argv) != 2 or sys.argv[1] not in CHECKS:
        sys.exit(__doc__)
    findings = 0
    for path in files():
        text = text_of(path)
        if text is None:
            continue
        for finding in CHECKS[sys.argv[1]](path, text):
            print(f"{path}: {finding}")
            findings += 1
    return 1 if findings else 0


sys.exit(main())
