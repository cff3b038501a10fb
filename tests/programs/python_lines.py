# SPDX-License-Identifier: MIT
# Allocates in many ways and stops with all of it live. With an argument, the live bytes and blocks of each line go
# to the file of that name, as tracemalloc has them. "# reused" marks lines that make objects for which the
# interpreter keeps free lists: memory that another line allocated, and only tracemalloc knows who has it now.
import os, sys
is_traced = len(sys.argv) > 1
if is_traced:
    import tracemalloc
    tracemalloc.start()

class Point:  # reused
    __slots__ = ("x", "y")
    def __init__(self, x, y):
        self.x = x
        self.y = y

class Loose:
    def __init__(self, n):
        self.a = "a%d" % n  # reused
        self.b = b"b" * n

def numbers(n):
    for i in range(n):
        yield i * 1000003

def build():
    points = [Point(i * 70001, i * 70003) for i in range(500)]  # reused
    loose = []
    for i in range(200):
        loose.append(
            Loose(
                i))
    words = {"k%d" % i: str(i) * 9 for i in range(300)}
    text = "".join("%d," % i for i in range(5000))
    grown = bytearray()
    for i in range(100):
        grown += b"x" * 1000
    big = list(numbers(400))
    cube = [[bytes(k + 40) for k in range(10)] for _ in range(20)]  # reused
    chosen = sorted(big, key=lambda v: -v)  # reused
    shared = set(map(lambda v: v + 11, big))  # reused
    gone = [bytes(100) for _ in range(1000)]
    del gone
    return points, loose, words, text, grown, big, cube, chosen, shared

live = build()
if is_traced:
    snapshot = tracemalloc.take_snapshot()  # reused
    tracemalloc.stop()
    with open(sys.argv[1], "w") as f:
        for s in snapshot.statistics("lineno"):
            if s.traceback[0].filename == __file__:
                print(s.traceback[0].lineno, s.size, s.count, file=f)
os._exit(0)
