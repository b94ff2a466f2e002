"""Passkeys in a Flask application. The browser talks to this server, and this server talks to passkeyd."""

import os
import secrets
import time
import uuid
from pathlib import Path

from flask import Flask, g, jsonify, request, send_from_directory
from twilio.base.exceptions import TwilioRestException
from werkzeug.exceptions import HTTPException

import passkeyd

HERE = Path(__file__).parent
ORIGIN = os.environ.get("ORIGIN", "http://localhost:3000")
HOURS_8 = 8 * 3600

# Accounts and sessions are in memory. Keep yours in a database where names are unique.
# The identity is what passkeyd knows: it is random, never changes, and says nothing about the person.
identities: dict[str, str] = {}  # name -> identity
names: dict[str, str] = {}  # identity -> name
sessions: dict[str, dict] = {}

app = Flask(__name__, static_folder=None)
app.config["MAX_CONTENT_LENGTH"] = 65536


class Refused(Exception):
    def __init__(self, status: int, message: str, reason: str | None = None):
        self.status, self.message, self.reason = status, message, reason


# The same for a wrong passkey and for an account that does not exist.
SIGN_IN_FAILED = Refused(401, "The sign-in failed.")
START_AGAIN = Refused(400, "Start again.")


@app.before_request
def only_our_page():
    g.session = sessions.get(request.cookies.get("session", ""))
    if g.session and g.session["expires"] < time.time():
        g.session = None
    if request.method == "POST":
        # A page of another site can send requests with our cookie, but not with our origin.
        if request.headers.get("Origin") != ORIGIN:
            raise Refused(403, "The request comes from another site.")
        if request.mimetype != "application/json":
            raise Refused(415, "Send JSON.")
        if not isinstance(request.get_json(), dict):
            raise Refused(400, "Send an object.")
        if not g.session:
            new_session({})


@app.after_request
def finished(response):
    response.headers["Content-Security-Policy"] = "default-src 'self'; frame-ancestors 'none'"
    if "cookie" in g:
        secure = ORIGIN.startswith("https:")
        response.set_cookie("session", g.cookie, max_age=HOURS_8, httponly=True, samesite="Lax", secure=secure)
    return response


def new_session(session: dict):
    for old in [key for key, value in sessions.items() if value["expires"] < time.time()]:
        sessions.pop(old, None)
    g.cookie = secrets.token_urlsafe(32)
    g.session = sessions[g.cookie] = session | {"key": g.cookie, "expires": time.time() + HOURS_8}


def signed_in() -> str:
    if not g.session or "identity" not in g.session:
        raise Refused(401, "Sign in first.")
    return g.session["identity"]


# A new session id: who knew the old one is not signed in.
def sign_in(identity: str):
    sessions.pop(g.session["key"], None)
    new_session({"identity": identity})
    confirm()


# A sign-in or a step-up allows one change of the passkeys within five minutes.
def confirm():
    g.session["confirmed_until"] = time.time() + 300


def use_confirmation():
    if g.session.pop("confirmed_until", 0) < time.time():
        raise Refused(403, "Confirm that it is you.", "step_up_required")


# The session remembers which ceremony it began, for what and for whom. Nothing of this comes from the page.
def begin(purpose: str, started: tuple, **more) -> dict:
    ceremony, options = started
    g.session["pending"] = {"purpose": purpose, "ceremony": ceremony, **more}
    return options


def begun(purpose: str, refusal: Refused = START_AGAIN) -> dict:
    pending = g.session.pop("pending", None)
    if not pending or pending["purpose"] != purpose:
        raise refusal
    return pending


def name_of(body: dict) -> str:
    name = body.get("name").strip() if isinstance(body.get("name"), str) else ""
    if not 1 <= len(name) <= 64:
        raise Refused(400, "A name has 1 to 64 characters.")
    return name


@app.get("/me")
def me():
    identity = g.session and g.session.get("identity")
    return {"name": names[identity], "passkeys": passkeyd.list_passkeys(identity)} if identity else {"name": None}


# The SDK tells the password manager which passkeys are left: it keeps offering a deleted one otherwise.
def told(identity: str) -> dict:
    return {"signals": passkeyd.signals(identity)}


# region register
# A new account gets a new identity. A name that exists is refused: its passkeys are added in its own session only.
@app.post("/register/start")
def register_start():
    name = name_of(request.json).lower()
    if name in identities:
        raise Refused(409, "This name is taken. Sign in to add a passkey to it.")
    identity = f"user-{uuid.uuid4()}"
    return begin("register", passkeyd.start_registration(identity, name), identity=identity, name=name)


@app.post("/register/finish")
def register_finish():
    pending = begun("register")
    identity, name = pending["identity"], pending["name"]
    if passkeyd.finish_registration(request.json, pending["ceremony"]) != identity:
        raise START_AGAIN
    # Another registration may have taken the name meanwhile.
    if identities.setdefault(name, identity) != identity:
        raise Refused(409, "This name is taken.")
    names[identity] = name
    sign_in(identity)
    return told(identity)
# endregion


# region add
# Another passkey: the identity is the one of the session, whatever the page sends.
@app.post("/passkeys/start")
def add_start():
    identity = signed_in()
    use_confirmation()
    return begin("add", passkeyd.start_registration(identity, names[identity]))


@app.post("/passkeys/finish")
def add_finish():
    identity = signed_in()
    if passkeyd.finish_registration(request.json, begun("add")["ceremony"]) != identity:
        raise START_AGAIN
    return told(identity)
# endregion


# Every sign-in starts in the same way, with a name or without: its response cannot say which names exist.
@app.post("/sign-in/start")
def sign_in_start():
    name = name_of(request.json).lower() if "name" in request.json else None
    return begin("sign-in", passkeyd.start_sign_in(), name=name)


@app.post("/sign-in/finish")
def sign_in_finish():
    pending = begun("sign-in", SIGN_IN_FAILED)
    try:
        identity = passkeyd.finish_sign_in(request.json, pending["ceremony"])
    except (TwilioRestException, passkeyd.NotAccepted) as error:
        if getattr(error, "status", 400) >= 500:
            raise
        app.logger.warning("/sign-in/finish: %s %s", error, getattr(error, "details", ""))
        raise SIGN_IN_FAILED from error
    if identity not in names or pending["name"] not in (None, names[identity]):
        raise SIGN_IN_FAILED
    sign_in(identity)
    return told(identity)


@app.post("/step-up/start")
def step_up_start():
    return begin("step-up", passkeyd.start_sign_in(signed_in()))


@app.post("/step-up/finish")
def step_up_finish():
    identity = signed_in()
    if passkeyd.finish_sign_in(request.json, begun("step-up")["ceremony"]) != identity:
        raise Refused(401, "This is another user's passkey.")
    confirm()
    return {}


# The id comes from the page, so it must be one of the passkeys of this account.
def own_passkeys(identity: str) -> list:
    passkeys = passkeyd.list_passkeys(identity)
    if not any(passkey["id"] == request.json.get("id") for passkey in passkeys):
        raise Refused(404, "There is no such passkey.")
    return passkeys


@app.post("/passkeys/rename")
def rename():
    identity = signed_in()
    own_passkeys(identity)
    passkeyd.rename(identity, request.json["id"], name_of(request.json))
    return {}


@app.post("/passkeys/delete")
def delete():
    identity = signed_in()
    if len(own_passkeys(identity)) < 2:
        raise Refused(409, "This is your only passkey.")
    use_confirmation()
    passkeyd.remove(identity, request.json["id"])
    return told(identity)


@app.post("/sign-out")
def sign_out():
    sessions.pop(g.session["key"], None)
    g.pop("cookie", None)
    response = jsonify({})
    response.delete_cookie("session")
    return response


# The page: the markup that all examples share, and a script of its own that uses the SDK.
FILES = {
    "": (HERE.parent / "web", "index.html"),
    "style.css": (HERE.parent / "web", "style.css"),
    "page.js": (HERE, "page.js"),
    "sdk/passkeys.mjs": (HERE.parent.parent / "sdk" / "dist", "passkeys.mjs"),
}


@app.get("/", defaults={"path": ""})
@app.get("/<path:path>")
def file(path: str):
    if path not in FILES:
        raise Refused(404, "There is nothing here.")
    folder, name = FILES[path]
    return send_from_directory(folder, name, mimetype="text/javascript" if name.endswith((".js", ".mjs")) else None)


@app.errorhandler(Refused)
def refused(error: Refused):
    return {"error": error.message, "reason": error.reason}, error.status


@app.errorhandler(HTTPException)
def refused_by_flask(error: HTTPException):
    return {"error": error.description}, error.code


@app.errorhandler(TwilioRestException)
@app.errorhandler(passkeyd.NotAccepted)
def refused_by_passkeyd(error: Exception):
    # The page gets one sentence. The log gets the reason, and the id under which passkeyd logged the request.
    app.logger.warning("%s: %s %s", request.path, error, getattr(error, "details", ""))
    if getattr(error, "status", 400) >= 500:
        return refused(Refused(502, "Something went wrong. Try again."))
    return refused(Refused(400, "The request was not accepted."))
