import os
import secrets
from pathlib import Path

ORIGIN = os.environ.get("ORIGIN", "http://localhost:3000")
WEB = Path(__file__).parent.parent.parent / "web"

SECRET_KEY = os.environ.get("SECRET_KEY", secrets.token_urlsafe(50))
ALLOWED_HOSTS = [ORIGIN.split("://")[1].split(":")[0]]
INSTALLED_APPS = ["django.contrib.sessions", "passkeys"]
# Instead of Django's token, which a form has, `only_our_page` compares the origin: the requests are JSON from our own script.
MIDDLEWARE = ["passkeys.views.only_our_page", "django.contrib.sessions.middleware.SessionMiddleware"]
ROOT_URLCONF = "passkeys.urls"
DATABASES = {"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": os.environ.get("DATABASE", "db.sqlite3"), "OPTIONS": {"timeout": 30}}}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
DATA_UPLOAD_MAX_MEMORY_SIZE = 65536

# The session is in the database. Its cookie is HttpOnly and SameSite=Lax, which are Django's defaults.
SESSION_COOKIE_NAME = "session"
SESSION_COOKIE_AGE = 8 * 3600
SESSION_COOKIE_SECURE = ORIGIN.startswith("https:")
