"""Webhooks as resources, calls that passkeyd does not have, and callers without the right to call."""

import re

import pytest
from conftest import client_for
from twilio.base.exceptions import TwilioException
from wire import ChallengeRequest, is_recent, new_identity, new_service, refused

WEBHOOK = {
    "friendly_name": "Events",
    "event_types": ["factor.created", "challenge.approved"],
    "webhook_url": "https://acme.test/hooks",
}


def test_a_webhook_is_created_fetched_updated_and_deleted(service):
    created = service.webhooks.create(**WEBHOOK)
    assert re.fullmatch("YW[0-9a-f]{32}", created.sid)
    assert created.event_types == WEBHOOK["event_types"]
    assert (created.status, created.version, created.webhook_method) == ("enabled", "v2", "POST")
    is_recent(created.date_created)
    webhook = service.webhooks(created.sid)
    assert webhook.fetch().webhook_url == WEBHOOK["webhook_url"]
    updated = webhook.update(status="disabled", event_types=["*"])
    assert (updated.status, updated.event_types, updated.friendly_name) == ("disabled", ["*"], "Events")
    assert webhook.update().status == "disabled"
    assert webhook.delete() is True
    refused(20404, 404, webhook.fetch)
    refused(20404, 404, webhook.delete)
    assert service.webhooks.create(**WEBHOOK, resource_version="v1").version == "v1"
    refused(60306, 400, service.webhooks.create, **{**WEBHOOK, "event_types": ["factor.exploded"]})


def test_webhooks_are_listed_over_two_pages_oldest_first(client):
    service = new_service(client)
    sids = [service.webhooks.create(**WEBHOOK).sid for _ in range(3)]
    assert [webhook.sid for webhook in service.webhooks.list(page_size=2)] == sids


def test_push_and_totp_are_refused(service):
    identity = new_identity()
    entity = service.entities(identity)
    service.entities.create(identity=identity)
    for factor_type in ["push", "totp", "passkeys"]:
        refused(60369, 400, entity.new_factors.create, friendly_name="Phone", factor_type=factor_type)
    refused(60369, 400, entity.challenges.create, factor_sid="YF" + "0" * 32)
    challenge = service.new_challenge().create(ChallengeRequest({"identity": identity}))
    refused(60306, 400, entity.challenges(challenge.sid).update, auth_payload="123456")
    refused(20404, 404, entity.challenges(challenge.sid).notifications.create)
    refused(60305, 400, service.access_tokens.create, identity=identity, factor_type="push")
    refused(20404, 404, service.access_tokens("YK" + "0" * 32).fetch)


def test_bad_credentials_are_refused(server, service):
    sid = service.fetch().sid
    for client in [client_for(server, auth_token="wrong"), client_for(server, account_sid="AC" + "f" * 32)]:
        refused(20003, 401, client.verify.v2.services(sid).fetch)
        refused(20003, 401, client.verify.v2.services.create, friendly_name="No")
        with pytest.raises(TwilioException):
            client.verify.v2.services.list()


def test_unknown_sids_are_not_found(client, service):
    unknown = client.verify.v2.services("VA" + "0" * 32)
    refused(20404, 404, unknown.fetch)
    refused(20404, 404, unknown.entities("user-0001").fetch)
    refused(20404, 404, unknown.new_challenge().create, ChallengeRequest({}))
    refused(20404, 404, service.entities("nobody-is-here").fetch)
    # The SDK does not escape a slash, so this is an unknown path.
    refused(20404, 404, service.entities("user/0001").fetch)
