"""The routes. The browser talks to this server, and this server talks to passkeyd."""

import functools
import json
import logging
import time

from django.conf import settings
from django.db import IntegrityError
from django.http import JsonResponse

from passkeys import passkeyd
from passkeys.models import Account, new_identity

log = logging.getLogger("django")


class Refused(Exception):
    def __init__(self, status, message, reason=None):
        self.status, self.message, self.reason = status, message, reason


# The first is the same for a wrong passkey and for an account that does not exist.
SIGN_IN_FAILED = (401, "The sign-in failed.")
START_AGAIN = (400, "Start again.")
TAKEN = (409, "This name is taken. Sign in to add a passkey to it.")


def refusal(error):
    return JsonResponse({"error": error.message, "reason": error.reason}, status=error.status)


def only_our_page(get_response):
    def respond(request):
        # A page of another site can send requests with our cookie, but not with our origin.
        if request.method != "GET" and request.headers.get("Origin") != settings.ORIGIN:
            response = refusal(Refused(403, "The request comes from another site."))
        else:
            response = get_response(request)
        response["Content-Security-Policy"] = "default-src 'self'; frame-ancestors 'none'"
        return response

    return respond


def route(view):
    """A POST with a JSON object. The view gets it, and returns what the response holds."""

    @functools.wraps(view)
    def respond(request):
        try:
            if request.method != "POST":
                raise Refused(405, "Send a POST.")
            if request.content_type != "application/json":
                raise Refused(415, "Send JSON.")
            if int(request.headers.get("Content-Length") or 0) > settings.DATA_UPLOAD_MAX_MEMORY_SIZE:
                raise Refused(413, "The request is too long.")
            body = json.loads(request.body)
            if not isinstance(body, dict):
                raise Refused(400, "Send a JSON object.")
            return JsonResponse(view(request, body) or {})
        except Refused as error:
            return refusal(error)
        except passkeyd.NotAccepted as error:
            # The page gets one sentence. The log gets what passkeyd said.
            log.warning("%s: %s", request.path, error)
            return refusal(Refused(400, "The request was not accepted."))
        except passkeyd.requests.RequestException as error:
            log.error("%s: %s", request.path, error)
            return refusal(Refused(502, "Something went wrong. Try again."))
        except ValueError:
            return refusal(Refused(400, "Send a JSON object."))

    return respond


def signed_in(request):
    account = Account.objects.filter(identity=request.session.get("identity")).first()
    if not account:
        raise Refused(401, "Sign in first.")
    return account


# A new session id: who knew the old one is not signed in.
def sign_in(request, identity):
    request.session.flush()
    request.session["identity"] = identity
    confirm(request)


# A sign-in or a step-up allows one change of the passkeys within five minutes.
def confirm(request):
    request.session["confirmed_until"] = time.time() + 300


def use_confirmation(request):
    if request.session.pop("confirmed_until", 0) < time.time():
        raise Refused(403, "Confirm that it is you.", "step_up_required")


# The session remembers which ceremony it began, for what and for whom. Nothing of this comes from the page.
def begin(request, purpose, started, **more):
    ceremony, options = started
    request.session["pending"] = {"purpose": purpose, "ceremony": ceremony, **more}
    return options


def begun(request, purpose, refused=START_AGAIN):
    pending = request.session.pop("pending", None)
    if not pending or pending["purpose"] != purpose:
        raise Refused(*refused)
    return pending


def name_in(body):
    name = body.get("name").strip() if isinstance(body.get("name"), str) else ""
    if not 1 <= len(name) <= 64:
        raise Refused(400, "A name has 1 to 64 characters.")
    return name


def me(request):
    account = Account.objects.filter(identity=request.session.get("identity")).first()
    return JsonResponse({"name": account.name, "passkeys": passkeyd.list_passkeys(account.identity)} if account else {"name": None})


# region register
# A new account gets a new identity. A name that exists is refused: its passkeys are added in its own session only.
@route
def register_start(request, body):
    name = name_in(body).lower()
    if Account.objects.filter(name=name).exists():
        raise Refused(*TAKEN)
    identity = new_identity()
    return begin(request, "register", passkeyd.start_registration(identity, name), identity=identity, name=name)


@route
def register_finish(request, body):
    pending = begun(request, "register")
    if passkeyd.finish_registration(body, pending["ceremony"]) != pending["identity"]:
        raise Refused(*START_AGAIN)
    try:
        Account.objects.create(name=pending["name"], identity=pending["identity"])
    except IntegrityError:
        # Another registration took the name meanwhile.
        raise Refused(*TAKEN)
    sign_in(request, pending["identity"])
# endregion


# region add
# Another passkey: the identity is the one of the session, whatever the page sends.
@route
def add_start(request, body):
    account = signed_in(request)
    use_confirmation(request)
    return begin(request, "add", passkeyd.start_registration(account.identity, account.name))


@route
def add_finish(request, body):
    account = signed_in(request)
    if passkeyd.finish_registration(body, begun(request, "add")["ceremony"]) != account.identity:
        raise Refused(*START_AGAIN)
# endregion


# Every sign-in starts in the same way, with a name or without: its response cannot say which names exist.
@route
def sign_in_start(request, body):
    name = name_in(body).lower() if "name" in body else None
    return begin(request, "sign-in", passkeyd.start_sign_in(), name=name)


@route
def sign_in_finish(request, body):
    pending = begun(request, "sign-in", SIGN_IN_FAILED)
    try:
        identity = passkeyd.finish_sign_in(body, pending["ceremony"])
    except passkeyd.NotAccepted as error:
        log.warning("%s: %s", request.path, error)
        raise Refused(*SIGN_IN_FAILED)
    account = Account.objects.filter(identity=identity).first()
    if not account or pending["name"] not in (None, account.name):
        raise Refused(*SIGN_IN_FAILED)
    sign_in(request, identity)


@route
def step_up_start(request, body):
    return begin(request, "step-up", passkeyd.start_sign_in(signed_in(request).identity))


@route
def step_up_finish(request, body):
    account = signed_in(request)
    if passkeyd.finish_sign_in(body, begun(request, "step-up")["ceremony"]) != account.identity:
        raise Refused(401, "This is another user's passkey.")
    confirm(request)


# The id comes from the page, so it must be one of the passkeys of this account.
def own_passkeys(request, body):
    passkeys = passkeyd.list_passkeys(signed_in(request).identity)
    if not any(passkey["id"] == body.get("id") for passkey in passkeys):
        raise Refused(404, "There is no such passkey.")
    return passkeys


@route
def rename(request, body):
    own_passkeys(request, body)
    passkeyd.rename(body["id"], name_in(body))


@route
def delete(request, body):
    if len(own_passkeys(request, body)) < 2:
        raise Refused(409, "This is your only passkey.")
    use_confirmation(request)
    passkeyd.remove(body["id"])


@route
def sign_out(request, body):
    request.session.flush()
