"""Damaged Arrow streams by the thousand: `python fuzz_arrow.py COUNT SEED`, in a process of its own with little memory.

Each is read or refused; anything else, a crash of the process above all, fails.
"""

import faulthandler
import io
import random
import resource
import struct
import sys
from collections import Counter
from pathlib import Path

import numpy as np
import pyarrow as pa

sys.path.insert(0, str(Path(__file__).parents[2]))

from fraud import schema
from fraud.api import arrow_decode
from fraud.api.problems import Refused

# What is read from a stream of some kilobytes takes no more than this on top of what the process has.
MEMORY = 512 * 1024 * 1024

TELLING = [-1, 0, 1, 2, 7, 8, 30, 1_000, 10_001, 2**15, 2**16 - 1, 2**31 - 1, -(2**31), 2**32 - 1, 2**62, 2**63 - 1]


def streams() -> list[bytearray]:
    """Whole ones of several kinds: types, nulls, batches; few of what is refused at a glance."""
    kinds = [pa.float64(), pa.float32(), pa.int64(), pa.int8(), pa.uint32(), pa.float16()]
    plain = [pa.array(np.arange(3), pa.float64()) for _ in schema.FEATURES]
    mixed = [pa.array([1, i % 2 or None, 0], kinds[i % len(kinds)]) for i in range(len(schema.FEATURES))]
    coded = [pa.array(["a", "b", "a"]).dictionary_encode(), *plain[1:]]
    nested = [pa.array([[{"a": 1.0}], [], None]), *plain[1:]]
    made = []
    for columns, compression, size in (
        *((plain, None, 1), (plain, None, 3), (plain, "zstd", 3), (plain, "lz4", 3)),
        *((mixed, None, 1), (mixed, None, 3), (coded, None, 3), (nested, None, 3)),
    ):
        table = pa.table(dict(zip(schema.FEATURES, columns, strict=True)), metadata={"a": "b"})
        sink = io.BytesIO()
        told = pa.ipc.IpcWriteOptions(compression=compression)
        with pa.ipc.new_stream(sink, table.schema, options=told) as writer:
            writer.write_table(table, max_chunksize=size)
        made.append(bytearray(sink.getvalue()))
    return made


def damaged(chance: random.Random, seeds: list[bytearray]) -> bytes:
    stream = bytearray(chance.choice(seeds))
    for _ in range(chance.choice([1, 1, 1, 1, 2, 4, 16])):
        # Metadata come first and are what a reader believes.
        place = chance.randrange(min(len(stream), chance.choice([64, 2_048, len(stream)])) or 1)
        match chance.choice([0, 0, 1, 1, 2, 2, 2, 3, 4, 5]):
            case 0:
                stream[place : place + 1] = chance.randbytes(1)
            case 1:
                stream[place : place + 1] = bytes([stream[place] ^ 1 << chance.randrange(8)])
            case 2:
                width = chance.choice([2, 4, 8])
                value = struct.pack("<q", chance.choice(TELLING) & (2**63 - 1))[:width]
                start = place - place % width
                stream[start : start + width] = value
            case 3:
                del stream[place : place + chance.choice([1, 8, 64, len(stream)])]
            case 4:
                other = chance.choice(seeds)
                begin = chance.randrange(len(other))
                stream[place:place] = other[begin : begin + chance.choice([8, 64, len(other)])]
            case 5:
                stream[place:place] = stream[place : place + chance.choice([8, 256])]
        if not stream:
            return b""
    return bytes(stream)


def main(count: int, seed: int) -> None:
    faulthandler.enable()
    chance, seeds, outcomes = random.Random(seed), streams(), Counter[str]()
    arrow_decode.rows(bytes(seeds[0]))
    pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[0])
    limit = pages * resource.getpagesize() + MEMORY
    resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
    for number in range(count):
        stream = damaged(chance, seeds)
        try:
            rows = arrow_decode.rows(stream)
        except Refused as refused:
            outcomes[refused.detail.split(":")[refused.status == 400]] += 1
        except BaseException as error:
            print(f"case {number} of seed {seed}: {error!r}\n{stream!r}")
            raise
        else:
            assert rows.shape[1:] == (30,)
            assert np.isfinite(rows).all(), f"case {number} of seed {seed}"
            outcomes["read"] += 1
    print(outcomes.most_common(12))


if __name__ == "__main__":
    main(*map(int, sys.argv[1:3]))
