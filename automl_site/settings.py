"""Every setting, read from the environment. `docs/configuration.md` explains each variable."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import dj_database_url
from csp.constants import NONCE, NONE, SELF
from django.core.exceptions import ImproperlyConfigured

from automl_site.env import env_bool, env_int, env_list, env_path, env_secret, env_str, runtime_dir
from automl_site.logs import configure_logs
from automl_site.static_headers import isolate_workers

BASE_DIR = Path(__file__).resolve().parent.parent

# Where things lie
VAR_DIR = env_path("AUTOML_VAR_DIR", BASE_DIR / "var")
STORAGE_DIR = VAR_DIR / "storage"
RUNTIME_DIR = runtime_dir(VAR_DIR)
HOST = env_str("AUTOML_HOST", "127.0.0.1")
PORT = env_int("AUTOML_PORT", 8000, low=1, high=65535)

# Safety
DEBUG = env_bool("AUTOML_DEBUG", default=False)
HTTPS = env_bool("AUTOML_HTTPS", default=False)
SECRET_KEY = env_secret("AUTOML_SECRET_KEY", VAR_DIR / "secret_key")
ALLOWED_HOSTS = env_list("AUTOML_ALLOWED_HOSTS", ["localhost", "127.0.0.1", "[::1]"])
CSRF_TRUSTED_ORIGINS = env_list("AUTOML_TRUSTED_ORIGINS", [])
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = HTTPS
SESSION_COOKIE_NAME = "__Host-sessionid" if HTTPS else "automl_sessionid"
CSRF_COOKIE_NAME = "__Host-csrftoken" if HTTPS else "csrftoken"
LANGUAGE_COOKIE_SECURE = HTTPS
LANGUAGE_COOKIE_SAMESITE = "Lax"
SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https") if HTTPS else None
SECURE_HSTS_SECONDS = 31_536_000 if HTTPS else 0
SECURE_HSTS_INCLUDE_SUBDOMAINS = SECURE_HSTS_PRELOAD = False  # other names of the domain are not ours to bind
SECURE_SSL_REDIRECT = False  # TLS ends at the proxy, which also redirects
SILENCED_SYSTEM_CHECKS = ["security.W005", "security.W008", "security.W021"]  # the two lines above
if not HTTPS:  # an installation on one machine, without TLS: docs/security.md says what that means
    SILENCED_SYSTEM_CHECKS += ["security.W004", "security.W012", "security.W016"]
SECURE_REFERRER_POLICY = "same-origin"
X_FRAME_OPTIONS = "DENY"
CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": [SELF],
        "script-src": [SELF, NONCE],
        "style-src": [SELF, NONCE],
        "img-src": [SELF, "data:", "blob:"],
        "font-src": [SELF, "data:"],
        "connect-src": [SELF],
        "object-src": [NONE],
        "base-uri": [SELF],
        "form-action": [SELF],
        "frame-ancestors": [NONE],
    },
}

# The application
INSTALLED_APPS = [
    "automl_site",
    "search_app",
    "datasets_app",
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.humanize",
    "django.contrib.messages",
    "django.contrib.sessions",
    "django.contrib.staticfiles",
    "allauth",
    "allauth.account",
    "allauth.mfa",
    "allauth.usersessions",
    "channels",
    "csp",
    "django_htmx",
    "ninja",
]
MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "automl_site.compression.StaticFiles",
    "automl_site.compression.PageCompression",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.locale.LocaleMiddleware",
    "automl_site.api_errors.problems_of_the_api",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "automl_site.api_access.tokens_of_uploads",
    "automl_site.logs.remember_request",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "allauth.account.middleware.AccountMiddleware",
    "allauth.usersessions.middleware.UserSessionsMiddleware",
    "django_htmx.middleware.HtmxMiddleware",
    "csp.middleware.CSPMiddleware",
]
ROOT_URLCONF = "automl_site.urls"
ASGI_APPLICATION = "automl_site.asgi.application"
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                "csp.context_processors.nonce",  # {{ CSP_NONCE }}
                "automl_site.context.site",
            ],
        },
    },
]
STATIC_URL = "static/"
STATICFILES_DIRS = [BASE_DIR / "static"]
STATIC_ROOT = VAR_DIR / "static"
WHITENOISE_USE_FINDERS = True  # one machine needs no collectstatic
WHITENOISE_AUTOREFRESH = DEBUG
WHITENOISE_ADD_HEADERS_FUNCTION = isolate_workers
USE_TZ = True
TIME_ZONE = env_str("AUTOML_TIME_ZONE", "UTC")
LANGUAGE_CODE = "en"
LANGUAGES = (("en", "English"), ("de", "Deutsch"))
LOCALE_PATHS = (BASE_DIR / "locale",)
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

# Database: the only truth
DATABASE_URL = env_str("DATABASE_URL", f"sqlite:///{VAR_DIR / 'db.sqlite3'}")
_database: Any = dj_database_url.parse(DATABASE_URL)
if _database["ENGINE"] == "django.db.backends.sqlite3":
    _database["OPTIONS"] = {
        "timeout": 20,
        "transaction_mode": "IMMEDIATE",  # two writers queue up instead of one failing at its first write
        # FULL: a power cut loses nothing that was saved
        "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL;",
    }
elif _database["ENGINE"] == "django.db.backends.postgresql":
    _database["CONN_HEALTH_CHECKS"] = True
else:
    raise ImproperlyConfigured("DATABASE_URL must begin with postgresql:// or sqlite:///.")
DATABASES = {"default": _database}
CACHES = {
    # In the database, because rate limits must count over all processes.
    "default": {
        "BACKEND": "django.core.cache.backends.db.DatabaseCache",
        "LOCATION": "site_cache",
        "OPTIONS": {"MAX_ENTRIES": 100_000},
    },
}

# Broker and channel layer: hints only
EMBEDDED_REDIS_SOCKET = RUNTIME_DIR / "redis.sock"
REDIS_URL = env_str("REDIS_URL")
EMBEDDED_REDIS = not REDIS_URL
REDIS_URL = REDIS_URL or f"unix://{EMBEDDED_REDIS_SOCKET}"
CHANNEL_LAYERS = {
    "default": {
        "BACKEND": "channels_redis.pubsub.RedisPubSubChannelLayer",
        "CONFIG": {"hosts": [REDIS_URL], "prefix": "automl"},
    },
}

# Accounts
AUTHENTICATION_BACKENDS = [
    "django.contrib.auth.backends.ModelBackend",
    "allauth.account.auth_backends.AuthenticationBackend",
]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": f"django.contrib.auth.password_validation.{name}"}
    for name in ("UserAttributeSimilarityValidator", "MinimumLengthValidator", "CommonPasswordValidator")
]
SIGNUP_OPEN = env_bool("AUTOML_SIGNUP_OPEN", default=True)
LOGIN_URL = "account_login"
LOGIN_REDIRECT_URL = "/"
ACCOUNT_ADAPTER = "automl_site.accounts.AccountAdapter"
ACCOUNT_LOGIN_METHODS = {"email"}
ACCOUNT_SIGNUP_FIELDS = ["email*", "password1*", "password2*"]
ACCOUNT_EMAIL_VERIFICATION = env_str("AUTOML_EMAIL_VERIFICATION", "none")
if ACCOUNT_EMAIL_VERIFICATION not in {"none", "optional", "mandatory"}:
    raise ImproperlyConfigured("AUTOML_EMAIL_VERIFICATION must be none, optional or mandatory.")
ACCOUNT_LOGOUT_REDIRECT_URL = "account_login"
ACCOUNT_SESSION_REMEMBER = True
ACCOUNT_PREVENT_ENUMERATION = True
ACCOUNT_LOGOUT_ON_PASSWORD_CHANGE = False  # of this browser; all other sessions end with the old password
ACCOUNT_REAUTHENTICATION_TIMEOUT = 300
# Without a proxy that is counted here nobody believes X-Forwarded-For: it is the client's own word.
ALLAUTH_TRUSTED_PROXY_COUNT = env_int("AUTOML_TRUSTED_PROXIES", 0, low=0, high=10)
ACCOUNT_RATE_LIMITS = {
    "login": "30/m/ip",
    "login_failed": "10/m/ip,5/5m/key",  # key: the account
    "signup": "10/m/ip",
    "reset_password": "10/m/ip,3/10m/key",
    "reset_password_from_key": "20/m/ip",
    "change_password": "5/m/user",
    "reauthenticate": "5/m/user",
    "manage_email": "10/m/user",
}
MFA_SUPPORTED_TYPES = ["totp", "webauthn", "recovery_codes"]
MFA_PASSKEY_LOGIN_ENABLED = True
MFA_TOTP_ISSUER = "AutoML"
MFA_TOTP_TOLERANCE = 1  # half a minute of a phone's clock
# allauth wants confirmed addresses first; where none is confirmed nobody could have a second factor.
MFA_ALLOW_UNVERIFIED_EMAIL = ACCOUNT_EMAIL_VERIFICATION != "mandatory"
MFA_WEBAUTHN_ALLOW_INSECURE_ORIGIN = not HTTPS  # browsers allow it on localhost alone
ACCOUNT_DEFAULT_HTTP_PROTOCOL = "https" if HTTPS else "http"
# Where people reach the site: workers, which answer no request, put it into mails
_reached = "localhost" if HOST in {"0.0.0.0", "::", "127.0.0.1"} else HOST  # noqa: S104
BASE_URL = env_str("AUTOML_BASE_URL", f"{ACCOUNT_DEFAULT_HTTP_PROTOCOL}://{_reached}:{PORT}").rstrip("/")

# Mail: printed to the terminal until a server is named
EMAIL_HOST = env_str("AUTOML_MAIL_HOST")
EMAIL_PORT = env_int("AUTOML_MAIL_PORT", 587, low=1, high=65535)
EMAIL_HOST_USER = env_str("AUTOML_MAIL_USER")
EMAIL_HOST_PASSWORD = env_str("AUTOML_MAIL_PASSWORD")
EMAIL_USE_TLS = bool(EMAIL_HOST)
DEFAULT_FROM_EMAIL = env_str("AUTOML_MAIL_FROM", "automl@localhost")
EMAIL_BACKEND = f"django.core.mail.backends.{'smtp' if EMAIL_HOST else 'console'}.EmailBackend"

# Limits
DATA_UPLOAD_MAX_MEMORY_SIZE = 2_500_000  # of forms and JSON; files are streamed to disk
FILE_UPLOAD_TEMP_DIR = VAR_DIR / "tmp"
for _needed in (FILE_UPLOAD_TEMP_DIR, STATIC_ROOT, STORAGE_DIR):
    _needed.mkdir(parents=True, exist_ok=True)
MAX_UPLOAD_BYTES = env_int("AUTOML_MAX_UPLOAD_MB", 51_200, low=1, high=10_000_000) * 1024 * 1024
QUOTA_BYTES = env_int("AUTOML_QUOTA_MB", 102_400, low=1, high=1_000_000_000) * 1024 * 1024  # of one person
UPLOAD_DAYS = env_int("AUTOML_UPLOAD_DAYS", 7, low=1, high=365)  # until an unfinished upload is removed
MAX_SEARCH_MINUTES = env_int("AUTOML_MAX_SEARCH_MINUTES", 1440, low=1, high=100_000)
SLICE_SECONDS = env_int("AUTOML_SLICE_SECONDS", 180, low=5, high=3600)
SOCKETS_PER_USER = 20
MAX_WAITING = env_int("AUTOML_MAX_WAITING", 100, low=1, high=100_000)  # searches of one person in the queue
API_RATE = env_int(
    "AUTOML_API_RATE", 600, low=1, high=1_000_000
)  # requests a minute of one person's programs
WATTS = env_int("AUTOML_WATTS", 60, low=1, high=100_000)  # what the machine takes during a search, assumed

# Webhooks: where messages may go
WEBHOOK_PORTS = env_list("AUTOML_WEBHOOK_PORTS", ["80", "443", "8080", "8443"])
if not all(port.isascii() and port.isdigit() and 0 < int(port) < 65_536 for port in WEBHOOK_PORTS):
    raise ImproperlyConfigured("AUTOML_WEBHOOK_PORTS must be port numbers with commas between them.")
WEBHOOK_HOSTS = env_list("AUTOML_WEBHOOK_HOSTS", [])  # private ones that may be reached: name or name:port

# Operation
METRICS_TOKEN = env_str("AUTOML_METRICS_TOKEN")
if METRICS_TOKEN and len(METRICS_TOKEN) < 16:
    raise ImproperlyConfigured("AUTOML_METRICS_TOKEN is too short to be a secret. Use 16 signs or more.")
AUDIT_DAYS = env_int("AUTOML_AUDIT_DAYS", 365, low=1, high=36_500)  # until a row of the audit log goes
CLEANUP_DAILY = env_bool("AUTOML_CLEANUP_DAILY", default=True)
CHECKPOINT_DAYS = env_int("AUTOML_CHECKPOINT_DAYS", 7, low=1, high=3650)  # kept after a run's end
CACHE_DAYS = env_int("AUTOML_CACHE_DAYS", 30, low=1, high=3650)  # kept after they were made

LOG_LEVEL = env_str("AUTOML_LOG_LEVEL", "INFO").upper()
if LOG_LEVEL not in {"DEBUG", "INFO", "WARNING", "ERROR"}:
    raise ImproperlyConfigured("AUTOML_LOG_LEVEL must be DEBUG, INFO, WARNING or ERROR.")
LOG_FORMAT = env_str("AUTOML_LOG_FORMAT", "text").lower()
if LOG_FORMAT not in {"text", "json"}:
    raise ImproperlyConfigured("AUTOML_LOG_FORMAT must be text or json.")
LOGGING_CONFIG = None  # structlog and the standard library are joined in automl_site/logs.py
configure_logs(LOG_LEVEL, LOG_FORMAT)
