"""Compares what poolmon-dump said of random addresses (*.lines) with volatility3 on the same dumps (*.dmp)."""

import pathlib
import sys

from volatility3.framework import contexts, exceptions
from volatility3.framework.layers import crash, intel, physical

PAGING = {"x64": intel.WindowsIntel32e, "x86": intel.WindowsIntel, "pae": intel.WindowsIntelPAE}


def layers(dump, paging, root):
    context = contexts.Context()
    context.config["file.location"] = dump.absolute().as_uri()
    context.add_layer(physical.FileLayer(context, "file", "file"))
    kind = crash.WindowsCrashDump64Layer if paging == "x64" else crash.WindowsCrashDump32Layer
    context.config["memory.base_layer"] = "file"
    context.add_layer(kind(context, "memory", "memory"))
    context.config["kernel.memory_layer"] = "memory"
    context.config["kernel.page_map_offset"] = root
    context.add_layer(PAGING[paging](context, "kernel", "kernel"))
    return context.layers["memory"], context.layers["kernel"]


def compare(lines):
    rows = lines.read_text().splitlines()
    _, paging, root = rows[0].split()
    memory, kernel = layers(lines.with_suffix(".dmp"), paging, int(root, 16))
    found = absent = 0
    for row in rows[1:]:
        kind, address, ours = row.split()
        address = int(address, 16)
        try:
            if kind == "p":
                theirs = memory.read(address, 8).hex()
            else:
                theirs = format(kernel._translate(address & kernel.maximum_address)[0], "x")
        except (exceptions.InvalidAddressException, exceptions.PagedInvalidAddressException):
            theirs = "-"
        if ours != theirs:
            sys.exit(f"{lines.name}: {kind} {address:x}: poolmon-dump says {ours}, volatility3 says {theirs}")
        if ours == "-":
            absent += 1
        else:
            found += 1
    if found == 0 or absent == 0:
        sys.exit(f"{lines.name}: nothing was compared")
    print(f"{lines.name}: {found} addresses the same, {absent} absent in both")


everything = sorted(pathlib.Path(sys.argv[1]).glob("*.lines"))
if not everything:
    sys.exit("no *.lines to compare")
for one in everything:
    compare(one)
