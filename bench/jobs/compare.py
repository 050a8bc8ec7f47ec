"""Jobs a second: Thunderline on SQLite and PostgreSQL beside Graphile Worker on the same PostgreSQL.

`compare.py [--jobs 20000] [--concurrency 10] [--repeats 3] [--program FILE]` builds `job_throughput` for release (or takes FILE),
installs Graphile Worker with npm below the target folder, starts a PostgreSQL of its own with its default settings (every commit
reaches the disk), lets the candidates take turns, and prints the median of each figure and the ratios as one JSON object. Needs
Rust, Python, npm and PostgreSQL's programs.
"""

import argparse
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
from contextlib import contextmanager
from pathlib import Path

HERE = Path(__file__).resolve().parent
REPOSITORY = HERE.parents[1]
FIGURES = ("enqueued_together_per_s", "enqueued_singly_per_s", "run_per_s")
PORT = "54399"


def target_folder():
    """Where cargo builds to."""
    metadata = subprocess.run(
        ["cargo", "metadata", "--format-version", "1", "--no-deps"],
        cwd=REPOSITORY, check=True, capture_output=True, text=True,
    )
    return Path(json.loads(metadata.stdout)["target_directory"])


def graphile():
    """The command of the peer; its packages are installed once."""
    folder = target_folder() / "bench-jobs"
    folder.mkdir(parents=True, exist_ok=True)
    for name in ("package.json", "graphile.js"):
        shutil.copy(HERE / name, folder)
    if not (folder / "node_modules").is_dir():
        subprocess.run(["npm", "install", "--no-audit", "--no-fund", "--silent"], cwd=folder, check=True)
    return ["node", str(folder / "graphile.js")]


@contextmanager
def postgres():
    """A cluster of our own; gives a function that makes an empty database and gives its address."""
    programs = max(Path("/usr/lib/postgresql").glob("*/bin"), key=lambda it: int(it.parent.name))
    # PostgreSQL refuses to be root.
    owner = ["runuser", "-u", "postgres", "--"] if os.geteuid() == 0 else []
    with tempfile.TemporaryDirectory() as parent:
        os.chmod(parent, 0o777)
        data = Path(parent) / "data"

        def run(program, *words, **options):
            done = subprocess.run([*owner, programs / program, *words], cwd=parent, check=True, **options)
            return done.stdout

        quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
        run("initdb", "-U", "bench", "-A", "trust", "-D", data, **quiet)
        options = f"-p {PORT} -k {parent} -c listen_addresses=127.0.0.1"
        run("pg_ctl", "-w", "-D", data, "-l", Path(parent) / "log", "-o", options, "start", **quiet)
        number = 0

        def database():
            nonlocal number
            number += 1
            run("createdb", "-h", "127.0.0.1", "-p", PORT, "-U", "bench", f"bench{number}")
            return f"postgres://bench@127.0.0.1:{PORT}/bench{number}"

        try:
            yield database
        finally:
            run("pg_ctl", "-D", data, "-m", "fast", "stop", **quiet)


def once(command, address, chosen, **variables):
    """One run's figures."""
    words = [*command, address, str(chosen.jobs), str(chosen.concurrency)]
    done = subprocess.run(
        words, check=True, stdout=subprocess.PIPE, text=True, env={**os.environ, **variables}
    )
    return json.loads(done.stdout.splitlines()[-1])


def main():
    """Measures in turns."""
    arguments = argparse.ArgumentParser()
    arguments.add_argument("--jobs", type=int, default=20_000)
    arguments.add_argument("--concurrency", type=int, default=10)
    arguments.add_argument("--repeats", type=int, default=3)
    arguments.add_argument("--program", type=Path)
    chosen = arguments.parse_args()
    if not chosen.program:
        build = ["cargo", "build", "--release", "-p", "thunderline-runtime", "--example", "job_throughput"]
        subprocess.run(build, cwd=REPOSITORY, check=True)
        chosen.program = target_folder() / "release/examples/job_throughput"
    peer = graphile()
    seen = {}
    with postgres() as database, tempfile.TemporaryDirectory() as folder:
        for turn in range(chosen.repeats):
            runs = {
                "thunderline, sqlite": lambda: once([chosen.program], f"sqlite:{folder}/{turn}.db", chosen),
                "thunderline, postgres": lambda: once([chosen.program], database(), chosen),
                "graphile-worker": lambda: once(peer, database(), chosen),
                "graphile-worker, batched": lambda: once(peer, database(), chosen, LOCAL_QUEUE="500"),
            }
            for name, run in runs.items():
                figures = run()
                seen.setdefault(name, []).append(figures)
                print(name, figures, file=sys.stderr)
    medians = {
        name: {figure: statistics.median(run[figure] for run in runs) for figure in FIGURES}
        for name, runs in seen.items()
    }
    ours = medians["thunderline, postgres"]
    ratios = {
        f"thunderline, postgres / {name}": {it: round(ours[it] / medians[name][it], 2) for it in FIGURES}
        for name in medians if name.startswith("graphile")
    }
    print(json.dumps({"jobs": chosen.jobs, "concurrency": chosen.concurrency, **medians, **ratios}, indent=1))


if __name__ == "__main__":
    main()
