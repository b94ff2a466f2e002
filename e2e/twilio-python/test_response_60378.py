"""Error 60378: the request has no valid response object."""

import pytest
from wire import (
    ORIGIN, ApproveRequest, ChallengeRequest, Raw, VerifyRequest, answer_challenge, approve, new_identity, refused,
    register, start_registration,
)


def refused_60378(members, call, request):
    error = refused(60378, 400, call, request)
    assert error.msg.endswith("Authenticator response invalid or not provided")
    assert error.details["reason"] == "response_member_missing"
    assert sorted(error.details["members"]) == sorted(members)
    assert error.details["help"]
    return error


def variants(required):
    """Changes of a credential, each with the members that the error has to name."""
    with_prefix = [f"response.{name}" for name in required]
    yield "response removed", lambda c: {k: v for k, v in c.items() if k != "response"}, ["response"]
    yield "response null", lambda c: {**c, "response": None}, ["response"]
    yield "response a string", lambda c: {**c, "response": "x"}, ["response"]
    yield "response empty", lambda c: {**c, "response": {}}, with_prefix
    yield "flat", lambda c: {**{k: v for k, v in c.items() if k != "response"}, **c["response"]}, ["response"]
    yield (
        "only clientDataJSON",
        lambda c: {**c, "response": {"clientDataJSON": c["response"]["clientDataJSON"]}},
        [member for member in with_prefix if member != "response.clientDataJSON"],
    )
    for name in required:
        for what, value in [("null", None), ("empty", ""), ("a number", 7)]:
            yield (
                f"{name} {what}",
                lambda c, name=name, value=value: {**c, "response": {**c["response"], name: value}},
                [f"response.{name}"],
            )


REGISTRATION = list(variants(["clientDataJSON", "attestationObject"]))
AUTHENTICATION = list(variants(["authenticatorData", "clientDataJSON", "signature"]))


@pytest.mark.parametrize(("change", "members"), [case[1:] for case in REGISTRATION], ids=[case[0] for case in REGISTRATION])
def test_a_registration(service, authenticators, change, members):
    identity = new_identity()
    started = start_registration(service, identity)
    credential = authenticators.create(started.options, ORIGIN, device=identity)
    refused_60378(members, service.new_verify_factors.update, Raw(change(credential)))
    assert service.new_verify_factors.update(VerifyRequest(credential)).status == "verified"


@pytest.mark.parametrize(
    ("change", "members"), [case[1:] for case in AUTHENTICATION], ids=[case[0] for case in AUTHENTICATION]
)
def test_an_authentication(service, authenticators, change, members):
    user = register(service, authenticators)
    _, credential = answer_challenge(service, authenticators, user)
    refused_60378(members, service.approve_challenge.update, Raw(change(credential)))
    assert approve(service, credential).status == "approved"


def test_the_sdks_own_request_classes_without_a_response(service):
    credential = {"id": "AAAAAAAAAAAAAAAAAAAAAA", "rawId": "AAAAAAAAAAAAAAAAAAAAAA", "type": "public-key"}
    refused_60378(["response"], service.new_verify_factors.update, VerifyRequest(credential))
    refused_60378(["response"], service.approve_challenge.update, ApproveRequest(credential))


@pytest.mark.parametrize("wrap", [Raw, VerifyRequest])
def test_the_response_of_an_authentication_at_a_registration(service, authenticators, wrap):
    user = register(service, authenticators)
    _, assertion = answer_challenge(service, authenticators, user)
    refused_60378(["response.attestationObject"], service.new_verify_factors.update, wrap(assertion))
    assert approve(service, assertion).status == "approved"


def test_the_response_of_a_registration_at_an_authentication(service, authenticators):
    identity = new_identity()
    started = start_registration(service, identity)
    credential = authenticators.create(started.options, ORIGIN, device=identity)
    credential["response"].pop("authenticatorData", None)
    members = ["response.authenticatorData", "response.signature"]
    refused_60378(members, service.approve_challenge.update, Raw(credential))


def test_another_type(service, authenticators):
    user = register(service, authenticators)
    challenge = service.new_challenge().create(ChallengeRequest({"identity": user.identity}))
    credential = authenticators.get(challenge.options, ORIGIN, device=user.device)
    refused(60378, 400, service.approve_challenge.update, Raw({**credential, "type": "password"}))
    assert approve(service, credential).status == "approved"
