#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""address_check.py SYMBOLIZE FILE N TOOL...: names of N random instructions of FILE, beside addr2line, eu-addr2line and llvm-symbolizer.

At every address one of the three must give the same functions (without namespaces and arguments), the same number of
inlined frames and the same lines; each TOOL must do so at all of them. One address in 200 may differ: none of the three is
right about functions whose template arguments are lambdas. What keeps tools out of the list, each seen in binutils 2.40,
elfutils 0.188 and LLVM 14:

  addr2line  reads no split DWARF (.dwo), leaves out what clang (DWARF 5) inlined into main, and no .gnu_debugdata
  eu         without .debug_aranges, which clang and rustc do not write, it knows no lines; its lines for _start, which has
             none, are those of whatever was before; frames inlined in split DWARF are left out
  llvm       does not know names that dwz moved, reads no .gnu_debugdata, shows names of older rustc mangled
"""
import random
import re
import subprocess
import sys

FAULTS_PER_ADDRESS = 1 / 200

TOOLS = {
    "addr2line": ["addr2line", "-a", "-i", "-f", "-C", "-e"],
    "eu": ["eu-addr2line", "-a", "-i", "-f", "-C", "-e"],
    "llvm": ["llvm-symbolizer", "--output-style=GNU", "-a", "--inlines", "-C", "-e"],
}


def instructions(path):
    """Addresses of everything in .text but padding."""
    command = ["objdump", "-d", "--no-show-raw-insn", "-j", ".text", path]
    text = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    padding = r"(?:nop|int3|xchg +%ax,%ax|data16|cs nop)"
    return [int(a, 16) for a in re.findall(r"^ +([0-9a-f]+):\t(?!" + padding + ")", text, re.M)]


def base_name(name):
    """What all agree on: no namespace, arguments, marks of copies. "?" where they differ in how to write it."""
    name = name.replace("(anonymous namespace)::", "")
    name = re.sub(r" \[clone [^]]*\]| \(\.cold\)|\[abi:[^]]*\]", "", name)
    if re.search(r"operator|lambda|closure|\{|\$", name):
        return "?"
    name = re.sub(r"::h[0-9a-f]{16}$", "", name)
    name = re.sub(r" inlined at .*", "", name)
    name = re.sub(r"^<.* as .*>::|^<.*>::", "", name)  # Rust's implementations
    name = re.sub(r"(::)?[<(].*", "", name)
    name = re.sub(r"(\.cold|\.part\.\d+|\.isra\.\d+|\.constprop\.\d+)+$", "", name)
    return re.sub(r".*(::| )", "", name)


def frames(text):
    """Address -> [(function, line)], innermost first; from what all four print."""
    found, current, function = {}, None, None
    for line in text.splitlines():
        if re.fullmatch(r"0x[0-9a-f]+", line):
            current, function = found.setdefault(int(line, 16), []), None
        elif current is not None and line and function is None:
            function = line
        elif current is not None and line:
            number = re.search(r":(\d+)(:\d+)?( \(discriminator \d+\))?$", line)
            current.append((base_name(function), int(number[1]) if number else 0))
            function = None
    return found


def ask(command, addresses, prefix):
    text = "".join(f"{prefix}{a:x}\n" for a in addresses)
    # eu-addr2line's status is 1 when it does not know an address.
    return frames(subprocess.run(command, input=text, capture_output=True, text=True, check=False).stdout)


def same(ours, theirs):
    return len(ours) == len(theirs) and all(
        line == other_line and (name == other or "?" in (name, other))
        for (name, line), (other, other_line) in zip(ours, theirs)
    )


def main():
    symbolize, path, n_wanted, *must_agree = sys.argv[1:]
    random.seed(int(n_wanted))
    everything = instructions(path)
    addresses = sorted(random.sample(everything, min(int(n_wanted), len(everything))))
    ours = ask([symbolize, path], addresses, "")
    theirs = {tool: ask([*command, path], addresses, "0x") for tool, command in TOOLS.items()}
    differing = {
        tool: {a for a in addresses if not same(ours[a], answers.get(a, []))} for tool, answers in theirs.items()
    }
    alone = set.intersection(*differing.values())
    n_faults = int(len(addresses) * FAULTS_PER_ADDRESS) + 1
    print(path, len(addresses), {tool: len(d) for tool, d in differing.items()}, "alone:", len(alone))
    wrong = alone if len(alone) > n_faults else set()
    for tool in must_agree:
        if len(differing[tool]) > n_faults:
            wrong = wrong | differing[tool]
    for a in sorted(wrong)[:10]:
        print(hex(a), "ours", ours[a], *((tool, answers.get(a)) for tool, answers in theirs.items()), sep="\n  ")
    if not addresses or wrong:
        sys.exit(1)


main()
