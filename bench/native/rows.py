"""What the benches share: the lines that bench.py reads, our programs, the memory's bandwidth. No package but Python's own."""
import json
import os
import pathlib
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parents[2]
RELEASE = ROOT / "build" / "release"
THREADS = os.cpu_count()


def say(text):
    print(text, file=sys.stderr, flush=True)


def emit(name, ours, peer_name, peer, ratio, goal):
    """A row of bench.py's table. ratio None: there is none, as a side is missing or failed; a side that
    failed reads "FAILED", which ends bench.py with a status of 1."""
    print(json.dumps({"name": name, "ours": ours, "peer_name": peer_name, "peer": peer, "ratio": ratio,
                      "goal": goal}), flush=True)


def run_program(*command):
    """What a program prints; one that fails raises with what it said."""
    done = subprocess.run([str(word) for word in command], capture_output=True, text=True)
    if done.returncode != 0:
        said = done.stderr.strip() or done.stdout.strip()
        raise RuntimeError(f"{pathlib.Path(str(command[0])).name} ended with {done.returncode}: {said}")
    return done.stdout


def tool(name, *arguments):
    """The JSON line of one of our programs."""
    return json.loads(run_program(RELEASE / name, *arguments))


def tool_lines(name, *arguments):
    """The JSON lines of one that prints several."""
    return [json.loads(line) for line in run_program(RELEASE / name, *arguments).splitlines()]


def bandwidth_rounds(scale, rounds):
    size = max(64 << 20, int((2 << 30) * min(1, scale)))
    return tool("bandwidth_bench", size, THREADS, rounds)


def bandwidth(scale):
    """Gigabytes a second that all threads read together, the best of several rounds. Measured before and
    after what stands beside it, the better counts: other work on the machine only ever lowers it."""
    return bandwidth_rounds(scale, 15)["best_gbs"]
