"""Services."""

import re

from wire import ORIGIN, RP_ID, SERVICE, is_recent, new_identity, new_service, refused

from passkeyd import ACCOUNT_SID


def test_a_service_is_created_with_everything_it_was_given(client, server):
    parameters = {**SERVICE, "passkeys_authenticator_attachment": "platform", "lookup_enabled": True, "code_length": 8}
    answer = client.verify.v2.services.create_with_http_info(**parameters)
    assert answer.status_code == 201
    service = answer.data
    assert re.fullmatch("VA[0-9a-f]{32}", service.sid)
    assert service.account_sid == ACCOUNT_SID
    assert service.friendly_name == "Acme login"
    assert service.lookup_enabled is True
    assert service.code_length == 8
    assert service.passkeys == {
        "relying_party": {"id": RP_ID, "name": "Acme", "origins": [f"https://{RP_ID}", ORIGIN]},
        "authenticator_attachment": "platform",
        "discoverable_credentials": "preferred",
        "user_verification": "preferred",
    }
    is_recent(service.date_created)
    is_recent(service.date_updated)
    assert service.url == f"{server.url}/v2/Services/{service.sid}"


def test_a_service_is_fetched(client):
    created = client.verify.v2.services.create(**SERVICE)
    fetched = client.verify.v2.services(created.sid).fetch()
    assert (fetched.sid, fetched.passkeys, fetched.date_created) == (created.sid, created.passkeys, created.date_created)


def test_services_are_listed_over_two_pages_oldest_first(client):
    names = ["Py list A", "Py list B", "Py list C"]
    for name in names:
        client.verify.v2.services.create(friendly_name=name)
    everything = client.verify.v2.services.list(page_size=2)
    assert [service.friendly_name for service in everything[-3:]] == names
    assert len({service.sid for service in everything}) == len(everything)
    assert len(client.verify.v2.services.list(limit=3, page_size=2)) == 3


def test_an_update_changes_what_it_names_clears_what_is_empty_and_keeps_the_rest(client):
    service = new_service(client)
    updated = service.update(passkeys_user_verification="required", passkeys_authenticator_attachment="")
    assert updated.passkeys["user_verification"] == "required"
    assert updated.passkeys["authenticator_attachment"] is None
    assert updated.passkeys["discoverable_credentials"] == "preferred"
    assert updated.friendly_name == "Acme login"
    assert service.fetch().passkeys == updated.passkeys


def test_an_update_without_parameters_changes_nothing(client):
    service = new_service(client)
    before = service.fetch()
    after = service.update()
    assert (after.friendly_name, after.passkeys) == (before.friendly_name, before.passkeys)


def test_a_deleted_service_is_gone(client):
    service = new_service(client)
    service.entities.create(identity=new_identity())
    assert service.delete() is True
    refused(20404, 404, service.fetch)
    refused(20404, 404, service.delete)


def test_bad_parameters_of_a_service_are_refused(client):
    create = client.verify.v2.services.create
    refused(60200, 400, create, friendly_name="Bad", code_length=99)
    refused(60372, 400, create, friendly_name="Bad", passkeys_relying_party_id="https://acme.test")
    refused(
        60371, 400, create, friendly_name="Bad", passkeys_relying_party_id=RP_ID,
        passkeys_relying_party_origins="https://acme.test/path",
    )
