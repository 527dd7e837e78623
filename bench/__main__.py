"""
`make bench`: each benchmark in a process of its own, one after the other, with its table.

`python -m bench [NAME…] [--quick] [--grants N] [--json]`; without a name, all that are there.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

FOLDER = Path(__file__).parent
MODULES = {
    "engine": "engine",
    "conditions": "conditions",
    "store": "store",
    "paging": "paging",
    "http": "http_check",
}
QUICK = {
    "engine": ["--grants", "20000", "--seconds", "1"],
    "conditions": ["--rounds", "5"],
    "store": [tempfile.gettempdir(), "5000"],
    "paging": ["--grants", "2000", "--rounds", "3"],
    "http": ["--grants", "20000", "--rounds", "1", "--seconds", "1"],
}
SIZED = {"engine", "paging", "http"}  # take a number of grants
PLAIN = {"store"}  # prints lines and takes no options


def main() -> int:
    there = [name for name, module in MODULES.items() if (FOLDER / f"{module}.py").exists()]
    parser = argparse.ArgumentParser(
        prog="python -m bench", description="the benchmark suite; bench/README.md explains it"
    )
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"which: {', '.join(there)} (default: all)")
    parser.add_argument(
        "--quick", action="store_true", help="little data and short runs: shows that it works, no figures"
    )
    parser.add_argument("--grants", type=int, help="how many grants, for engine, paging and http")
    parser.add_argument("--json", action="store_true", help="one JSON document in place of tables")
    arguments = parser.parse_args()
    if unknown := set(arguments.names) - set(there):
        parser.error(f"there is no benchmark {', '.join(sorted(unknown))}: use {', '.join(there)}")

    results, failed = {}, False
    for name in arguments.names or there:
        command = [sys.executable, "-m", f"bench.{MODULES[name]}", *(QUICK.get(name, []) if arguments.quick else [])]
        if arguments.grants is not None and name in SIZED:
            command += ["--grants", str(arguments.grants)]
        if not arguments.json:
            print(f"--- {name}", flush=True)
        elif name not in PLAIN:
            command.append("--json")
        done = subprocess.run(
            command,
            cwd=FOLDER.parent,
            env={**os.environ, "PYTHONDONTWRITEBYTECODE": "1"},
            stdout=subprocess.PIPE if arguments.json else None,
            text=True,
            check=False,
        )
        failed = failed or done.returncode != 0
        if arguments.json and done.returncode == 0:
            results[name] = done.stdout.splitlines() if name in PLAIN else json.loads(done.stdout)
    if arguments.json:
        print(json.dumps(results))
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
