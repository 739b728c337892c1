# SPDX-License-Identifier: MIT
"""What the figures of a benchmark look like: as JSON, checked, and as a table."""
import json
import os

MODES = ("path", "wall", "native")
TEXT, NUMBER, MAYBE_TEXT, MAYBE_NUMBER = (str,), (int, float), (str, type(None)), (int, float, type(None))
FIELDS = {
    "name": TEXT, "mode": TEXT, "value": NUMBER, "unit": TEXT,
    # Absent where there are too few samples to speak of such a share of them.
    "p50": MAYBE_NUMBER, "p99": MAYBE_NUMBER, "p999": MAYBE_NUMBER, "max": MAYBE_NUMBER,
    # Absent but for wall time.
    "cpu_ns": MAYBE_NUMBER,
    "against": MAYBE_TEXT, "ratio": MAYBE_NUMBER, "difference": MAYBE_NUMBER,
    "goal": MAYBE_NUMBER, "goal_of": MAYBE_TEXT, "better": TEXT,
}
MEASURES = ("value", "ratio", "difference")
TITLES = {"path": "path length: instructions, and bytes, counted",
          "wall": "wall time in the virtual machine",
          "native": "time on this CPU"}
SHORT_UNITS = (("instructions", "instr"), ("/pixel", "/px"), ("/byte", "/B"), ("commands/s", "cmd/s"),
               ("violations", ""), ("index", ""))
LAYOUT = "{:<38} {:>6} {:<8} {:>6} {:>6} {:>6} {:>6} {:>6} {:>6} {:<26} {:<8}"


class BadRow(Exception):
    """A row is not what the format says."""


def with_peers(rows):
    """The rows, each with its ratio to the peer of the same mode, and the difference."""
    values = {(row["mode"], row["name"]): row["value"] for row in rows}
    for row in rows:
        peer = values.get((row["mode"], row["against"]))
        row["ratio"] = row["value"] / peer if peer else None
        row["difference"] = row["value"] - peer if peer else None
    return [{field: row[field] for field in FIELDS} for row in rows]


def validate(result):
    """Raises BadRow for anything that is not as the format has it."""
    if set(result) != {"machine", "rows"} or not isinstance(result["machine"], dict) or not result["rows"]:
        raise BadRow("a result is a machine and rows")
    seen = set()
    for row in result["rows"]:
        name = row.get("name")
        if list(row) != list(FIELDS):
            raise BadRow(f"{name}: fields are {', '.join(row)}")
        for field, kinds in FIELDS.items():
            if not isinstance(row[field], kinds) or isinstance(row[field], bool):
                raise BadRow(f"{name}: {field} is {row[field]!r}")
        if row["mode"] not in MODES or row["better"] not in ("lower", "higher"):
            raise BadRow(f"{name}: mode {row['mode']}, better {row['better']}")
        if (row["goal"] is None) != (row["goal_of"] is None) or row["goal_of"] not in (*MEASURES, None):
            raise BadRow(f"{name}: goal {row['goal']} of {row['goal_of']}")
        # One for each of its peers.
        if (row["mode"], name, row["against"]) in seen:
            raise BadRow(f"{name}: there are two of mode {row['mode']}")
        seen.add((row["mode"], name, row["against"]))
    names = {(mode, name) for mode, name, _ in seen}
    for row in result["rows"]:
        if row["against"] is not None and (row["mode"], row["against"]) not in names:
            raise BadRow(f"{row['name']}: no row {row['against']} to compare with")


def write(path, result):
    """Validates and writes a result, whole or not at all."""
    validate(result)
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path + ".new", "w", encoding="utf-8") as file:
        json.dump(result, file, indent=1)
        file.write("\n")
    os.replace(path + ".new", path)


def number(value):
    """Six characters at most, for what is not negative."""
    if value is None:
        return "-"
    if abs(value) < 1:
        return f"{value:.3g}"
    if abs(value) >= 9999.5:
        scale, letter = (1e6, "M") if abs(value) >= 999950 else (1e3, "k")
        return f"{value / scale:.4g}{letter}"
    return f"{value:.0f}" if abs(value) >= 1000 else f"{value:.4g}"


def reached(row):
    """Is the goal met? None where there is none, or nothing to compare with."""
    figure = row[row["goal_of"]] if row["goal_of"] else None
    if figure is None:
        return None
    return figure >= row["goal"] if row["better"] == "higher" else figure <= row["goal"]


def compared(row):
    """The figure beside the peer's: the difference where that is to be small, else the ratio."""
    if row["ratio"] is None:
        return ""
    if row["goal_of"] == "difference":
        return ("+" if row["difference"] >= 0 else "-") + number(abs(row["difference"]))
    return f"{row['ratio']:.2f}"


def line(row):
    unit = row["unit"]
    for long, short in SHORT_UNITS:
        unit = unit.replace(long, short)
    met = reached(row)
    goal = "" if met is None else f"{number(row['goal'])} {'ok' if met else 'NO'}"
    ratio = compared(row)
    sign = "x" if row["goal_of"] != "difference" else "to"
    return LAYOUT.format(row["name"], number(row["value"]), unit, number(row["p50"]), number(row["p99"]),
                         number(row["p999"]), number(row["max"]), number(row["cpu_ns"]), ratio,
                         f"{sign} {row['against']}" if ratio else "", goal).rstrip()


def table(result):
    """The same as text, one table per mode."""
    lines = [", ".join(f"{key} {value}" for key, value in result["machine"].items() if not isinstance(value, dict))]
    for mode in MODES:
        rows = [row for row in result["rows"] if row["mode"] == mode]
        if not rows:
            continue
        lines += ["", f"{TITLES[mode]} ({result['machine']['modes'][mode]})",
                  LAYOUT.format("", "value", "unit", "p50", "p99", "p99.9", "max", "CPU ns", "ratio", "to", "goal").rstrip()]
        lines += map(line, rows)
    return "\n".join(lines)
