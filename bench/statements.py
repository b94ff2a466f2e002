"""Makes scripts for pgbench of the statements that PostgreSQL has logged while passkeyd served sign-ins.

    statements.py LOG FOLDER SCRIPTS

Each script has the statements of one sign-in with their parameters as literals. The ids of its ceremony and of its event, which are
new in every sign-in, are drawn anew in each transaction.
"""

import re
import sys

log, folder, most = sys.argv[1], sys.argv[2], int(sys.argv[3])

# A message begins with the id of the session. A line that begins with a tab belongs to the one before.
messages = []
for line in open(log, encoding="utf-8", errors="replace"):
    if line.startswith("\t") and messages:
        messages[-1] += "\n" + line[1:].rstrip("\n")
    else:
        messages.append(line.rstrip("\n"))

calls = []
for at, message in enumerate(messages):
    found = re.match(r"(\S+) LOG:  execute [^:]*: (.*)", message, re.S)
    if not found:
        continue
    session, text = found.groups()
    parameters = []
    for other in messages[at + 1 : at + 4]:
        detail = re.match(re.escape(session) + r" DETAIL:  parameters: (.*)", other, re.S)
        if detail:
            parameters = re.findall(r"\$\d+ = ((?:'(?:[^']|'')*')|NULL)", detail.group(1))
            break
    calls.append((text, parameters))


def finishes(text):
    return "WITH l AS (SELECT y.user_id" in text and "y.kind = 1" in text


def begins(text):
    return "INSERT INTO" in text and ".ceremonies" in text and not finishes(text)


# Which parameters are the ids of a new ceremony and of a new event.
scripts = {}
for text, parameters in calls:
    if finishes(text):
        ceremony, event, user = parameters[15], parameters[2], parameters[20]
        scripts[user] = {"ceremony": ceremony, "event": event, "calls": [(text, parameters)]}
for script in scripts.values():
    ceremony = script["ceremony"]
    finish = script["calls"][0][1]
    owner, key = finish[20], finish[18]
    begin = [(t, p) for t, p in calls if begins(t) and ceremony in p]
    reads = [(t, p) for t, p in calls if t.startswith("SELECT") and (ceremony in p or key in p)]
    name = finish[9] if finish[9] != "NULL" else None
    named = [(t, p) for t, p in calls if t.startswith("SELECT") and name in p]
    unique = {t: (t, p) for t, p in named + begin + reads}
    script["calls"] = list(unique.values()) + script["calls"]

made = 0
for script in list(scripts.values()):
    if made == most or not any(begins(text) for text, _ in script["calls"]):
        continue
    lines = [r"\set ceremony random(1, 9000000000000000000)", r"\set event random(1, 9000000000000000000)"]
    for text, parameters in script["calls"]:
        def literal(match):
            value = parameters[int(match.group(1)) - 1]
            if value == script["ceremony"]:
                return "decode(lpad(to_hex(:ceremony::bigint), 32, '0'), 'hex')"
            if value == script["event"]:
                return "decode(lpad(to_hex(:event::bigint), 32, '0'), 'hex')"
            # The parameters have types: bytes, numbers, truth values, lists of bytes, and texts.
            for form, of in [(r"'\\x[0-9a-f]*'", "bytea"), (r"'-?\d+'", "bigint"), ("'[tf]'", "bool"), (r"'\{.*\}'", "bytea[]")]:
                if re.fullmatch(form, value) and not value.startswith("'{\""):
                    return f"{value}::{of}"
            # pgbench takes a colon with letters behind it for a variable of its own.
            return "E" + value.replace("\\", r"\\").replace(":", r"\x3a") if ":" in value else value

        lines.append(re.sub(r"\$(\d+)", literal, " ".join(text.split())) + ";")
    made += 1
    with open(f"{folder}/sign-in-{made:03}.sql", "w", encoding="utf-8") as out:
        out.write("\n".join(lines) + "\n")
if made == 0:
    sys.exit("statements.py: the log has no whole sign-in")
print(f"{made} scripts of {len(script['calls'])} statements", file=sys.stderr)
