"""The reference reading of a task's operations: which ones are the first n, and their rolling hash, as the guest computes it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

import numpy as np
from numpy.typing import NDArray

from core.operations import EXIT, FILE_WRITE, JUMP, NEED, PAGE_MASK, RUN
from core.page import NEVER
from core.streams import Streams

FACTOR: Final = 0x9E3779B97F4A7C15
CHUNK: Final = 1 << 16


def words(ops: NDArray[np.int64]) -> Iterator[tuple[NDArray[np.int64], NDArray[np.int64]]]:
    """Batches of what a task does, jumps followed: words as in a stream without runs and jumps, and their literals (0 of touches)."""
    pc = 0
    while True:
        code = int(ops[pc]) >> 40 & 0xFF
        if code <= FILE_WRITE:
            end = pc + 1
            while end < len(ops) and end - pc < CHUNK and int(ops[end]) >> 40 & 0xFF <= FILE_WRITE:
                end += 1
            yield ops[pc:end], np.zeros(end - pc, np.int64)
            pc = end
            continue
        word, literal = int(ops[pc]), int(ops[pc + 1])
        pc += 2
        if code == JUMP:
            pc = literal
        elif code == EXIT:
            return
        elif code == RUN:
            inner = word >> 48 & 0xFF
            pages = (word & PAGE_MASK) + np.arange(literal, dtype=np.int64)
            yield pages | NEED[inner] << 32 | inner << 40, np.zeros(literal, np.int64)
        else:
            yield np.array([word], np.int64), np.array([literal], np.int64)


def first(ops: NDArray[np.int64], count: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """The first ``count`` operations of a task: words and literals."""
    found: list[tuple[NDArray[np.int64], NDArray[np.int64]]] = []
    left = count
    for batch, literals in words(ops):
        found.append((batch[:left], literals[:left]))
        left -= len(found[-1][0])
        if left == 0:
            break
    if left:
        raise ValueError(f"prefix: {count} operations; allowed: at most {count - left}")
    empty = np.empty(0, np.int64)
    return np.concatenate([empty, *(batch for batch, _ in found)]), np.concatenate([empty, *(literals for _, literals in found)])


def rolling_hash(batch: NDArray[np.int64], literals: NDArray[np.int64]) -> int:
    """h = h * FACTOR + element for each operation, modulo 2 ** 64 (guest/task.c:count())."""
    code = (batch >> 40 & 0xFF).astype(np.uint64)
    element = (code << np.uint64(40) | (batch & PAGE_MASK).astype(np.uint64)) ^ literals.astype(np.uint64) << np.uint64(8)
    mask = (1 << 64) - 1
    value = 0
    powers = np.cumprod(np.concatenate([np.ones(1, np.uint64), np.full(CHUNK, FACTOR, np.uint64)]))  # wraps, as it must
    for at in range(0, len(element), CHUNK):
        part = element[at : at + CHUNK]
        weighted = int(np.sum(part[::-1] * powers[: len(part)], dtype=np.uint64))
        value = (value * int(powers[len(part)]) + weighted) & mask
    return value


def straight(streams: Streams, counts: list[int]) -> Streams:
    """Streams whose tasks end after their first ``counts`` operations: what a guest consumed, for the simulator to consume."""
    parts = []
    for task, count in enumerate(counts):
        batch, literals = first(streams.ops[streams.task_first[task] : streams.task_last[task]], count)
        double = (batch >> 32 & NEVER) != 0
        size = 1 + double.astype(np.int64)
        at = np.cumsum(size) - size
        flat = np.zeros(int(size.sum()) + 2, np.int64)
        flat[at] = batch
        flat[at[double] + 1] = literals[double]
        flat[-2] = NEVER << 32 | EXIT << 40
        parts.append(flat)
    last = np.cumsum([len(part) for part in parts], dtype=np.int64)
    begin = np.concatenate([np.zeros(1, np.int64), last[:-1]])
    return Streams(np.concatenate(parts), begin, last, streams.op_ns, streams.page_attr, 3600 * 10**9)
