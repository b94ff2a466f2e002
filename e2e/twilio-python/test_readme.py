"""The Python block of the README. Only the address of the server is changed."""

import re

from passkeyd import ACCOUNT_SID, AUTH_TOKEN, REPOSITORY
from wire import ORIGIN, new_identity


def test_the_block_in_readme_registers_a_passkey_and_signs_in(server, service, authenticators, monkeypatch):
    readme = (REPOSITORY / "README.md").read_text()
    [block] = re.findall(r"^```python\n(.*?)^```$", readme, re.MULTILINE | re.DOTALL)
    assert "http://127.0.0.1:8080" in block
    monkeypatch.setenv("ACCOUNT_SID", ACCOUNT_SID)
    monkeypatch.setenv("AUTH_TOKEN", AUTH_TOKEN)
    monkeypatch.setenv("SERVICE_SID", service.fetch().sid)
    code = {}
    exec(compile(block.replace("http://127.0.0.1:8080", server.url), "README.md", "exec"), code)

    identity = new_identity()
    ceremony, options = code["start_registration"](identity, "ada@acme.example")
    assert options["user"]["name"] == "ada@acme.example"
    created = authenticators.create({"publicKey": options}, ORIGIN, device=identity)
    assert code["finish_registration"](created, ceremony) == identity

    ceremony, options = code["start_sign_in"](identity)
    used = authenticators.get({"publicKey": options}, ORIGIN, device=identity)
    assert code["finish_sign_in"](used, ceremony) == identity

    other, _ = code["start_sign_in"](identity)
    _, options = code["start_sign_in"](identity)
    used = authenticators.get({"publicKey": options}, ORIGIN, device=identity)
    try:
        code["finish_sign_in"](used, other)
    except code["NotAccepted"]:
        pass
    else:
        raise AssertionError("a session accepted a credential of another ceremony")
