"""All settings, in one file. Every value that an installation may change comes from the environment.

``docs/reference/settings.md`` lists them.
"""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any

import django_stubs_ext
from csp.constants import NONE, SELF
from django.utils.translation import gettext_lazy as _

from gongzhi.config import environment

django_stubs_ext.monkeypatch()

PACKAGE = Path(__file__).resolve().parent.parent
HOME = environment.home()
DEMO = environment.flag("GONGZHI_DEMO")
# Every seal of the record is also written here, one line each; best on another disk than the database.
GONGZHI_LEDGER_WITNESS = environment.text("GONGZHI_LEDGER_WITNESS") or str(HOME / "ledger-roots.jsonl")
DEBUG = environment.flag("GONGZHI_DEBUG")

SECRET_KEY = environment.secret("GONGZHI_SECRET_KEY", HOME)
# The root of the keys that seal personal data; rotation adds a key, see docs/howto/rotate-keys.md.
GONGZHI_DATA_KEYS = environment.words("GONGZHI_DATA_KEYS") or ["k1:" + environment.secret("GONGZHI_DATA_KEY", HOME)]
# What seals them: "aes" (AES-256-GCM, SHA-256) or "sm4" (SM4-GCM, SM3), see docs/howto/rotate-keys.md.
GONGZHI_CIPHER = environment.choice("GONGZHI_CIPHER", ("aes", "sm4"), "aes")
ALLOWED_HOSTS = environment.words("GONGZHI_HOSTS", "127.0.0.1,localhost,[::1]")
CSRF_TRUSTED_ORIGINS = environment.words("GONGZHI_ORIGINS")
# How many trusted proxies stand in front; 0 means the peer's address is the visitor's.
GONGZHI_PROXIES = environment.number("GONGZHI_PROXIES", 0)

INSTALLED_APPS = [
    "gongzhi.front.workbench",
    "gongzhi.front.portal",
    "gongzhi.front.field",
    "gongzhi.front.api",
    "gongzhi.front.open311",
    "gongzhi.loop.webhooks",
    "gongzhi.loop",
    "gongzhi.learn.digests",
    "gongzhi.learn.burden",
    "gongzhi.learn.bulletins",
    "gongzhi.verify.notices",
    "gongzhi.verify.checks",
    "gongzhi.act.disputes",
    "gongzhi.act.whistles",
    "gongzhi.act.callups",
    "gongzhi.act.points",
    "gongzhi.act.values",
    "gongzhi.act.directives",
    "gongzhi.act.visits",
    "gongzhi.act.tasks",
    "gongzhi.understand.themes",
    "gongzhi.understand.suggestions",
    "gongzhi.understand.search",
    "gongzhi.understand.duplicates",
    "gongzhi.understand.cases",
    "gongzhi.sense.channels",
    "gongzhi.ground.privacy",
    "gongzhi.ground.access",
    "gongzhi.ground.rules",
    "gongzhi.ground.places",
    "gongzhi.ground.ledger",
    "gongzhi.ground.accounts",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "whitenoise.runserver_nostatic",
    "django.contrib.staticfiles",
    "django.contrib.humanize",
    "template_partials",
    "django_htmx",
    "leaflet",
    "csp",
    "axes",
    "allauth",
    "allauth.account",
    "allauth.mfa",
    "allauth.socialaccount",
    "allauth.socialaccount.providers.openid_connect",
    "django_tasks",
    "ninja",
]

MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "csp.middleware.CSPMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.locale.LocaleMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "gongzhi.ground.accounts.middleware.idle_limit",
    "gongzhi.ground.accounts.middleware.leave_nothing",
    "allauth.account.middleware.AccountMiddleware",
    "django_htmx.middleware.HtmxMiddleware",
    "axes.middleware.AxesMiddleware",
]

ROOT_URLCONF = "gongzhi.config.urls"
WSGI_APPLICATION = "gongzhi.config.wsgi.application"

TEMPLATES: list[dict[str, Any]] = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [PACKAGE / "front" / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                "gongzhi.front.context.page",
            ],
            "libraries": {"gongzhi": "gongzhi.front.templatetags.gongzhi"},
            "builtins": [
                "template_partials.templatetags.partials",
                "django.templatetags.i18n",
                "gongzhi.front.templatetags.gongzhi",
            ],
        },
    }
]

DATABASES = {"default": environment.database(environment.text("DATABASE_URL"), HOME)}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

TASKS = {"default": {"BACKEND": "gongzhi.loop.queue.LeaseBackend"}}
# "inline": reactions run in the request that caused them, right after its commit, and a worker is only the
# safety net. "worker": they are left to worker processes. Nothing is lost in either case.
GONGZHI_DELIVERY = environment.choice(
    "GONGZHI_DELIVERY",
    ("inline", "worker"),
    "inline" if "sqlite" in DATABASES["default"]["ENGINE"] else "worker",
)

AUTH_USER_MODEL = "accounts.User"
AUTHENTICATION_BACKENDS = [
    "axes.backends.AxesStandaloneBackend",
    "allauth.account.auth_backends.AuthenticationBackend",
]
PASSWORD_HASHERS = [
    "django.contrib.auth.hashers.Argon2PasswordHasher",
    "django.contrib.auth.hashers.PBKDF2PasswordHasher",
]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.UserAttributeSimilarityValidator"},
    {"NAME": "django.contrib.auth.password_validation.MinimumLengthValidator", "OPTIONS": {"min_length": 10}},
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
    {"NAME": "django.contrib.auth.password_validation.NumericPasswordValidator"},
]
LOGIN_REDIRECT_URL = "workbench:today"
LOGIN_URL = "account_login"
LOGOUT_REDIRECT_URL = "portal:home"

SESSION_ENGINE = "django.contrib.sessions.backends.db"
SESSION_COOKIE_AGE = int(timedelta(hours=12).total_seconds())
SESSION_COOKIE_HTTPONLY = True
SESSION_COOKIE_SAMESITE = "Lax"
# After this long without a request the session of a person with an account ends (seconds).
GONGZHI_IDLE_LIMIT = environment.number("GONGZHI_IDLE_LIMIT", 30 * 60)

SECURE = environment.flag("GONGZHI_HTTPS")
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = LANGUAGE_COOKIE_SECURE = SECURE
SECURE_SSL_REDIRECT = SECURE
SECURE_HSTS_SECONDS = 31_536_000 if SECURE else 0
SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https") if GONGZHI_PROXIES else None
SECURE_REFERRER_POLICY = "same-origin"
X_FRAME_OPTIONS = "DENY"

CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": [NONE],
        "script-src": [SELF],
        "style-src": [SELF],
        "img-src": [SELF, "data:", "blob:"],
        "media-src": [SELF, "blob:"],
        "font-src": [SELF],
        "connect-src": [SELF],
        "manifest-src": [SELF],
        "worker-src": [SELF],
        "form-action": [SELF],
        "base-uri": [NONE],
        "frame-ancestors": [NONE],
        "object-src": [NONE],
    }
}

# Whose pages these are (the name in the head), and the number that people may call instead.
GONGZHI_NAME = environment.text("GONGZHI_NAME") or (_("Haidian (demonstration)") if DEMO else "")
GONGZHI_TELEPHONE = environment.text("GONGZHI_TELEPHONE", "12345")
# What Open311 calls the jurisdiction_id. Empty: clients may leave it out or say anything.
GONGZHI_JURISDICTION = environment.text("GONGZHI_JURISDICTION")

LANGUAGE_CODE = "zh-hans"
LANGUAGES = [("zh-hans", _("Simplified Chinese")), ("en", _("English"))]
LOCALE_PATHS = [PACKAGE / "locale"]
LANGUAGE_COOKIE_AGE = 365 * 24 * 3600
LANGUAGE_COOKIE_SAMESITE = "Lax"
TIME_ZONE = "Asia/Shanghai"
USE_TZ = True
USE_I18N = True

STATIC_URL = "/static/"
STATIC_ROOT = HOME / "static"
STATICFILES_DIRS = [PACKAGE / "front" / "static"]
STORAGES = {
    "default": {
        "BACKEND": "django.core.files.storage.FileSystemStorage",
        "OPTIONS": {"location": HOME / "files"},
    },
    "staticfiles": {"BACKEND": "whitenoise.storage.CompressedManifestStaticFilesStorage"},
}
WHITENOISE_MAX_AGE = 3600

CACHES = {"default": {"BACKEND": "django.core.cache.backends.locmem.LocMemCache", "LOCATION": "gongzhi"}}

# The public address of this installation, for links in messages: "https://gongzhi.example.gov.cn".
GONGZHI_ADDRESS = environment.text("GONGZHI_ADDRESS") or next(iter(CSRF_TRUSTED_ORIGINS), "http://127.0.0.1:8000")
# How reporters who asked for it are told each step. "outbox" writes into a file instead of sending.
GONGZHI_SMS = environment.choice("GONGZHI_SMS", ("none", "outbox", "http"), "outbox" if DEMO else "none")
GONGZHI_SMS_URL = environment.text("GONGZHI_SMS_URL")
GONGZHI_SMS_SECRET = environment.text("GONGZHI_SMS_SECRET")
GONGZHI_EMAIL = environment.choice("GONGZHI_EMAIL", ("none", "outbox", "smtp"), "outbox" if DEMO else "none")
GONGZHI_OUTBOX = str(HOME / "outbox.jsonl")
EMAIL_BACKEND = {
    "none": "django.core.mail.backends.console.EmailBackend",
    "outbox": "gongzhi.verify.notices.carriers.OutboxEmail",
    "smtp": "django.core.mail.backends.smtp.EmailBackend",
}[GONGZHI_EMAIL]
EMAIL_HOST = environment.text("GONGZHI_EMAIL_HOST", "localhost")
EMAIL_PORT = environment.number("GONGZHI_EMAIL_PORT", 25)
EMAIL_HOST_USER = environment.text("GONGZHI_EMAIL_USER")
EMAIL_HOST_PASSWORD = environment.text("GONGZHI_EMAIL_PASSWORD")
EMAIL_USE_TLS = environment.flag("GONGZHI_EMAIL_TLS")
EMAIL_TIMEOUT = 10
DEFAULT_FROM_EMAIL = environment.text("GONGZHI_EMAIL_FROM", "gongzhi@localhost")
DATA_UPLOAD_MAX_MEMORY_SIZE = 4 * 1024 * 1024
DATA_UPLOAD_MAX_NUMBER_FIELDS = 2000
FILE_UPLOAD_MAX_MEMORY_SIZE = 2 * 1024 * 1024

LOGGING: dict[str, Any] = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {"line": {"format": "%(asctime)s %(levelname)s %(name)s %(message)s"}},
    "handlers": {"console": {"class": "logging.StreamHandler", "formatter": "line"}},
    "root": {"handlers": ["console"], "level": "INFO"},
    "loggers": {"axes": {"level": "WARNING"}},
}

AXES_FAILURE_LIMIT = 5
AXES_COOLOFF_TIME = timedelta(minutes=15)
AXES_LOCKOUT_PARAMETERS = [["username", "ip_address"]]
AXES_RESET_ON_SUCCESS = True
AXES_LOCKOUT_TEMPLATE = "account/locked.html"
AXES_ENABLE_ADMIN = False

ACCOUNT_LOGIN_METHODS = {"username"}
ACCOUNT_SIGNUP_FIELDS = ["username*", "password1*", "password2*"]
ACCOUNT_EMAIL_VERIFICATION = "none"
ACCOUNT_SESSION_REMEMBER = False
ACCOUNT_ADAPTER = "gongzhi.ground.accounts.adapter.AccountAdapter"
SOCIALACCOUNT_ADAPTER = "gongzhi.ground.accounts.adapter.DirectoryAdapter"
# Whether people may open accounts by themselves. An account opens nothing without a post.
GONGZHI_SIGN_UP = environment.flag("GONGZHI_SIGN_UP")
# Signing in by the town's own directory (OpenID Connect).
_OIDC = {
    "provider_id": "directory",
    "name": environment.text("GONGZHI_OIDC_NAME") or "OpenID Connect",
    "client_id": environment.text("GONGZHI_OIDC_CLIENT"),
    "secret": environment.text("GONGZHI_OIDC_SECRET"),
    "settings": {"server_url": environment.text("GONGZHI_OIDC_ISSUER")},
}
SOCIALACCOUNT_PROVIDERS: dict[str, Any] = {
    "openid_connect": {
        "OAUTH_PKCE_ENABLED": True,
        "APPS": [_OIDC] if environment.text("GONGZHI_OIDC_ISSUER") and _OIDC["client_id"] else [],
    }
}
# Wrong passwords for one name are counted by axes, which says so on a page of its own; this is against trying many
# names from one address.
ACCOUNT_RATE_LIMITS = {"login_failed": "20/m/ip"}
MFA_SUPPORTED_TYPES = ["totp", "recovery_codes", "webauthn"]
MFA_PASSKEY_LOGIN_ENABLED = True
MFA_TOTP_ISSUER = "Gongzhi 共治"

SILENCED_SYSTEM_CHECKS: list[str] = [
    # Whether every other name below the domain has HTTPS too is not ours to promise.
    "security.W005",
    "security.W021",
]
