#!/usr/bin/env python3
"""Checks that each test which docs/threats.md names as a proof exists, and that it ran.

    scripts/check-threats.py                        each proof is there, and each threat has a proof or says what is not proven
    scripts/check-threats.py --remember XML FILE    adds the tests that passed, of a report of cargo-nextest, to FILE
    scripts/check-threats.py --ran FILE             the same as the first, and each test of a proof is in FILE
    scripts/check-threats.py --self-test

A proof is a link to a file. Its text is the name of a test in that file, with spaces for underscores; or, in code font, a text of the
file. What is behind "Not proven:" has no proof.
"""

import pathlib
import re
import sys
import xml.etree.ElementTree as xml

ROOT = pathlib.Path(__file__).resolve().parent.parent
PAGE = ROOT / "docs" / "threats.md"
ROW = re.compile(r"^\| ((?:T|X)\d+) \|")
PROOF = re.compile(r"\[([^]]+)\]\(([^)]+)\)")
OPEN = "Not proven:"


def faults(page, read, ran):
    """What is wrong with the page. `read` gives the text of a file, or None; `ran` has the names of tests that passed, or is None."""
    wrong = []
    proofs = 0
    ids = []
    for line in page.splitlines():
        found = ROW.match(line)
        if not found:
            continue
        threat = found.group(1)
        ids.append(threat)
        cell = line.rstrip(" |").split(" | ")[-1]
        links = PROOF.findall(cell)
        if not links and OPEN not in cell:
            wrong.append(f"{threat} has no proof, and does not say what is not proven")
        for text, path in links:
            proofs += 1
            content = read(path)
            if content is None:
                wrong.append(f"{threat}: {path} is not there")
            elif text.startswith("`"):
                if text.strip("`") not in content:
                    wrong.append(f"{threat}: {path} has no text {text}")
            else:
                name = text.replace(" ", "_")
                if not re.search(rf"\bfn {re.escape(name)}\b|\b{re.escape(name)}[:,]|['\"]{re.escape(text)}['\"]", content):
                    wrong.append(f"{threat}: {path} has no test {name}")
                elif ran is not None and path.endswith(".rs") and name not in ran:
                    wrong.append(f"{threat}: {name} of {path} did not run")
    for kind, last in (("T", 82), ("X", 10)):
        for number in range(1, last + 1):
            wanted = f"T{number:02}" if kind == "T" else f"X{number}"
            if ids.count(wanted) != 1:
                wrong.append(f"{wanted} has {ids.count(wanted)} rows")
    return wrong, proofs


def passed(report):
    """The names of the tests that passed."""
    names = set()
    for case in xml.fromstring(report).iter("testcase"):
        if not any(child.tag in ("failure", "error", "skipped") for child in case):
            names.add(case.get("name").split("::")[-1])
    return names


def self_test():
    rows = [f"| T{n:02} | P0 | a | b | Not proven: c. |" for n in range(2, 83)] + [f"| X{n} | a | b | Not proven: c. |" for n in range(1, 11)]
    files = {"a.rs": "#[test]\nfn one_is_one() {}\n", "b.toml": "unsafe_code"}

    def wrong(cell, ran=None):
        page = "\n".join(rows + [f"| T01 | P0 | a | b | {cell} |"])
        return faults(page, files.get, ran)[0]

    assert not wrong("[one is one](a.rs)")
    assert not wrong("[one is one](a.rs), [`unsafe_code`](b.toml)", {"one_is_one"})
    assert wrong("[one is two](a.rs)") == ["T01: a.rs has no test one_is_two"]
    assert wrong("[one is one](c.rs)") == ["T01: c.rs is not there"]
    assert wrong("[`safe`](a.rs)") == ["T01: a.rs has no text `safe`"]
    assert wrong("[one is one](a.rs)", set()) == ["T01: one_is_one of a.rs did not run"]
    assert wrong("") == ["T01 has no proof, and does not say what is not proven"]
    assert "T01 has 0 rows" in faults("\n".join(rows), files.get, None)[0]
    report = '<r><testcase name="m::good"/><testcase name="m::bad"><failure/></testcase></r>'
    assert passed(report) == {"good"}


def main():
    arguments = sys.argv[1:]
    if arguments == ["--self-test"]:
        self_test()
        return
    if arguments[:1] == ["--remember"]:
        report, kept = map(pathlib.Path, arguments[1:])
        with open(kept, "a", encoding="utf-8") as out:
            out.writelines(f"{name}\n" for name in sorted(passed(report.read_text(encoding="utf-8"))))
        return
    ran = None
    if arguments[:1] == ["--ran"]:
        ran = set(pathlib.Path(arguments[1]).read_text(encoding="utf-8").split())

    def read(path):
        file = PAGE.parent / path
        return file.read_text(encoding="utf-8") if file.is_file() else None

    wrong, proofs = faults(PAGE.read_text(encoding="utf-8"), read, ran)
    for line in wrong:
        print(f"docs/threats.md: {line}", file=sys.stderr)
    if wrong:
        sys.exit(1)
    print(f"{proofs} proofs of docs/threats.md {'are there' if ran is None else 'ran and passed'}")


main()
