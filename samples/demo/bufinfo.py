# SPDX-License-Identifier: MIT
"""Reads /sys/kernel/debug/dma_buf/bufinfo: who made each buffer, and who is attached to it."""
import re

# The exporter's name is the module that called dma_buf_export(); vivid's buffers are videobuf2's.
EXPORTERS = {"videobuf2_vmalloc": "vivid", "videobuf2_common": "vivid", "vivid": "vivid"}


def parse(text):
    """A list of {"exporter", "attached": [device]}."""
    buffers = []
    attached = False
    for line in text.splitlines():
        head = re.match(r"^(\d+)\s+[0-9a-f]+\s+[0-9a-f]+\s+\d+\s+(\S+)\s", line)
        if head:
            buffers.append({"size": int(head[1]), "exporter": head[2], "attached": []})
            attached = False
        elif "Attached Devices:" in line:
            attached = True
        elif line.startswith("Total"):
            attached = False
        elif attached and line.strip() and buffers:
            buffers[-1]["attached"].append(line.strip())
    return buffers


def attachments(path, drivers):
    """How many buffers of each exporter are attached to each importer: {"vivid -> zaccel": 4}.

    DRIVERS tells the driver of a device by the name of the device.
    """
    with open(path, encoding="utf-8") as file:
        buffers = parse(file.read())
    counts = {}
    for buffer in buffers:
        exporter = EXPORTERS.get(buffer["exporter"], buffer["exporter"])
        for device in buffer["attached"]:
            importer = drivers.get(device, device).removesuffix("-qemu")
            key = f"{exporter} -> {importer}"
            counts[key] = counts.get(key, 0) + 1
    return counts
