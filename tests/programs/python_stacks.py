# SPDX-License-Identifier: MIT
# Makes blocks of sizes that occur once, each from a stack that it writes down as traceback sees it.
import functools, os, sys, threading, traceback

FIRST = 700001
keep = []
wanted = []

def here():
    """One block; its size names the stack of the caller."""
    size = FIRST + len(wanted)
    wanted.append([(f.f_code.co_filename, f.f_code.co_name, line)
                   for f, line in traceback.walk_stack(sys._getframe(1))])
    keep.append(bytes(size - 33))

def recurse(n):
    if n:
        return recurse(n - 1)
    here()

def generate(n):
    for i in range(n):
        here()
        yield i

def delegate(n):
    yield from generate(n)

class Meta(type):
    def __call__(cls, *args):
        here()
        return super().__call__(*args)

class Thing(metaclass=Meta):
    here()

    def __init__(self, n):
        self.n = n
        here()

    @property
    def value(self):
        here()
        return self.n

    def __lt__(self, other):
        here()
        return self.n < other.n

    def __del__(self):
        if keep is not None:
            here()

def decorate(f):
    @functools.wraps(f)
    def inner(*args, **kwargs):
        here()
        return f(*args, **kwargs)
    return inner

@decorate
def decorated(a, b=2):
    return (here(),
            here(),
            [here() for _ in range(2)],
            {here(): 1 for _ in range(1)},
            (lambda: here())())

class Pause:
    def __await__(self):
        here()
        yield

async def leaf():
    here()
    await Pause()
    here()

async def tree():
    await leaf()
    here()

def failing():
    try:
        try:
            raise ValueError("x")
        except ValueError:
            here()
            raise KeyError("y")
        finally:
            here()
    except KeyError:
        here()

def main():
    here()
    recurse(3)
    recurse(150)
    recurse(2)
    list(generate(2))
    for _ in delegate(2):
        here()
    sorted([Thing(3), Thing(1), Thing(2)])
    Thing(4).value
    decorated(1, b=3)
    list(map(lambda x: here(), range(2)))
    functools.reduce(lambda a, b: here(), range(3))
    failing()
    coroutine = tree()
    coroutine.send(None)
    try:
        coroutine.send(None)
    except StopIteration:
        here()
    # Code objects that come and go at the same addresses.
    for i in range(20):
        exec(compile("\n" * i + "def g%d():\n here()\ng%d()\nhere()\n" % (i, i), "<made %d>" % i, "exec"))
    threads = [threading.Thread(target=recurse, args=(i,)) for i in range(3)]
    for t in threads:
        t.start()
        t.join()
    n = len(wanted)
    r, w = os.pipe()
    pid = os.fork()
    if pid == 0:
        recurse(1)
        exec(compile("def late():\n\n here()\nlate()\n", "<late>", "exec"))
        os.write(w, repr(wanted[n:]).encode())
        os._exit(0)
    os.waitpid(pid, 0)
    wanted.extend(eval(os.read(r, 1 << 20)))
    here()

main()
with open(sys.argv[1], "w") as f:
    for i, stack in enumerate(wanted):
        print(FIRST + i, repr(stack), file=f)
os._exit(0)
