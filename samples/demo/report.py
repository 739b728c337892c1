# SPDX-License-Identifier: MIT
"""report.json and report.html of the demo."""
import json
import os

import jinja2

HERE = os.path.dirname(os.path.abspath(__file__))


def summary(facts, parts):
    """The figures, as report.json has them."""
    measured = {key: part["result"] for key, part in parts.items()
                if part["ok"] and isinstance(part["result"], dict) and "frames" in part["result"]}
    return {
        "ok": all(part["ok"] for part in parts.values()),
        "kernel": facts.get("kernel"),
        "gstreamer": facts.get("gstreamer"),
        "pipelines": {key: {name: result[name] for name in
                            ("pipeline", "frames", "seconds", "fps", "copies_per_frame", "elements")}
                      for key, result in measured.items()},
        "attachments": parts.get("proof", {}).get("result"),
        "parts": {key: {name: part.get(name) for name in ("title", "ok", "seconds", "error")}
                  for key, part in parts.items()},
    }


def write(out, facts, parts):
    figures = summary(facts, parts)
    with open(os.path.join(out, "report.json"), "w", encoding="utf-8") as file:
        json.dump(figures, file, indent=2)
        file.write("\n")
    environment = jinja2.Environment(loader=jinja2.FileSystemLoader(HERE), autoescape=True,
                                     trim_blocks=True, lstrip_blocks=True)
    page = environment.get_template("report.html.j2").render(figures=figures, parts=parts)
    with open(os.path.join(out, "report.html"), "w", encoding="utf-8") as file:
        file.write(page)
