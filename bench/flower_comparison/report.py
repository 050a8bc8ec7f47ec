"""From raw moments to one table with ratios."""

import statistics

MEGABYTE = 1e6


def settled(result):
    """All rounds but the first, in which nodes still fetch and install the app."""
    return result["rounds"][1:] or result["rounds"]


def median(values):
    """The median, or None of nothing."""
    values = list(values)
    return statistics.median(values) if values else None


def per_node(result, begin, end):
    """Median over rounds and nodes of the time between two moments of a node."""
    return median(node[end] - node[begin] for one in settled(result) for node in one["nodes"])


def figures(result):
    """Name of a figure to its value; lower is better in all of them."""
    found = {
        "round start to node told, s": median(
            node["told"] - one["began"] for one in settled(result) for node in one["nodes"]
        ),
        "node fetches the model, s": per_node(result, "told", "received"),
        "node starts Python and trains, s": per_node(result, "received", "sending"),
        "node sends its update, s": per_node(result, "sending", "sent"),
        "last update sent to round end, s": median(
            one["ended"] - max(node["sent"] for node in one["nodes"]) for one in settled(result)
        ),
        "wall per round, s": median(one["ended"] - one["began"] for one in settled(result)),
        "first round, s": result["rounds"][0]["ended"] - result["rounds"][0]["began"],
        "server CPU per round, s": result["cpu_seconds"] / len(result["rounds"]),
    }
    if "requests_per_round" in result:
        found["node requests per round (no polls)"] = result["requests_per_round"]
        found["server CPU per node request, ms"] = (
            1000 * found["server CPU per round, s"] / result["requests_per_round"]
        )
    if "heartbeat" in result:
        found["CPU of one heartbeat, ms"] = 1000 * result["heartbeat"]["cpu_seconds_each"]
        found["answer to one heartbeat, ms"] = 1000 * result["heartbeat"]["wall_seconds_median"]
    found["peak server memory, MB"] = sum(result["peak_bytes"].values()) / MEGABYTE
    return found


def number(value):
    """Three digits that matter, without an exponent."""
    if value is None:
        return "-"
    size = abs(value)
    if size >= 100:
        return f"{value:.0f}"
    if size >= 10:
        return f"{value:.1f}"
    return f"{value:.2f}" if size >= 1 else f"{value:.4f}"


def ratio(theirs, ours):
    """How many times less we need."""
    if theirs is None or ours is None:
        return "-"
    return f"{theirs / ours:.1f} x" if ours > 0 else "below the clock's tick"


def table(whole):
    """The comparison as plain text, in the form of a Markdown table."""
    machine = whole["machine"]
    lines = [
        f"{whole['nodes']} nodes, {whole['rounds']} rounds, {machine['cores']} cores, {machine['system']}, {machine['time']}.",
        "Medians of rounds 2 and later; CPU over all rounds.",
        "",
        "| model | figure | SuperLink | Thunderline | SuperLink / Thunderline |",
        "|---|---|---:|---:|---:|",
    ]
    for model, results in whole["models"].items():
        theirs, ours = (figures(results[name]) if name in results else {} for name in ("superlink", "thunderline"))
        for name in theirs or ours:
            left, right = theirs.get(name), ours.get(name)
            lines.append(f"| {model} | {name} | {number(left)} | {number(right)} | {ratio(left, right)} |")
        for name, result in results.items():
            parts = ", ".join(f"{part} {peak / MEGABYTE:.0f}" for part, peak in sorted(result["peak_bytes"].items()))
            lines.append(f"| {model} | memory by process, {name}: {parts} | | | |")
    return "\n".join(lines)
