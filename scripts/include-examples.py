#!/usr/bin/env python3
"""Writes parts of the examples into the documents that show them. `--check` fails if a document differs from the file.

A document names a file, or a region of it, in a comment. The script writes what is between the two comments:

    <!-- from examples/express/twilio.mjs#calls -->
    ...
    <!-- end of examples/express/twilio.mjs#calls -->

A region of a file is between the comments `#region calls` and `#endregion`.
"""

import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
LANGUAGES = {
    ".mjs": "js", ".js": "js", ".html": "html", ".py": "python", ".go": "go", ".php": "php", ".rb": "ruby", ".java": "java", ".rs": "rust", ".sh": "sh",
}
BLOCK = re.compile(r"^<!-- from (?P<name>\S+) -->\n.*?^<!-- end of (?P=name) -->$", re.MULTILINE | re.DOTALL)
MARK = re.compile(r"^\s*(//|#)\s*#?(end)?region\b.*\n", re.MULTILINE)


def code(name):
    path, _, region = name.partition("#")
    text = (ROOT / path).read_text()
    if region:
        found = re.search(rf"^[ \t]*(?://|#)\s*#?region {re.escape(region)}\n(.*?)^[ \t]*(?://|#)\s*#?endregion", text, re.MULTILINE | re.DOTALL)
        if not found:
            raise SystemExit(f"{path} has no region {region}")
        text = found[1]
    return f"```{LANGUAGES[Path(path).suffix]}\n{MARK.sub('', text).strip()}\n```"


def written(match):
    name = match["name"]
    return f"<!-- from {name} -->\n{code(name)}\n<!-- end of {name} -->"


def main():
    check = "--check" in sys.argv[1:]
    listed = subprocess.run(["git", "ls-files", "-z", "--", "*.md"], cwd=ROOT, check=True, capture_output=True, text=True).stdout
    stale, blocks = [], 0
    for name in filter(None, listed.split("\0")):
        text = (ROOT / name).read_text()
        found = len(BLOCK.findall(text))
        blocks += found
        fresh = BLOCK.sub(written, text)
        if len(re.findall(r"^<!-- from ", text, re.MULTILINE)) != found:
            raise SystemExit(f"{name}: a block that begins has no end")
        if fresh != text:
            stale.append(name)
            if not check:
                (ROOT / name).write_text(fresh)
    if check and stale:
        raise SystemExit(f"{', '.join(stale)}: the code differs from the examples; run: scripts/include-examples.py")
    print(f"{blocks} blocks of code in the documents are those of the examples")


main()
