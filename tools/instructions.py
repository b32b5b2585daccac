#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""instructions.py - counts the instructions of kernels and query shapes, and holds them to a baseline.

Usage: tools/instructions.py [--update] [--archive build/.../liblaminar_core.a]
bench/gate/kernels.c and shapes.c run under callgrind, linked with the archive of build/library (what
ships, but for the link-time optimisation). What `import laminardb` adds to a bare interpreter is counted
too, of the package that this one has. Each count must lie within 3 % of that in tests/instructions.toml,
and each answer must be the same; --update writes both anew, which belongs into the commit that changed
them: better counts too, so that they cannot be lost again unseen.

Counts hold for one compiler, C library, Python and level of the processor: with others they are printed,
and nothing fails.
"""

from __future__ import annotations

import argparse
import os
import platform
import re
import subprocess
import sys
import tomllib
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
BUILD = ROOT / "build/instructions"
BASELINE = ROOT / "tests/instructions.toml"
LIMIT = 0.03
#: The programs; fewer counts of one: some were lost.
FLOORS = {"kernels": 30, "shapes": 12}
VALGRIND = ["valgrind", "--quiet", "--tool=callgrind"]
#: Nothing else in it: its size moves the stack.
ENVIRONMENT = {"PATH": os.environ["PATH"], "LC_ALL": "C", "TZ": "UTC", "PYTHONHASHSEED": "0"}

Found = dict[str, tuple[int, str]]  # name: instructions, answer


def compiler() -> list[str]:
    return os.environ.get("CC", "gcc").split()


def compile_program(name: str, archive: Path) -> Path:
    BUILD.mkdir(parents=True, exist_ok=True)
    program = BUILD / name
    flags = ["-O2", "-g1", "-std=gnu17", "-D_GNU_SOURCE", f"-I{ROOT / 'src'}", f"-I{ROOT / 'include'}"]
    linked = [str(archive), "-lpthread", "-lm", "-o", str(program)]
    subprocess.run([*compiler(), *flags, str(ROOT / f"bench/gate/{name}.c"), *linked], check=True)
    return program


def start(program: Path) -> subprocess.Popen[str]:
    for old in BUILD.glob(f"{program.name}.out*"):
        old.unlink()
    command = [*VALGRIND, "--collect-atstart=no", f"--callgrind-out-file={program}.out", str(program)]
    pipe = subprocess.PIPE
    return subprocess.Popen(command, stdout=pipe, stderr=pipe, text=True, env=ENVIRONMENT, cwd=BUILD)


def total(file: Path) -> int:
    text = file.read_text(encoding="utf-8", errors="replace")
    return int(re.findall(r"^(?:totals|summary): (\d+)", text, re.MULTILINE)[-1])


def counts(program: Path, output: str) -> Found:
    """Callgrind's files, each named by what asked for it, and the answers that the program printed."""
    answers = dict(line.split("\t") for line in output.splitlines())
    found: Found = {}
    for file in sorted(BUILD.glob(f"{program.name}.out.*"), key=lambda f: int(f.suffix[1:])):
        text = file.read_text(encoding="utf-8", errors="replace")
        asked = re.search(r"^desc: Trigger: Client Request: (.*)$", text, re.MULTILINE)
        if asked and asked[1] in answers:
            found[asked[1]] = (total(file), answers[asked[1]])
    if missing := answers.keys() - found.keys():
        raise SystemExit(f"instructions: callgrind counted nothing of {sorted(missing)}")
    return found


def of_python(code: str) -> int:
    out = BUILD / "python.out"
    command = [*VALGRIND, f"--callgrind-out-file={out}", sys.executable, "-I", "-S", "-c", code]
    subprocess.run(command, check=True, env=ENVIRONMENT, cwd=BUILD, capture_output=True)
    return total(out)


def of_import() -> int:
    """With its bytecode in place, which the first import writes."""
    find = "import laminardb; print(laminardb.__path__[0])"
    done = subprocess.run([sys.executable, "-c", find], capture_output=True, text=True, check=True)
    path = f"import sys; sys.path.insert(0, {str(Path(done.stdout.strip()).parent)!r})"
    return of_python(f"{path}; import laminardb") - of_python(path)


def measure(archive: Path) -> tuple[str, dict[str, Found]]:
    running = [(p, start(p)) for p in [compile_program(name, archive) for name in FLOORS]]
    found: dict[str, Found] = {"python": {"import laminardb": (of_import(), "")}}
    levels = []
    for program, process in running:
        output, messages = process.communicate()
        if process.returncode != 0:
            raise SystemExit(f"instructions: {program.name} ended with {process.returncode}\n{messages}")
        levels += [line for line in messages.splitlines() if line in ("baseline", "avx2", "avx512")]
        found[program.name] = counts(program, output)
        if len(found[program.name]) < FLOORS[program.name]:
            raise SystemExit(f"instructions: {program.name} counted {len(found[program.name])} alone")
    version = subprocess.run([*compiler(), "--version"], capture_output=True, text=True, check=True)
    library = " ".join(platform.libc_ver())
    machine = f"{version.stdout.splitlines()[0]}, {library}, Python {platform.python_version()}, {levels[0]}"
    return machine, found


def write(machine: str, found: dict[str, Found]) -> None:
    text = "# Instructions and answers, by `make instructions UPDATE=1`: see tools/instructions.py.\n"
    text += f'machine = "{machine}"\n'
    for program, rows in found.items():
        text += f"\n[{program}]\n"
        text += "".join(f"\"{name}\" = [{n}, '{answer}']\n" for name, (n, answer) in rows.items())
    BASELINE.write_text(text, encoding="utf-8")


def compare(found: dict[str, Found], baseline: dict[str, dict[str, list[object]]]) -> int:
    """Prints all; returns how many are wrong."""
    wrong = 0
    print(f"{'':<44}{'baseline':>12}{'now':>12}{'ratio':>8}")
    for program, rows in found.items():
        known = baseline.get(program, {})
        for name, (now, answer) in rows.items():
            before, wanted = known.get(name, [0, ""])
            assert isinstance(before, int)
            ratio = now / before if before else 0.0
            says = "" if abs(ratio - 1) <= LIMIT else "  more" if ratio > 1 else "  less"
            says = "  new" if not before else says if wanted == answer else f"  answer {answer}"
            wrong += bool(says)
            print(f"{name:<44}{before:>12,}{now:>12,}{ratio:>8.3f}{says}")
        for name in known.keys() - rows.keys():
            print(f"{name:<44}{known[name][0]:>12,}{'gone':>12}")
            wrong += 1
    return wrong


def main() -> int:
    parser = argparse.ArgumentParser(description="instructions of kernels and query shapes")
    parser.add_argument("--update", action="store_true", help="writes the baseline anew")
    parser.add_argument("--archive", type=Path, default=ROOT / "build/library/liblaminar_core.a")
    args = parser.parse_args()
    machine, found = measure(args.archive)
    baseline = tomllib.loads(BASELINE.read_text(encoding="utf-8")) if BASELINE.exists() else {}
    wrong = compare(found, baseline)
    total = sum(map(len, found.values()))
    if args.update:
        write(machine, found)
        print(f"instructions: {total} counts written for {machine}")
        return 0
    if baseline.get("machine") != machine:
        print(f"instructions: {total} counts, not compared: the baseline is of {baseline.get('machine')},")
        print(f"    this is {machine}")
        return 0
    if wrong:
        print(f"instructions: {wrong} of {total} are not what they were; when that is meant, commit what")
        print("    `make instructions UPDATE=1` writes to tests/instructions.toml")
        return 1
    print(f"instructions: {total} counts within {LIMIT:.0%} of the baseline ({machine})")
    return 0


if __name__ == "__main__":
    sys.exit(main())
