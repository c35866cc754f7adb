"""Writes benchmarks.md and its plots from the JSON files of the runs: figures only from a run."""
import json
import math
import pathlib
import platform
import subprocess

import matplotlib

matplotlib.use("svg")
matplotlib.rcParams["svg.hashsalt"] = "pyralog"  # the same figures give the same file
import matplotlib.pyplot as plt

NAMES = {"duckdb": "DuckDB", "clickhouse": "ClickHouse", "polars": "Polars", "datafusion": "DataFusion",
         "pyralog": "Pyralog"}
COLOURS = {"duckdb": "#e0a800", "clickhouse": "#c0392b", "polars": "#2874a6", "datafusion": "#7d3c98",
           "best of all": "#444444"}


def machine():
    fields = {}
    for line in subprocess.run(["lscpu"], capture_output=True, text=True).stdout.splitlines():
        name, _, value = line.partition(":")
        fields[name.strip()] = value.strip()
    memory = next(line for line in open("/proc/meminfo") if line.startswith("MemTotal")).split()[1]
    flags = fields.get("Flags", "").split()
    return {"cpu": fields.get("Model name", platform.machine()), "family": fields.get("CPU family", ""),
            "model": fields.get("Model", ""), "cpus": fields.get("CPU(s)", ""), "L2": fields.get("L2 cache", ""),
            "L3": fields.get("L3 cache", ""), "memory_gb": int(memory) / 1e6, "kernel": platform.release(),
            "isa": ", ".join(flag for flag in ("avx2", "avx512f", "avx512vbmi2") if flag in flags)}


def commit():
    """What is measured; -dirty: with changes that are in no commit."""
    here = pathlib.Path(__file__).resolve().parent
    return subprocess.run(["git", "-C", here, "describe", "--always", "--dirty"], capture_output=True,
                          text=True).stdout.strip() or "unknown"


def geometric(values):
    return math.exp(sum(math.log(max(value, 1e-3)) for value in values) / len(values))


def clickbench_ratios(entries, peer, clock="ratio"):
    """Of each query that ours and the peer ran, the peer's time by ours; "best of all": the smallest."""
    ratios = []
    for entry in entries:
        of = {name: answer[clock] for name, answer in entry["peers"].items() if "ratio" in answer}
        if peer == "best of all" and of:
            ratios.append(min(of.values()))
        elif peer in of:
            ratios.append(of[peer])
    return ratios


def table(header, rows):
    lines = ["| " + " | ".join(header) + " |", "|" + "|".join(" --- " for _ in header) + "|"]
    return lines + ["| " + " | ".join(row) + " |" for row in rows] + [""]


def goal_text(ratio, goal, unit="x"):
    return "" if goal is None else f"{goal:g}{unit} {'met' if ratio >= goal else '**missed**'}"


def query_rows(entries):
    rows = []
    for entry in entries:
        for peer, answer in entry["peers"].items():
            name = NAMES.get(peer, peer)
            if "failed" in answer:
                rows.append([entry["query"], name, f"{NAMES[answer['failed']]} failed: {answer['why'][:90]}",
                             "", "", "", "", ""])
                continue
            rows.append([entry["query"], name, f"{answer['ours_ms']:.2f}", f"{answer['peer_ms']:.2f}",
                         f"{answer['ratio']:.2f}", goal_text(answer["ratio"], entry["goals"].get(peer)),
                         f"{answer['ours_cpu_ms']:.0f} / {answer['peer_cpu_ms']:.0f}", answer["compared"]])
    return rows


QUERY_HEADER = ["work", "peer", "ours, ms", "peer, ms", "ratio", "goal", "CPU ms, ours / peer", "result"]


def bars(entries, path, title):
    """Ratios of each statement, a bar for each peer; 1 is as fast as the peer."""
    peers = [peer for peer in NAMES if any("ratio" in e["peers"].get(peer, {}) for e in entries)]
    if not peers:
        return False
    figure, axes = plt.subplots(figsize=(9, 1 + 0.16 * len(entries) * (len(peers) + 1)))
    height = 0.8 / len(peers)
    for place, peer in enumerate(peers):
        # From the line of equal speed outwards.
        axes.barh([row + height * place for row in range(len(entries))],
                  [entry["peers"].get(peer, {}).get("ratio", 1) - 1 for entry in entries], height, 1,
                  label=f"{NAMES[peer]} / ours", color=COLOURS[peer])
    axes.set_yticks([row + 0.4 - height / 2 for row in range(len(entries))],
                    [entry["query"] for entry in entries], fontsize=8)
    axes.set_ylim(len(entries), -0.5)
    axes.set_xscale("log")
    axes.axvline(1, color="black", linewidth=0.8)
    axes.set_xlabel("the peer's time divided by ours")
    axes.set_title(title)
    axes.legend(fontsize=8)
    save(figure, path)
    return True


def save(figure, path):
    figure.tight_layout()
    figure.savefig(path, metadata={"Date": None})
    plt.close(figure)


def sizes_plot(sizes, path):
    good = [size for size in sizes if "ms" in size]
    if len(good) < 2:
        return False
    figure, axes = plt.subplots(figsize=(6, 4))
    axes.plot([size["rows"] for size in good], [size["ms"] for size in good], marker="o", label="measured")
    last = good[-1]
    axes.plot([size["rows"] for size in good], [last["ms"] * size["rows"] / last["rows"] for size in good],
              linestyle=":", color="grey", label="in proportion to the last")
    axes.set_xscale("log")
    axes.set_yscale("log")
    axes.set_xlabel("rows")
    axes.set_ylabel("ms")
    axes.set_title("The headline by the number of rows")
    axes.legend()
    save(figure, path)
    return True


def conditions(run):
    peers = ", ".join(f"{NAMES.get(name, name)} {version}" for name, version in run["versions"].items())
    host = run["machine"]
    isa = f", {host['isa']}" if host["isa"] else ""
    return [f"Run of {run['date']}: {host['cpu']} (family {host['family']}, model {host['model']}{isa}), "
            f"{host['cpus']} CPUs, L2 {host['L2']}, L3 {host['L3']}, {host['memory_gb']:.0f} GB of memory, "
            f"Linux {host['kernel']}. {peers}. Scale {run['scale']:g}, medians of at least {run['rounds']} "
            f"rounds, load average of the last five minutes {run['load']:.1f}"
            + (f", commit {run['commit']}." if "commit" in run else "."), "",
            f"Command: `bench/run --only {run['name']} --scale {run['scale']:g}`", ""]


def native_section(run, folder):
    lines = ["## Statements of the native engine", "", *conditions(run),
             *table(QUERY_HEADER, query_rows(run["queries"]))]
    if bars(run["queries"], folder / "benchmarks-native.svg", "The native engine beside its peers"):
        lines += ["![ratios](benchmarks-native.svg)", ""]
    bound = [entry for entry in run["queries"] if "gbs" in entry]
    if bound:
        lines += ["Bound by the memory's bandwidth: beside a loop that only reads, in turn, medians of both.", "",
                  *table(["statement", "GB/s", "the loop, GB/s", "share", "goal"],
                         [[entry["query"], f"{entry['gbs']:.1f}", f"{entry['memory_gbs']:.1f}",
                           f"{entry['gbs'] / entry['memory_gbs']:.2f}",
                           goal_text(entry["gbs"] / entry["memory_gbs"], 0.85, "")] for entry in bound])]
    return lines + headline_section(run, folder)


def headline_section(run, folder):
    lines = []
    threads, memory, cold = (run.get(name, {}) for name in ("threads", "memory", "cold"))
    rows = []
    if "speed_up" in threads:
        rows.append([f"{threads['threads']} threads beside one",
                     f"{threads['all_ms']:.1f} ms, {threads['one_ms']:.1f} ms: {threads['speed_up']:.2f}",
                     goal_text(threads["speed_up"], 1.8)])
    if "anonymous_bytes" in memory:
        used = memory["anonymous_bytes"]
        rows.append(["most anonymous memory", f"{used / 1e6:.0f} MB", f"150 MB {'met' if used <= 150e6 else '**missed**'}"])
    if "share" in cold:
        rows.append(["files out of the cache (all rows grouped) beside reading them in order",
                     f"{cold['ours_gbs']:.2f} GB/s, {cold['disk_gbs']:.2f} GB/s: {cold['share']:.2f}",
                     goal_text(cold["share"], 0.85, "")])
    if rows:
        lines += ["### The headline alone", "", *table(["what", "measured", "goal"], rows)]
    if run.get("sizes"):
        lines += table(["rows", "ms", "ns a row"],
                       [[f"{size['rows']:,}", f"{size['ms']:.2f}", f"{size['ms'] * 1e6 / size['rows']:.2f}"]
                        if "ms" in size else [f"{size['rows']:,}", size["error"], ""] for size in run["sizes"]])
        if sizes_plot(run["sizes"], folder / "benchmarks-sizes.svg"):
            lines += ["![time by rows](benchmarks-sizes.svg)", ""]
    return lines


def wide_section(run, folder):
    lines = ["## Ten columns", "", *conditions(run),
             f"{run['queries'][0]['rows']:,} rows of ten 8-byte columns: a billion would be 80 GB." if
             run["queries"] else "", "", *table(QUERY_HEADER, query_rows(run["queries"]))]
    return lines


def clickbench_section(run, folder):
    lines = ["## ClickBench's 43 queries", "", *conditions(run),
             f"Made data of {run['queries'][0]['rows']:,} rows (bench/README.md describes it)." if
             run["queries"] else "", ""]
    means = []
    for name, goal in (("duckdb", 3), ("clickhouse", 1.8), ("polars", None), ("datafusion", None),
                       ("best of all", 1.3)):
        ratios = clickbench_ratios(run["queries"], name)
        if ratios:
            means.append([NAMES.get(name, "the best peer of each query"), str(len(ratios)),
                          f"{geometric(ratios):.2f}", goal_text(geometric(ratios), goal), f"{min(ratios):.2f}",
                          goal_text(min(ratios), 0.8) if name == "best of all" else "",
                          f"{geometric(clickbench_ratios(run['queries'], name, 'cpu_ratio')):.2f}"])
    lines += table(["peer", "queries", "geometric mean of ratios", "goal", "slowest", "goal of the slowest",
                    "mean of CPU time"], means)
    if bars(run["queries"], folder / "benchmarks-clickbench.svg", "ClickBench"):
        lines += ["![ratios](benchmarks-clickbench.svg)", ""]
    return lines + table(QUERY_HEADER, query_rows(run["queries"]))


SECTIONS = {"native": native_section, "wide": wide_section, "clickbench": clickbench_section}
INTRODUCTION = """# Benchmarks

Written by `bench/run` from its own runs (bench/README.md says what is measured and how); nothing here is
entered by hand. A ratio is the peer's wall time divided by ours in the same run: above 1 we are faster.
Everything is warm but where it says so, peers hold their tables in memory, ours are mapped files. All run with one thread for
each CPU. "result" says whether both gave the same rows; "ties": but for rows that tie at a LIMIT; "same
count": what the statement orders by is not in its result, so that ties cannot be told from differences.
"""


def write(results, folder):
    """Everything that results has, as folder/benchmarks.md and plots beside it."""
    folder = pathlib.Path(folder)
    lines = [INTRODUCTION]
    for name, section in SECTIONS.items():
        path = results / f"{name}.json"
        if path.exists():
            lines += section(json.loads(path.read_text()), folder)
    (folder / "benchmarks.md").write_text("\n".join(lines).rstrip() + "\n")
