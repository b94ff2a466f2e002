"""Compares three verifiers on the same ceremonies; every disagreement must be in `disagreements.json`.

    compare.py SEED COUNT [--keep DIR]    runs it; exit code 1: the run differs from the table
    compare.py --render FILE              writes the table into a Markdown file, between its marks
    compare.py --check FILE               exit code 1: the file has another table than `disagreements.json`

Environment: PASSKEYD_BIN, TESTKIT_CORPUS_BIN (default: the release build of this repository).
"""

import collections
import json
import os
import re
import subprocess
import sys
import tempfile
from pathlib import Path

HERE = Path(__file__).resolve().parent
REPOSITORY = HERE.parent.parent
TABLE = HERE / "disagreements.json"
JUDGES = ["passkeyd", "py_webauthn", "simplewebauthn"]
WORDS = {"A": "accepts", "R": "refuses", "-": "cannot"}
LETTERS = {word: letter for letter, word in WORDS.items()}


def binary(variable, name):
    target = Path(os.environ.get("CARGO_TARGET_DIR", REPOSITORY / "target"))
    return os.environ.get(variable, str(target / "release" / name))


def pattern(glob):
    """A pattern in which only `*` has a meaning: labels are full of brackets."""
    return re.compile(".*".join(map(re.escape, glob.split("*"))), re.DOTALL)


class Row:
    """One class of disagreement.

    Each of `labels` and each of `verdicts` must occur in every run. `damage` has labels of random damage, which need not occur;
    there passkeyd's verdict must be that of `verdicts`, and the others may have any verdict.
    """

    def __init__(self, row):
        self.row = row
        self.labels = {glob: pattern(glob) for glob in row.get("labels", [])}
        self.damage = [pattern(glob) for glob in row.get("damage", [])]
        self.seen = set()
        self.count = 0

    def takes(self, label, verdict, reason):
        if reason not in self.row.get("reasons", [""]):
            return False
        fitting = [
            listed
            for listed in self.row["verdicts"]
            if all(found in (wanted, "-") for found, wanted in zip(verdict, listed))
        ]
        globs = [glob for glob, compiled in self.labels.items() if compiled.fullmatch(label)]
        if globs and fitting:
            self.seen.update(globs)
            if "-" not in verdict:
                self.seen.add(verdict)
        elif not (
            verdict[0] == self.row["verdicts"][0][0]
            and any(compiled.fullmatch(label) for compiled in self.damage)
        ):
            return False
        self.count += 1
        return True

    def unseen(self):
        if not self.labels:
            return []
        wanted = [*self.labels, *self.row["verdicts"]]
        # A verdict that occurs only where one verifier cannot judge is listed with a dash.
        return [one for one in wanted if one not in self.seen and "-" not in one]


def rows():
    return [Row(row) for row in json.loads(TABLE.read_text())["rows"]]


def judge(command, cases, verdicts):
    with open(cases, "rb") as given, open(verdicts, "wb") as out:
        return subprocess.Popen(command, stdin=given, stdout=out)


def lines(path):
    return [json.loads(line) for line in Path(path).read_text().splitlines()]


def run(seed, count, directory):
    cases = directory / "cases.ndjson"
    with open(cases, "wb") as out:
        command = [binary("TESTKIT_CORPUS_BIN", "testkit-corpus"), seed, count]
        subprocess.run(command, stdout=out, check=True)
    commands = {
        "passkeyd": [binary("PASSKEYD_BIN", "passkeyd"), "verify"],
        "py_webauthn": [sys.executable, "-W", "ignore", str(HERE / "judge_py_webauthn.py")],
        "simplewebauthn": ["node", "--no-warnings", str(HERE / "judge-simplewebauthn.mjs")],
    }
    files = {name: directory / f"{name}.ndjson" for name in JUDGES}
    running = {name: judge(commands[name], cases, files[name]) for name in JUDGES}
    problems = []
    for name, process in running.items():
        code = process.wait()
        # passkeyd: 1 means that some cases were refused, which is expected.
        if code not in ((0, 1) if name == "passkeyd" else (0,)):
            problems.append(f"{name} ended with exit code {code}")
    verdicts = [lines(files[name]) for name in JUDGES]
    total = sum(1 for _ in open(cases, "rb"))
    if problems or any(len(given) != total for given in verdicts):
        counts = ", ".join(f"{name}: {len(given)}" for name, given in zip(JUDGES, verdicts))
        return problems + [f"{total} cases, but verdicts of {counts}"]
    return weigh(verdicts, total)


def weigh(verdicts, total):
    table = rows()
    problems, unlisted = [], collections.defaultdict(list)
    tally = collections.Counter()
    disagreements = 0
    for ours, python, node in zip(*verdicts):
        if not ours["name"] == python["name"] == node["name"]:
            return [f"the judges lost step at {ours['name']}"]
        label = ours["name"].split(" ", 1)[1]
        verdict = ("A" if ours["ok"] else "R") + LETTERS[python["verdict"]] + LETTERS[node["verdict"]]
        tally[verdict] += 1
        reason = ours.get("reason", "")
        if reason == "request_invalid":
            problems.append(f"passkeyd cannot read the case {ours['name']}: {ours['message']}")
        if "A" not in verdict or "R" not in verdict:
            continue
        disagreements += 1
        if not any(row.takes(label, verdict, reason) for row in table):
            said = f"passkeyd: {ours.get('message', '')} | {python['message']} | {node['message']}"
            unlisted[(label, verdict, reason)].append(f"{ours['name']}: {said}")
    for (label, verdict, reason), found in sorted(unlisted.items()):
        problems.append(f"not listed: {verdict} {label} {reason} ({len(found)} times)\n    {found[0]}")
    for row in table:
        for what in row.unseen():
            problems.append(f"listed, but does not occur: {row.row['id']}: {what}")
    print(f"{total} cases, {disagreements} disagreements in {sum(1 for row in table if row.count)} of {len(table)} classes")
    print("verdicts of passkeyd, py_webauthn, simplewebauthn (A accepts, R refuses, - cannot):")
    print("  " + ", ".join(f"{verdict} {count}" for verdict, count in sorted(tally.items())))
    return problems


def rendered(text):
    """`text` with the table between its marks."""
    table = json.loads(TABLE.read_text())
    out = [
        "<!-- generated by e2e/differential/compare.py --render from disagreements.json -->",
        "",
        "| what | reason | passkeyd | py_webauthn | simplewebauthn | the specification | why passkeyd decides so |",
        "|---|---|---|---|---|---|---|",
    ]
    for row in table["rows"]:
        columns = list(zip(*row["verdicts"]))
        said = [" or ".join(sorted({WORDS[letter] for letter in column} - {"cannot"})) for column in columns]
        reasons = ", ".join(f"`{reason}`" for reason in row.get("reasons", []))
        cells = [row["what"], reasons, *said, f"{row['section']}: {row['specification']}", row["stand"]]
        out.append("| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |")
    begin, end = "<!-- table -->\n", "<!-- end of table -->"
    before, rest = text.split(begin, 1)
    after = rest.split(end, 1)[1]
    return before + begin + "\n".join(out) + "\n" + end + after


def main():
    if sys.argv[1:2] in (["--render"], ["--check"]):
        page = Path(sys.argv[2])
        text = page.read_text()
        fresh = rendered(text)
        if sys.argv[1] == "--render":
            page.write_text(fresh)
        elif fresh != text:
            sys.exit(f"{page} is stale; run: e2e/differential/compare.py --render {page}")
        return
    seed, count, *rest = sys.argv[1:]
    if rest:
        directory = Path(rest[1])
        directory.mkdir(parents=True, exist_ok=True)
        problems = run(seed, count, directory)
    else:
        with tempfile.TemporaryDirectory() as directory:
            problems = run(seed, count, Path(directory))
    for problem in problems:
        print(problem, file=sys.stderr)
    sys.exit(1 if problems else 0)


if __name__ == "__main__":
    main()
