#!/usr/bin/env python3
"""Checks the Helm chart in ops/helm. With helm it is linted and rendered by helm. Without it, a small renderer of the few
constructs that the chart uses fills the templates in, and what comes out must be YAML with the members that count."""

import json
import re
import shutil
import subprocess
from pathlib import Path

import yaml

CHART = Path(__file__).resolve().parent.parent / "ops/helm/passkeyd"


def rendered(template, values):
    """`{{ .Values.x }}` with `quote` and `toJson`, and `if` with `else` that are not nested."""
    def value(path):
        found = {"Values": values, "Release": {"Name": "login"}}
        for part in path.strip(".").split("."):
            found = found[part]
        return found

    def branch(match):
        return match[2] if value(match[1]) else match[3] or ""

    text = re.sub(r"\{\{- if (\S+) \}\}\n(.*?)(?:\{\{- else \}\}\n(.*?))?\{\{- end \}\}\n", branch, template, flags=re.DOTALL)

    def fill(match):
        path, _, how = match[1].partition(" | ")
        return json.dumps(value(path)) if how else str(value(path))

    text = re.sub(r"\{\{ (\.[\w.]+(?: \| (?:quote|toJson))?) \}\}", fill, text)
    assert not re.search(r"\{\{-? ", text), "a construct that this renderer does not know"
    return text


def main():
    if shutil.which("helm"):
        subprocess.run(["helm", "lint", CHART], check=True)
        subprocess.run(["helm", "template", "login", CHART], check=True, stdout=subprocess.DEVNULL)
    defaults = yaml.safe_load((CHART / "values.yaml").read_text())
    assert yaml.safe_load((CHART / "Chart.yaml").read_text())["name"] == "passkeyd"
    for change in ({}, {"storeSecret": "store", "masterKeySecret": "key"}):
        values = defaults | change
        documents = {}
        for template in sorted((CHART / "templates").glob("*.yaml")):
            document = yaml.safe_load(rendered(template.read_text(), values))
            documents[document["kind"]] = document
        spec = documents["StatefulSet"]["spec"]
        pod = spec["template"]["spec"]
        container = pod["containers"][0]
        assert spec["replicas"] == (values["replicas"] if change else 1)
        assert ("volumeClaimTemplates" in spec) != ("volumes" in pod)
        assert pod["securityContext"]["runAsNonRoot"] and container["securityContext"]["readOnlyRootFilesystem"]
        names = {variable["name"] for variable in container["env"]}
        assert ("PASSKEYD_STORE" in names) == bool(change) and "PASSKEYD_PUBLIC_URL" in names
        assert documents["Service"]["spec"]["selector"].items() <= spec["template"]["metadata"]["labels"].items()
    print("the chart is rendered with an embedded store and with PostgreSQL")


main()
