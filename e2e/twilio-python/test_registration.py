"""Passkeys factors: created and verified."""

import hashlib
import re

import pytest
from wire import (
    AAGUID, ORIGIN, RP_ID, FactorRequest, Raw, VerifyRequest, decoded, encoded, is_recent, new_identity, new_service,
    refused, register, start_registration,
)


def test_creating_a_factor_answers_with_everything_the_contract_names(service, server):
    identity = new_identity()
    answer = service.new_factors.create_with_http_info(FactorRequest({"friendly_name": "Phone", "identity": identity}))
    assert answer.status_code == 201
    factor = answer.data
    assert re.fullmatch("YF[0-9a-f]{32}", factor.sid)
    assert re.fullmatch("YE[0-9a-f]{32}", factor.entity_sid)
    assert (factor.identity, factor.friendly_name) == (identity, "Phone")
    assert (factor.status, factor.factor_type) == ("unverified", "passkeys")
    assert factor.binding is None
    assert factor.metadata is None
    assert factor.config["relying_party"] == {"id": RP_ID, "name": "Acme", "origins": [f"https://{RP_ID}", ORIGIN]}
    is_recent(factor.date_created)
    assert factor.url == f"{server.url}/v2/Services/{factor.service_sid}/Entities/{identity}/Factors/{factor.sid}"

    public_key = factor.options["publicKey"]
    assert decoded(public_key["user"]["id"]).decode("ascii") == factor.entity_sid
    assert re.fullmatch("[0-9a-f]{48}", decoded(public_key["challenge"]).decode("ascii"))
    assert {"type": "public-key", "alg": -7} in public_key["pubKeyCredParams"]
    assert public_key["excludeCredentials"] == []
    assert public_key["timeout"] == 600_000


def test_a_config_overrides_the_service(client):
    service = new_service(client)
    config = {
        "relying_party": {"id": "shop.test", "name": "Shop", "origins": ["https://shop.test"]},
        "authenticator_attachment": "platform",
        "discoverable_credentials": "required",
        "user_verification": "required",
    }
    factor = start_registration(service, new_identity(), config=config)
    assert factor.config == config
    assert factor.options["publicKey"]["authenticatorSelection"] == {
        "authenticatorAttachment": "platform",
        "residentKey": "required",
        "requireResidentKey": True,
        "userVerification": "required",
    }
    partial = start_registration(service, new_identity(), config={"user_verification": "discouraged"})
    assert partial.config["user_verification"] == "discouraged"
    assert partial.config["relying_party"]["id"] == RP_ID


def test_missing_criteria_are_named(client):
    plain = new_service(
        client, passkeys_authenticator_attachment="", passkeys_discoverable_credentials="", passkeys_user_verification=""
    )
    error = refused(60393, 400, start_registration, plain, new_identity(), config={"user_verification": "required"})
    assert "authenticator_attachment" in error.msg
    assert "discoverable_credentials" in error.msg
    assert "user_verification" not in error.msg


def test_a_verified_factor_carries_the_aaguid(service, authenticators):
    identity = new_identity()
    started = start_registration(service, identity)
    credential = authenticators.create(started.options, ORIGIN, device=identity)
    answer = service.new_verify_factors.update_with_http_info(VerifyRequest(credential))
    assert answer.status_code == 200
    factor = answer.data
    assert (factor.sid, factor.identity, factor.entity_sid) == (started.sid, identity, started.entity_sid)
    assert (factor.status, factor.factor_type) == ("verified", "passkeys")
    assert factor.config == started.config
    assert AAGUID.fullmatch(factor.metadata["aaguid"])
    assert "date_last_approved" not in factor.metadata
    exclude = start_registration(service, identity).options["publicKey"]["excludeCredentials"]
    assert [descriptor["id"] for descriptor in exclude] == [credential["id"]]


def test_a_browser_credential_goes_through_whole(service, authenticators):
    identity = new_identity()
    started = start_registration(service, identity)
    credential = authenticators.create(started.options, ORIGIN, device=identity)
    assert "clientExtensionResults" in credential
    assert service.new_verify_factors.update(Raw(credential)).status == "verified"


def test_a_raw_id_in_hex_is_taken(service, authenticators):
    identity = new_identity()
    started = start_registration(service, identity)
    credential = authenticators.create(started.options, ORIGIN, device=identity)
    credential["rawId"] = decoded(credential["id"]).hex()
    assert service.new_verify_factors.update(VerifyRequest(credential)).status == "verified"


def test_a_second_verification_is_refused(service, authenticators):
    user = register(service, authenticators)
    refused(60383, 403, service.new_verify_factors.update, VerifyRequest(user.credential))


def test_the_wrong_origin_is_refused_and_uses_the_attempt_up(service, authenticators):
    identity = new_identity()
    started = start_registration(service, identity)
    bad = authenticators.create(started.options, "https://evil.test", device=identity)
    error = refused(60311, 403, service.new_verify_factors.update, VerifyRequest(bad))
    assert error.details["reason"] == "origin_not_allowed"
    good = authenticators.create(started.options, ORIGIN, device=identity)
    refused(60383, 403, service.new_verify_factors.update, VerifyRequest(good))
    assert service.entities(identity).factors(started.sid).fetch().status == "unverified"


@pytest.mark.parametrize("format_", ["none", "packed_self", "packed_x5c"])
@pytest.mark.parametrize("algorithm", ["ES256", "EdDSA", "RS256"])
def test_algorithms_and_formats(service, testkit, algorithm, format_):
    user = register(service, testkit, profile={"algorithms": [algorithm], "format": format_})
    assert user.factor.status == "verified"


CREATION_FAULTS = [
    (60388, {"friendly_name": None}),
    (60367, {"identity": None}),
    (60367, {"identity": "short"}),
    (60367, {"identity": "user@example.com"}),
    (60370, {"config": "platform"}),
    (60370, {"config": {"authenticator_attachment": "usb"}}),
    (60371, {"config": {"relying_party": "acme.test"}}),
    (60371, {"config": {"relying_party": {"origins": ["https://acme.test/login"]}}}),
    (60372, {"config": {"relying_party": {"id": "https://acme.test"}}}),
]


@pytest.mark.parametrize(("code", "change"), CREATION_FAULTS, ids=[f"{code}-{change}" for code, change in CREATION_FAULTS])
def test_faults_at_creation(service, code, change):
    body = {"friendly_name": "Phone", "identity": new_identity(), **change}
    refused(code, 400, service.new_factors.create, Raw({name: value for name, value in body.items() if value is not None}))


VERIFICATION_FAULTS = [
    (60375, lambda credential: credential.pop("id")),
    (60375, lambda credential: credential.update(id="not base64url")),
    (60376, lambda credential: credential.pop("rawId")),
    (60376, lambda credential: credential.update(rawId="AAAA")),
    (60377, lambda credential: credential.update(authenticatorAttachment=7)),
    (60380, lambda credential: credential["response"].update(clientDataJSON="%%%")),
    (60380, lambda credential: credential["response"].update(clientDataJSON=encoded(b"{"))),
    (60386, lambda credential: credential["response"].update(attestationObject="%%%")),
]


@pytest.mark.parametrize(("code", "change"), VERIFICATION_FAULTS)
def test_malformed_credentials_leave_the_registration_open(service, testkit, code, change):
    identity = new_identity()
    started = start_registration(service, identity)
    options = {"options": started.options, "origin": ORIGIN, "device": identity}
    bad = testkit.create(**options)
    change(bad)
    refused(code, 400, service.new_verify_factors.update, Raw(bad))
    assert service.new_verify_factors.update(VerifyRequest(testkit.create(**options))).status == "verified"


LIES = [
    (60386, 400, {"attestation_object": encoded(b"\xa3\x63")}),
    (60387, 400, {"authenticator_data": encoded(hashlib.sha256(RP_ID.encode()).digest() + b"\x05\0\0\0\0")}),
    (60311, 403, {"rp_id": "evil.test"}),
    (60311, 403, {"user_present": False}),
    (60311, 403, {"cross_origin": True}),
    (60390, 404, {"challenge": encoded(b"0" * 48)}),
]


@pytest.mark.parametrize(("code", "status", "lies"), LIES)
def test_refused_registrations(service, testkit, code, status, lies):
    identity = new_identity()
    started = start_registration(service, identity)
    bad = testkit.create(started.options, ORIGIN, device=identity, lies=lies)
    refused(code, status, service.new_verify_factors.update, VerifyRequest(bad))


def test_a_credential_that_is_registered_already_is_refused(service, testkit):
    taken = register(service, testkit).credential["id"]
    identity = new_identity()
    started = start_registration(service, identity)
    lies = {"attested_credential_id": taken, "id": taken, "raw_id": taken}
    again = testkit.create(started.options, ORIGIN, device=identity, lies=lies)
    refused(60317, 409, service.new_verify_factors.update, VerifyRequest(again))
