"""The deterministic numbers of test/helpers/noise.ts, line by line, and the random ones of a step, for the scripts beside this file."""

import numpy as np


def _mix(h):
    h = h ^ (h >> np.uint32(16))
    h = h * np.uint32(0x85EBCA6B)
    h = h ^ (h >> np.uint32(13))
    h = h * np.uint32(0xC2B2AE35)
    return h ^ (h >> np.uint32(16))


def hash32(seed, count):
    """Unsigned 32-bit hashes of (seed, 0 … count − 1)."""
    index = np.arange(count, dtype=np.uint32)
    salt = np.uint32((seed * 0x85EBCA6B) & 0xFFFFFFFF)
    return _mix(_mix(index ^ np.uint32(0x9E3779B9)) ^ salt)


def uniform_noise(seed, count, low=-1.0, high=1.0):
    """Float32 numbers, uniform in [low, high)."""
    unit = (hash32(seed, count) >> np.uint32(8)).astype(np.float64) * 2.0**-24
    return (low + unit * (high - low)).astype(np.float32)


def integer_noise(seed, count, low, high):
    """Int32 numbers, low ≤ n < high."""
    return (low + (hash32(seed, count).astype(np.int64) % (high - low))).astype(np.int32)


def disorder(seed, count):
    """0 … count − 1 in a fixed disorder."""
    return np.argsort(hash32(seed, count), kind="stable")


def _rotate(x, by):
    return (x << np.uint32(by)) | (x >> np.uint32(32 - by))


def step_uniform(key, stream, count):
    """What `uniform` draws: the first words of Threefry-2x32-20(key, [i, stream]), 24 bits of each, in [0, 1) (SC 2011)."""
    keys = [np.uint32(key[0]), np.uint32(key[1])]
    keys.append(keys[0] ^ keys[1] ^ np.uint32(0x1BD11BDA))
    x = np.arange(count, dtype=np.uint32) + keys[0]
    y = np.full(count, stream, np.uint32) + keys[1]
    for turn in range(20):
        x = x + y
        y = _rotate(y, [13, 15, 26, 6, 17, 29, 16, 24][turn % 8]) ^ x
        if turn % 4 == 3:
            s = turn // 4 + 1
            x = x + keys[s % 3]
            y = y + keys[(s + 1) % 3] + np.uint32(s)
    return (x >> np.uint32(8)).astype(np.float64) * 2.0**-24
