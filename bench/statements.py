"""Makes a script for pgbench of the statements that PostgreSQL has logged while passkeyd served sign-ins.

    statements.py LOG SCRIPT USERS

The script has the statements of one sign-in. Each transaction draws one of the users, and new ids for its ceremony and its event. All
other parameters are those that passkeyd has sent for the user.
"""

import re
import sys

log, out, most = sys.argv[1], sys.argv[2], int(sys.argv[3])

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


def parameter_of(text, parameters, pattern):
    """The parameter whose number a pattern finds in a statement."""
    number = re.search(pattern, text)
    if not number:
        sys.exit(f"statements.py: the statement that ends a sign-in has no {pattern}")
    return parameters[int(number.group(1)) - 1]


# Which parameters are the ids of a new ceremony and of a new event.
scripts = {}
for text, parameters in calls:
    if finishes(text):
        ceremony = parameter_of(text, parameters, r"y\.id = \$(\d+)")
        event = parameter_of(text, parameters, r"events \(relying_party_id, at, id,[^)]*\) SELECT \$\d+, \$\d+, \$(\d+),")
        user = parameter_of(text, parameters, r"c\.user_id = \$(\d+)")
        scripts[user] = {"ceremony": ceremony, "event": event, "calls": [(text, parameters)]}
for script in scripts.values():
    ceremony = script["ceremony"]
    text, finish = script["calls"][0]
    key = parameter_of(text, finish, r"c\.id_hash = \$(\d+)")
    begin = [(t, p) for t, p in calls if begins(t) and ceremony in p]
    reads = [(t, p) for t, p in calls if t.startswith("SELECT") and (ceremony in p or key in p)]
    name = parameter_of(text, finish, r"ELSE '' END, \$(\d+)")
    named = [(t, p) for t, p in calls if t.startswith("SELECT") and name in p]
    unique = {t: (t, p) for t, p in named + begin + reads}
    script["calls"] = list(unique.values()) + script["calls"]


def typed(value):
    """A literal with its type: bytes, numbers, truth values, lists of bytes, and texts."""
    for form, of in [(r"'\\x[0-9a-f]*'", "bytea"), (r"'-?\d+'", "bigint"), ("'[tf]'", "boolean"), (r"'\{.*\}'", "bytea[]")]:
        if re.fullmatch(form, value) and not value.startswith("'{\""):
            return value, of
    # pgbench takes a colon with letters behind it for a variable of its own.
    return ("E" + value.replace("\\", r"\\").replace(":", r"\x3a") if ":" in value else value), "text"


def parameter(values, new):
    """A parameter of all users, as an expression that the user of the transaction selects from."""
    for name, of_users in new.items():
        if values == of_users:
            return f"decode(lpad(to_hex(:{name}::bigint), 32, '0'), 'hex')"
    types = {typed(value)[1] for value in values if value != "NULL"}
    if not types:
        return "NULL"
    if len(types) > 1:
        sys.exit(f"statements.py: a parameter has the types {types}")
    (of,) = types
    if len(set(values)) == 1:
        return f"{typed(values[0])[0]}::{of}"
    if of == "bytea[]":
        # An array of arrays would be one array of two dimensions.
        return f"(ARRAY[{', '.join(typed(value)[0] for value in values)}]::text[])[:user]::bytea[]"
    return f"(ARRAY[{', '.join(typed(value)[0] for value in values)}]::{of}[])[:user]"


# One script, so that each session plans each statement once, as for passkeyd. Only sign-ins of the same statements go into it.
whole = [script for script in scripts.values() if any(begins(text) for text, _ in script["calls"])]
if not whole:
    sys.exit("statements.py: the log has no whole sign-in")
first = [text for text, _ in whole[0]["calls"]]
users = [script for script in whole if [text for text, _ in script["calls"]] == first][:most]
new = {name: [script[name] for script in users] for name in ("ceremony", "event")}
lines = [rf"\set user random(1, {len(users)})"]
lines += [rf"\set {name} random(1, 9000000000000000000)" for name in new]
for at, text in enumerate(first):
    of_users = [script["calls"][at][1] for script in users]
    expressions = [parameter([parameters[n] for parameters in of_users], new) for n in range(len(of_users[0]))]
    lines.append(re.sub(r"\$(\d+)", lambda match: expressions[int(match.group(1)) - 1], " ".join(text.split())) + ";")
with open(out, "w", encoding="utf-8") as script:
    script.write("\n".join(lines) + "\n")
print(f"{len(users)} users, {len(first)} statements", file=sys.stderr)
