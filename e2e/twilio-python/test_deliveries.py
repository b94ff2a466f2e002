"""Deliveries of webhooks, judged by the validator of Twilio and by the library of Standard Webhooks."""

import base64
import json
import queue
import threading
import urllib.parse
import urllib.request
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from conftest import client_for
from passkeyd import ACCOUNT_SID, AUTH_TOKEN, Server
from standardwebhooks.webhooks import Webhook, WebhookVerificationError
from twilio.request_validator import RequestValidator
from wire import new_service


@pytest.fixture(scope="module")
def own_server():
    running = Server(PASSKEYD_WEBHOOKS__ALLOW_NETWORKS='["127.0.0.1"]')
    yield running
    running.stop()


@pytest.fixture(scope="module")
def receiver():
    """A receiver on this machine: its URL, and what arrives."""
    arrived = queue.Queue()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self):
            body = self.rfile.read(int(self.headers["content-length"])).decode("ascii")
            self.send_response(204)
            self.end_headers()
            arrived.put((dict(self.headers.items()), body))

        def log_message(self, *_):
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}/hook", arrived
    server.shutdown()
    server.server_close()


@pytest.fixture
def webhook(own_server, receiver):
    service = new_service(client_for(own_server))
    url, _ = receiver
    return service.webhooks.create(friendly_name="Events", event_types=["*"], webhook_url=url)


def manage(server, webhook, method, path, body=None):
    login = base64.b64encode(f"{ACCOUNT_SID}:{AUTH_TOKEN}".encode("ascii")).decode("ascii")
    request = urllib.request.Request(
        f"{server.url}/manage/v1/services/{webhook.service_sid}/webhooks/{webhook.sid}/{path}",
        method=method,
        headers={"authorization": f"Basic {login}", "content-type": "application/json"},
        data=None if body is None else json.dumps(body).encode("utf-8"),
    )
    with urllib.request.urlopen(request, timeout=10) as response:
        return json.load(response)


def next_delivery(receiver):
    headers, body = receiver[1].get(timeout=60)
    return {name.lower(): value for name, value in headers.items()}, body


def test_a_json_delivery_is_accepted_with_its_secret_only_and_unchanged_only(own_server, receiver, webhook):
    secret = manage(own_server, webhook, "GET", "secrets")["secret"]
    manage(own_server, webhook, "PATCH", "sending", {"format": "json"})
    made = manage(own_server, webhook, "POST", "test", {})
    headers, body = next_delivery(receiver)
    told = Webhook(secret).verify(body, headers)
    assert told["type"] == "test"
    assert headers["webhook-id"] == made["id"]
    other = "whsec_" + base64.b64encode(bytes(32)).decode("ascii")
    for judge, text, sent in [
        (Webhook(other), body, headers),
        (Webhook(secret), body + " ", headers),
        (Webhook(secret), body, {**headers, "webhook-id": "msg_other"}),
    ]:
        with pytest.raises(WebhookVerificationError):
            judge.verify(text, sent)


def test_after_a_rotation_a_delivery_is_accepted_with_both_secrets(own_server, receiver, webhook):
    before = manage(own_server, webhook, "GET", "secrets")["secret"]
    manage(own_server, webhook, "PATCH", "sending", {"format": "json"})
    after = manage(own_server, webhook, "POST", "secrets/rotate", {})
    assert after["previous_secret"] == before != after["secret"]
    manage(own_server, webhook, "POST", "test", {})
    headers, body = next_delivery(receiver)
    for secret in (before, after["secret"]):
        assert Webhook(secret).verify(body, headers)["type"] == "test"


def test_a_form_is_accepted_by_the_validator_of_twilio(own_server, receiver, webhook):
    token = manage(own_server, webhook, "GET", "secrets")["signing_token"]
    manage(own_server, webhook, "POST", "test", {})
    headers, body = next_delivery(receiver)
    parameters = dict(urllib.parse.parse_qsl(body, keep_blank_values=True))
    signature = headers["x-twilio-signature"]
    url = receiver[0]
    assert RequestValidator(token).validate(url, parameters, signature)
    assert not RequestValidator(f"{token}0").validate(url, parameters, signature)
    assert not RequestValidator(token).validate(url, {**parameters, "more": "1"}, signature)
