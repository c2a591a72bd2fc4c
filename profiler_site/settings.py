"""Settings, read from environment variables; docs/settings.md lists every one of them."""

from __future__ import annotations

import hashlib
import os
import secrets
from pathlib import Path

from csp.constants import NONCE, NONE, SELF
from environs import Env

env = Env()
BASE_DIR = Path(__file__).resolve().parent.parent


def stored_secret(path: Path) -> str:
    """The installation's own secret, made on first use and readable by its owner alone."""
    path.parent.mkdir(parents=True, exist_ok=True)
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        return path.read_text().strip()
    with os.fdopen(descriptor, "w") as file:
        secret = secrets.token_urlsafe(50)
        file.write(secret)
    return secret


# --- Where things are kept -----------------------------------------------------------------------
PROFILER_DATA_DIR = env.path("PROFILER_DATA_DIR", BASE_DIR / "var").resolve()
PROFILER_DATA_DIR.mkdir(mode=0o700, parents=True, exist_ok=True)
STATIC_ROOT = env.path("STATIC_ROOT", PROFILER_DATA_DIR / "static")

# --- Web -----------------------------------------------------------------------------------------
DEBUG = env.bool("DEBUG", False)
SECRET_KEY = env.str("SECRET_KEY", "") or stored_secret(PROFILER_DATA_DIR / "secret-key")
ALLOWED_HOSTS = env.list("ALLOWED_HOSTS", ["localhost", "127.0.0.1", "[::1]"])
CSRF_TRUSTED_ORIGINS = env.list("CSRF_TRUSTED_ORIGINS", [])
PORT = env.int("PORT", 8000)
BIND_ADDRESS = env.str("BIND_ADDRESS", "127.0.0.1")
WEB_THREADS = env.int("WEB_THREADS", 8)
HTTPS = env.bool("HTTPS", False)

ROOT_URLCONF = "profiler_site.urls"
WSGI_APPLICATION = "profiler_site.wsgi.application"

INSTALLED_APPS = [
    "profiler_site.apps.ProfilerAdminConfig",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.humanize",
    "django.contrib.messages",
    "django.contrib.sessions",
    "whitenoise.runserver_nostatic",
    "django.contrib.staticfiles",
    "django.forms",
    "axes",
    "csp",
    "django_filters",
    "django_htmx",
    "django_rq",
    "django_tables2",
    "drf_spectacular",
    "rest_framework",
    "simple_history",
    "template_partials",
    "runs",
]

MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "runs.middleware.CompressedText",
    "runs.middleware.VisitorsZone",
    "csp.middleware.CSPMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.auth.middleware.LoginRequiredMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "django_htmx.middleware.HtmxMiddleware",
    "simple_history.middleware.HistoryRequestMiddleware",
    "axes.middleware.AxesMiddleware",
    "runs.middleware.ExplainedRefusals",
]

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
                "csp.context_processors.nonce",
            ],
        },
    },
]
CSRF_FAILURE_VIEW = "runs.views.errors.csrf_failure"
FORM_RENDERER = "django.forms.renderers.TemplatesSetting"
DJANGO_TABLES2_TEMPLATE = "django_tables2/bootstrap5.html"

STATIC_URL = "static/"
STATICFILES_DIRS = [BASE_DIR / "static"]
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {
        "BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"
        if DEBUG
        else "runs.serving.static_files.HashedFiles"
    },
}

LANGUAGE_CODE = "en-gb"
FORMAT_MODULE_PATH = "profiler_site.formats"
TIME_ZONE = "UTC"
USE_TZ = True

# --- Uploads -------------------------------------------------------------------------------------
PROFILER_MAX_UPLOAD_BYTES = env.int("PROFILER_MAX_UPLOAD_BYTES", 5 << 30)
PROFILER_MAX_UPLOAD_FILES = env.int("PROFILER_MAX_UPLOAD_FILES", 10_000)
DATA_UPLOAD_MAX_NUMBER_FILES = PROFILER_MAX_UPLOAD_FILES
DATA_UPLOAD_MAX_MEMORY_SIZE = 8 << 20
FILE_UPLOAD_HANDLERS = [
    "runs.uploading.UploadLimit",
    "django.core.files.uploadhandler.MemoryFileUploadHandler",
    "django.core.files.uploadhandler.TemporaryFileUploadHandler",
]
FILE_UPLOAD_TEMP_DIR = PROFILER_DATA_DIR / "uploads"
FILE_UPLOAD_TEMP_DIR.mkdir(exist_ok=True)

# --- Database ------------------------------------------------------------------------------------
DATABASES = {
    "default": env.dj_db_url(
        "DATABASE_URL", f"sqlite:///{PROFILER_DATA_DIR / 'profiler.sqlite3'}", conn_max_age=60
    )
}
if DATABASES["default"]["ENGINE"] == "django.db.backends.sqlite3":
    # Writers queue up instead of failing: a transaction takes the write lock when it begins, and
    # waits for it. Readers never wait (WAL).
    DATABASES["default"]["OPTIONS"] = {
        "transaction_mode": "IMMEDIATE",
        "timeout": 20,
        "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL;",
    }
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

# --- Queue ---------------------------------------------------------------------------------------
# `manage.py serve` starts a queue server on this socket when REDIS_URL is not set.
REDIS_URL = env.str("REDIS_URL", "")
REDIS_SOCKET = PROFILER_DATA_DIR / "queue.sock"
PROFILER_QUEUES = env.list("PROFILER_QUEUES", ["local"])


def queue_settings() -> dict:
    """How RQ reaches the queue server; the same for each target's queue."""
    place = {"URL": REDIS_URL} if REDIS_URL else {"UNIX_SOCKET_PATH": str(REDIS_SOCKET), "DB": 0}
    return {**place, "SERIALIZER": "rq.serializers.JSONSerializer", "DEFAULT_TIMEOUT": 3600}


# Its pages carry inline scripts, which our policy forbids, and change jobs behind the database's
# back; runs/admin/queues.py shows the queues.
RQ_SHOW_ADMIN_LINK = False
RQ_QUEUES = {name: queue_settings() for name in dict.fromkeys(["default", *PROFILER_QUEUES])}

# --- Profiling -----------------------------------------------------------------------------------
PROFILER_ALLOW_PROCESS_TARGET = env.bool("PROFILER_ALLOW_PROCESS_TARGET", False)
PROFILER_BASE_IMAGE = env.str("PROFILER_BASE_IMAGE", "")
PROFILER_CA_BUNDLE = env.str("PROFILER_CA_BUNDLE", "")
# Marks containers and processes as this installation's own; the same on each of its hosts.
PROFILER_INSTALLATION = env.str(
    "PROFILER_INSTALLATION", hashlib.sha256(SECRET_KEY.encode()).hexdigest()[:12]
)
PROFILER_TARGET = env.str("PROFILER_TARGET", "local")
PROFILER_SAMPLE = env.bool("PROFILER_SAMPLE", True)
RAW_RETENTION_DAYS = env.int("RAW_RETENTION_DAYS", 0)
# What an hour costs, where no administrator has set prices. None: no cost is shown.
PROFILER_PRICE_CORE_HOUR = env.float("PROFILER_PRICE_CORE_HOUR", None)
PROFILER_PRICE_GIB_HOUR = env.float("PROFILER_PRICE_GIB_HOUR", None)
PROFILER_PRICE_GPU_HOUR = env.float("PROFILER_PRICE_GPU_HOUR", None)
PROFILER_CURRENCY = env.str("PROFILER_CURRENCY", "USD")
SIZING_REVIEW = env.str("SIZING_REVIEW", "optional")
# The role of who is in none of the groups viewer, contributor, reviewer, admin.
DEFAULT_ROLE = env.str("DEFAULT_ROLE", "contributor")

# --- Sign-in -------------------------------------------------------------------------------------
ADMIN_PASSWORD = env.str("ADMIN_PASSWORD", "")
LOGIN_URL = "sign_in"
LOGIN_REDIRECT_URL = "home"
LOGOUT_REDIRECT_URL = "sign_in"
AUTHENTICATION_BACKENDS = [
    "axes.backends.AxesStandaloneBackend",
    "django.contrib.auth.backends.ModelBackend",
]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": f"django.contrib.auth.password_validation.{name}"}
    for name in (
        "UserAttributeSimilarityValidator",
        "MinimumLengthValidator",
        "CommonPasswordValidator",
        "NumericPasswordValidator",
    )
]
AXES_FAILURE_LIMIT = env.int("SIGN_IN_FAILURE_LIMIT", 10)
AXES_COOLOFF_TIME = env.float("SIGN_IN_COOLOFF_HOURS", 0.25)
AXES_LOCKOUT_PARAMETERS = [["username", "ip_address"]]
AXES_RESET_ON_SUCCESS = True
AXES_LOCKOUT_CALLABLE = "runs.views.session.locked_out"

# --- API -----------------------------------------------------------------------------------------
REST_FRAMEWORK = {
    "DEFAULT_AUTHENTICATION_CLASSES": [
        "runs.api.authentication.TokenAuthentication",
        "rest_framework.authentication.SessionAuthentication",
    ],
    "DEFAULT_PERMISSION_CLASSES": [
        "rest_framework.permissions.IsAuthenticated",
        "runs.api.access.WithinScope",
        "runs.api.access.WithinRole",
    ],
    "DEFAULT_PARSER_CLASSES": ["runs.api.parsers.BoundedJSON"],
    "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
    "DEFAULT_FILTER_BACKENDS": ["django_filters.rest_framework.DjangoFilterBackend"],
    "DEFAULT_THROTTLE_CLASSES": ["rest_framework.throttling.UserRateThrottle"],
    "DEFAULT_THROTTLE_RATES": {"user": env.str("API_RATE", "600/min")},
    "DEFAULT_SCHEMA_CLASS": "drf_spectacular.openapi.AutoSchema",
    "EXCEPTION_HANDLER": "runs.api.errors.answer",
    "URL_FORMAT_OVERRIDE": None,
    "STRICT_JSON": True,
}
SPECTACULAR_SETTINGS = {
    "TITLE": "Model Profiler",
    "DESCRIPTION": "Models, datasets, configs, runs and proposals. Times are UTC in ISO 8601.",
    "VERSION": "1",
    "OAS_VERSION": "3.1.0",
    "ENUM_NAME_OVERRIDES": {
        "RunState": "runs.models.ProfileRun.State",
        "ProposalState": "runs.models.Proposal.State",
    },
    "SERVE_INCLUDE_SCHEMA": False,
    "SERVE_PERMISSIONS": ["rest_framework.permissions.IsAuthenticated"],
    "POSTPROCESSING_HOOKS": [
        "drf_spectacular.hooks.postprocess_schema_enums",
        "runs.api.schema.with_errors",
    ],
}

# --- Headers -------------------------------------------------------------------------------------
CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": [NONE],
        "script-src": [SELF, NONCE],
        "style-src": [SELF],
        "img-src": [SELF, "data:", "blob:"],
        "font-src": [SELF],
        "connect-src": [SELF],
        "form-action": [SELF],
        "frame-ancestors": [NONE],
        "base-uri": [NONE],
        "manifest-src": [SELF],
    }
}
X_FRAME_OPTIONS = "DENY"
SECURE_REFERRER_POLICY = "same-origin"
SECURE_CONTENT_TYPE_NOSNIFF = True
SESSION_COOKIE_SAMESITE = CSRF_COOKIE_SAMESITE = "Lax"
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = HTTPS
if HTTPS:
    SECURE_SSL_REDIRECT = True
    SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")
    SECURE_HSTS_SECONDS = 31_536_000

# --- Logging -------------------------------------------------------------------------------------
LOG_LEVEL = env.log_level("LOG_LEVEL", "INFO")
LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {
        "line": {"format": "{asctime} {levelname} {name}: {message}", "style": "{"},
    },
    "handlers": {"console": {"class": "logging.StreamHandler", "formatter": "line"}},
    "root": {"handlers": ["console"], "level": LOG_LEVEL},
    "loggers": {
        "axes": {"level": "WARNING"},
        "rq.worker": {"level": "WARNING"},
        "django.server": {"handlers": ["console"], "level": "INFO", "propagate": False},
    },
}
