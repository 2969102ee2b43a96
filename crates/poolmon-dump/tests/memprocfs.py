"""Prints the offsets of the variables of large allocations for each kernel in memprocfs' symbol database."""

import sqlite3
import sys


def key(name):
    value = 0
    for byte in name.encode():
        value = (value >> 13 | value << 19) & 0xFFFFFFFF
        value = (value + byte) & 0xFFFFFFFF
    return value


database = sqlite3.connect(sys.argv[1])
offsets = dict(database.execute("select hash, data from symbol_offset"))
for number, pdb in database.execute("select id, pdbname from pdb where name = 'nt'"):
    table, size = (offsets.get((number << 32) + key(name)) for name in ("PoolBigPageTable", "PoolBigPageTableSize"))
    if table and size:
        # The names of kernels with PAE are those of 32 bits; a multiprocessor kernel's name is the same in both.
        narrow = pdb in ("ntkrnlpa.pdb", "ntkrpamp.pdb") or table % 8 or size % 8
        print(4 if narrow else 8, table, size, sep="\t")
