#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""Makes the UAPI header of another version of the driver.

usage: other_header.py past|future HEADER

Prints HEADER as a past version may have had it, where the last field of each structure that can
grow was not there yet (of an array, its last element), or as a future one may have it, where each
has eight bytes more and a flag for them.
"""
import re
import sys

CALLS = re.compile(r"DRM_IO(?:WR|W|R)\([^,]+,[\s\\]*struct (\w+)\)")
STRUCTURE = re.compile(r"^(struct (\w+) \{\n)(.*?)(^\};)", re.M | re.S)
LAST_FIELD = re.compile(r"(?P<field>\t(?:struct )?\w+ \w+)(?:\[(?P<count>\w+)\])?;\n\Z")
FLAG = "\n#define ZACCEL_FUTURE_FLAG 0x80000000u\n"

# Elements of tables, and what operations take: their sizes are said too.
SIZED = re.compile(r"drm_zaccel_(?:\w+_info|fill|copy|crc32c|convert|convolve3x3|point|exec)$")
# Without their last fields a query could not ask for anything, and there would be no points.
FIRST_VERSION = {"drm_zaccel_query", "drm_zaccel_point"}


def without_last_field(match):
    head, name, body, end = match.groups()
    if name in FIRST_VERSION:
        return match.group(0)
    field = LAST_FIELD.search(body)
    less = f"{field['field']}[{field['count']} - 1];\n" if field["count"] else ""
    return head + body[:field.start()] + less + end


def with_another_field(match):
    head, _, body, end = match.groups()
    return f"{head}{body}\t__u64 future;\n{end}"


def main():
    if len(sys.argv) != 3 or sys.argv[1] not in ("past", "future"):
        sys.exit(__doc__)
    with open(sys.argv[2], encoding="utf-8") as file:
        text = file.read()
    growing = set(CALLS.findall(text))
    change = without_last_field if sys.argv[1] == "past" else with_another_field
    text = STRUCTURE.sub(
        lambda match: change(match) if match[2] in growing or SIZED.match(match[2]) else match[0], text)
    if sys.argv[1] == "future":
        text = text.replace("#include <drm/drm.h>\n", "#include <drm/drm.h>\n" + FLAG, 1)
    print(text, end="")


main()
