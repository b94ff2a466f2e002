#!/usr/bin/env python3
"""Reads ops/proxies/traefik.yml, which no test runs: every name that a part refers to is there, no part is unused, and the prefix is the same
everywhere."""

import re
import sys
from pathlib import Path

import yaml

FILE = Path(__file__).resolve().parent.parent / "ops" / "proxies" / "traefik.yml"


def faults(document: dict) -> list[str]:
    found = []
    if set(document) != {"http"} or set(document["http"]) != {"routers", "middlewares", "services"}:
        return [f"the sections are not those of a dynamic configuration: {document}"]
    http = document["http"]
    used = {"middlewares": set(), "services": set()}
    prefixes = set()
    for name, router in http["routers"].items():
        used["middlewares"].update(router["middlewares"])
        used["services"].add(router["service"])
        rule = re.fullmatch(r"Host\(`[a-z.]+`\) && PathPrefix\(`(/[a-z]+)/`\)", router["rule"])
        if rule is None:
            found.append(f"the rule of {name} is not one of a host and a path prefix: {router['rule']}")
        else:
            prefixes.add(rule[1])
        if "tls" not in router or router["entryPoints"] != ["websecure"]:
            found.append(f"{name} is reached without TLS")
    for section, names in used.items():
        if names != set(http[section]):
            found.append(f"{section}: {sorted(names)} are named, and {sorted(http[section])} are there")
    stripped = {prefix for one in http["middlewares"].values() for prefix in one["stripPrefix"]["prefixes"]}
    if stripped != prefixes:
        found.append(f"the rules have {sorted(prefixes)}, and {sorted(stripped)} are removed")
    for name, service in http["services"].items():
        balancer = service["loadBalancer"]
        if not all(re.fullmatch(r"http://[\w.]+:\d+", server["url"]) for server in balancer["servers"]):
            found.append(f"{name} has a server whose URL is not an address: {balancer['servers']}")
        if balancer["healthCheck"]["path"] != "/readyz":
            found.append(f"{name} does not ask whether passkeyd is ready")
    return found


def main() -> int:
    found = faults(yaml.safe_load(FILE.read_text(encoding="utf-8")))
    for fault in found:
        print(f"{FILE.name}: {fault}", file=sys.stderr)
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
