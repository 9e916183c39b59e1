"""Settings, read once from the environment. `.env.example` lists every variable with its meaning."""

from pathlib import Path

import environ
from celery.schedules import crontab
from django.utils.translation import gettext_lazy as _

from alliance.settings.files import file_store

BASE_DIR = Path(__file__).resolve().parent.parent.parent
env = environ.Env()

# --- what every machine decides for itself
SECRET_KEY = env.str("SECRET_KEY")
SECRET_KEY_FALLBACKS = env.list("SECRET_KEY_FALLBACKS", default=[])
DEBUG = env.bool("DEBUG", default=False)
#: One machine for one person: plain http on loopback, e-mail into files.
LOCAL = env.bool("PORTAL_LOCAL", default=False)
STATE_DIR = Path(env.str("PORTAL_STATE_DIR", default=str(BASE_DIR / ".local")))
#: The public address of this portal, without a slash at the end; absolute links are built from it.
PORTAL_ORIGIN = env.str("PORTAL_ORIGIN", default="http://localhost:8000").rstrip("/")
ALLOWED_HOSTS = env.list("ALLOWED_HOSTS", default=["localhost", "127.0.0.1", "[::1]"] if LOCAL else [])
CSRF_TRUSTED_ORIGINS = env.list("CSRF_TRUSTED_ORIGINS", default=[])
METRICS_TOKEN = env.str("METRICS_TOKEN", default="")
#: Reverse proxies in front of the portal; as many entries of X-Forwarded-For are believed.
PROXY_COUNT = env.int("PROXY_COUNT", default=0)

# --- applications
INSTALLED_APPS = [
    "practices",
    "reporting",
    "kpis",
    "usecases",
    "standards",
    "alliance.members",
    "alliance.events",
    "alliance.core",
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "django.contrib.humanize",
    "django.contrib.postgres",
    "django.forms",
    "allauth",
    "allauth.account",
    "allauth.mfa",
    "allauth.usersessions",
    "django_filters",
    "django_htmx",
    "rest_framework",
    "drf_spectacular",
]

MIDDLEWARE = [
    "alliance.core.middleware.RequestIdMiddleware",
    "alliance.core.middleware.MetricsMiddleware",
    "alliance.core.middleware.HealthMiddleware",
    "django.middleware.security.SecurityMiddleware",
    "alliance.core.cors.CorsMiddleware",
    "alliance.core.middleware.SecurityHeadersMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "alliance.core.middleware.ServiceErrorsMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "alliance.core.middleware.LanguageMiddleware",
    "alliance.core.middleware.RefuseMalformedMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.gzip.GZipMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "alliance.core.middleware.ActorMiddleware",
    "alliance.events.middleware.WakeMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "allauth.account.middleware.AccountMiddleware",
    "alliance.members.second_factor.StaffSecondFactorMiddleware",
    "alliance.members.middleware.SessionActivityMiddleware",
    "django_htmx.middleware.HtmxMiddleware",
]

ROOT_URLCONF = "alliance.urls"
WSGI_APPLICATION = "alliance.wsgi.application"
APPEND_SLASH = True

TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.template.context_processors.i18n",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                "alliance.core.context.site",
            ],
        },
    }
]
FORM_RENDERER = "django.forms.renderers.TemplatesSetting"

# --- database, cache, background work
#: No statement of a page may run for longer than this. Commands and workers have their own limit: 0 is none.
STATEMENT_TIMEOUT_MS = env.int("STATEMENT_TIMEOUT_MS", default=8_000)
BACKGROUND_STATEMENT_TIMEOUT_MS = env.int("BACKGROUND_STATEMENT_TIMEOUT_MS", default=0)

DATABASES = {"default": env.db_url("DATABASE_URL")}
DATABASES["default"] |= {
    "ENGINE": "alliance.core.postgresql",
    "CONN_MAX_AGE": env.int("CONN_MAX_AGE", default=60),
    "CONN_HEALTH_CHECKS": True,
    "OPTIONS": {
        "connect_timeout": 5,
        "application_name": "portal",
        # A server that vanished without a word is noticed after some 15 seconds, not after minutes.
        "keepalives_idle": 30,
        "keepalives_interval": 5,
        "keepalives_count": 3,
        "tcp_user_timeout": 15_000,
    },
}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

REDIS_URL = env.str("REDIS_URL")
CACHES = {
    "default": {
        "BACKEND": "alliance.core.cache.ForgivingRedisCache",
        "LOCATION": REDIS_URL,
        "KEY_PREFIX": "portal",
        "TIMEOUT": 300,
        "OPTIONS": {"socket_connect_timeout": 1, "socket_timeout": 2},
    }
}

CELERY_BROKER_URL = REDIS_URL
CELERY_BROKER_CONNECTION_RETRY_ON_STARTUP = True
CELERY_BROKER_CONNECTION_MAX_RETRIES = None  # a worker waits for Redis for as long as it takes
CELERY_BROKER_TRANSPORT_OPTIONS = {
    # Longer than the longest task may run (see alliance/core/tasks.py), or a running task is handed out again.
    "visibility_timeout": 3_600,
    "global_keyprefix": "portal-",
    "socket_connect_timeout": 1,
    "socket_timeout": 2,
    "max_retries": 1,
}
CELERY_TASK_IGNORE_RESULT = True
CELERY_TASK_ACKS_LATE = True
CELERY_TASK_REJECT_ON_WORKER_LOST = True
CELERY_TASK_TIME_LIMIT = 1_800
CELERY_TASK_SOFT_TIME_LIMIT = 1_740
CELERY_TASK_PUBLISH_RETRY_POLICY = {"max_retries": 1, "interval_start": 0.1, "interval_max": 0.2}
CELERY_WORKER_PREFETCH_MULTIPLIER = 1
# With the connection to Redis goes the chance to acknowledge: the task is handed out again in any case.
CELERY_WORKER_CANCEL_LONG_RUNNING_TASKS_ON_CONNECTION_LOSS = True
CELERY_WORKER_HIJACK_ROOT_LOGGER = False
CELERY_WORKER_SEND_TASK_EVENTS = False
CELERY_TIMEZONE = "UTC"
CELERY_BEAT_SCHEDULE = {
    "worker-heartbeat": {"task": "alliance.core.tasks.beat", "schedule": 10.0, "options": {"expires": 10}},
    "clear-expired-sessions": {"task": "alliance.members.tasks.clear_expired_sessions", "schedule": 86_400.0},
    "forget-unconfirmed": {"task": "alliance.members.tasks.forget_unconfirmed", "schedule": 86_400.0},
    # Whoever writes a mail or a notification wakes the worker; these find what no message told of, and what is due.
    "send-mails": {"task": "alliance.members.tasks.send_mails", "schedule": 30.0, "options": {"expires": 30}},
    "send-digests": {"task": "alliance.members.tasks.send_digests", "schedule": 60.0, "options": {"expires": 60}},
    # A committed write wakes the worker at once; this finds what no message told of.
    "follow-changes": {"task": "alliance.events.tasks.follow_changes", "schedule": 5.0, "options": {"expires": 5}},
    "follow-aggregates": {"task": "kpis.tasks.follow_aggregates", "schedule": 5.0, "options": {"expires": 5}},
    "forget-requests": {"task": "reporting.tasks.forget_requests", "schedule": 3_600.0},
    # Whoever submits a report wakes the worker; this finds what no message told of.
    "assign-reports": {"task": "reporting.tasks.assign_reports", "schedule": 300.0, "options": {"expires": 300}},
    "sweep-jobs": {"task": "alliance.events.jobs.sweep_jobs", "schedule": 10.0, "options": {"expires": 10}},
    "follow-practices": {"task": "practices.tasks.follow_practices", "schedule": 5.0, "options": {"expires": 5}},
    "examine-practices": {"task": "practices.tasks.examine_practices", "schedule": crontab(hour=3, minute=10)},
    "search-practices": {"task": "practices.tasks.search_practices", "schedule": crontab(hour=3, minute=40)},
    "examine-documents": {"task": "alliance.events.tasks.examine_documents", "schedule": crontab(hour=2, minute=30)},
    "examine-aggregates": {"task": "kpis.tasks.examine_aggregates", "schedule": crontab(hour=2, minute=50)},
}
CELERY_BEAT_SCHEDULE_FILENAME = str(STATE_DIR / "celerybeat-schedule")

# --- people and their sessions
AUTH_USER_MODEL = "members.User"
AUTHENTICATION_BACKENDS = ["allauth.account.auth_backends.AuthenticationBackend"]
PASSWORD_HASHERS = [
    "django.contrib.auth.hashers.Argon2PasswordHasher",
    "django.contrib.auth.hashers.PBKDF2PasswordHasher",
]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.UserAttributeSimilarityValidator"},
    {
        "NAME": "django.contrib.auth.password_validation.MinimumLengthValidator",
        "OPTIONS": {"min_length": 12},
    },
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
]
LOGIN_URL = "account_login"
LOGIN_REDIRECT_URL = "home"
ACCOUNT_ADAPTER = "alliance.members.adapters.AccountAdapter"
ACCOUNT_USER_MODEL_USERNAME_FIELD = None
ACCOUNT_LOGIN_METHODS = {"email"}
ACCOUNT_SIGNUP_FIELDS = ["email*", "password1*", "password2*"]
ACCOUNT_SIGNUP_FORM_CLASS = "alliance.members.forms.SignupForm"
ACCOUNT_EMAIL_VERIFICATION = "mandatory"
ACCOUNT_EMAIL_VERIFICATION_BY_CODE_ENABLED = False
ACCOUNT_PREVENT_ENUMERATION = True
ACCOUNT_CONFIRM_EMAIL_ON_GET = False
ACCOUNT_LOGOUT_ON_GET = False
ACCOUNT_REAUTHENTICATION_REQUIRED = True
ACCOUNT_EMAIL_SUBJECT_PREFIX = ""
ACCOUNT_DEFAULT_HTTP_PROTOCOL = "http" if LOCAL else "https"
ACCOUNT_EMAIL_NOTIFICATIONS = True
ALLAUTH_TRUSTED_PROXY_COUNT = PROXY_COUNT
MFA_ADAPTER = "alliance.members.adapters.MfaAdapter"
MFA_SUPPORTED_TYPES = ["totp", "webauthn", "recovery_codes"]
MFA_PASSKEY_LOGIN_ENABLED = True
MFA_PASSKEY_SIGNUP_ENABLED = False
MFA_TOTP_ISSUER = "Alliance portal"
# Browsers accept passkeys on http only for localhost; allauth refuses it unless told so.
MFA_WEBAUTHN_ALLOW_INSECURE_ORIGIN = LOCAL
#: Editors and the chair have their rights once they have an authenticator app or a passkey.
STAFF_SECOND_FACTOR = env.bool("STAFF_SECOND_FACTOR", default=not LOCAL)
USERSESSIONS_TRACK_ACTIVITY = True
SESSION_ENGINE = "django.contrib.sessions.backends.db"
SESSION_COOKIE_NAME = "sessionid"
SESSION_COOKIE_HTTPONLY = True
SESSION_COOKIE_SAMESITE = "Lax"
CSRF_COOKIE_HTTPONLY = True
CSRF_COOKIE_SAMESITE = "Lax"
CSRF_FAILURE_VIEW = "alliance.core.errors.csrf_failure"

DEFAULT_FROM_EMAIL = env.str("DEFAULT_FROM_EMAIL", default="Alliance portal <portal@localhost>")
SERVER_EMAIL = DEFAULT_FROM_EMAIL
if LOCAL and not env.str("EMAIL_URL", default=""):
    EMAIL_BACKEND = "alliance.members.mail_files.EmailBackend"
    EMAIL_FILE_PATH = STATE_DIR / "mail"
else:
    vars().update(env.email_url("EMAIL_URL", default="consolemail://"))
EMAIL_TIMEOUT = 20  # seconds for each step of a delivery
#: Answers to mails of tickets come to `<local part>+<number>.<signature>@<host>` of it; empty: on the pages alone.
TICKET_ADDRESS = env.str("TICKET_ADDRESS", default="")

# --- security
SECURE_CONTENT_TYPE_NOSNIFF = True
SECURE_REFERRER_POLICY = "strict-origin-when-cross-origin"
SECURE_CROSS_ORIGIN_OPENER_POLICY = "same-origin"
X_FRAME_OPTIONS = "DENY"
if not LOCAL:
    SECURE_SSL_REDIRECT = env.bool("SECURE_SSL_REDIRECT", default=True)
    SECURE_REDIRECT_EXEMPT = [r"^(healthz|readyz|metrics)$"]
    SECURE_HSTS_SECONDS = 31_536_000
    SECURE_HSTS_INCLUDE_SUBDOMAINS = True
    SECURE_HSTS_PRELOAD = True
    SESSION_COOKIE_SECURE = True
    CSRF_COOKIE_SECURE = True
    SESSION_COOKIE_NAME = "__Host-session"
    CSRF_COOKIE_NAME = "__Host-csrf"
    if PROXY_COUNT:
        SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")
#: Same names as Django 6's own setting, so that our middleware goes when Django 6 comes.
SECURE_CSP = {
    "default-src": ["'none'"],
    "script-src": ["'self'"],
    "style-src": ["'self'"],
    "img-src": ["'self'", "data:"],
    "font-src": ["'self'"],
    "connect-src": ["'self'"],
    "manifest-src": ["'self'"],
    "form-action": ["'self'"],
    "frame-ancestors": ["'none'"],
    "base-uri": ["'none'"],
}
DATA_UPLOAD_MAX_MEMORY_SIZE = 1_048_576
DATA_UPLOAD_MAX_NUMBER_FIELDS = 500

# --- languages, time
LANGUAGE_CODE = "en"
LANGUAGES = [("en", _("English")), ("es", _("Spanish")), ("ar", _("Arabic"))]
LOCALE_PATHS = [BASE_DIR / "locale"]
USE_I18N = True
USE_TZ = True
TIME_ZONE = "UTC"
USE_THOUSAND_SEPARATOR = True

# --- files
STATIC_URL = "/static/"
STATIC_ROOT = Path(env.str("STATIC_ROOT", default=str(BASE_DIR / "staticfiles")))
STATICFILES_DIRS = [BASE_DIR / "static"]
#: What members attach and upload: never below a public address, given out by views alone.
MEDIA_ROOT = STATE_DIR / "uploads"
#: Where it is kept instead: `s3://key:secret@host/bucket?region=…`, of any S3-compatible store.
FILES_URL = env.str("FILES_URL", default="")
STORAGES = {
    "default": file_store(FILES_URL),
    "staticfiles": {"BACKEND": "whitenoise.storage.CompressedManifestStaticFilesStorage"},
}
WHITENOISE_MAX_AGE = 600
# Compressing is most of the time of a first start: only what browsers ask for.
WHITENOISE_KEEP_ONLY_HASHED_FILES = True
DATA_DIR = BASE_DIR / "data"

# --- REST API
REST_FRAMEWORK = {
    "DEFAULT_AUTHENTICATION_CLASSES": [
        "alliance.members.token_auth.TokenAuthentication",
        "rest_framework.authentication.SessionAuthentication",
    ],
    "DEFAULT_PERMISSION_CLASSES": ["rest_framework.permissions.IsAuthenticatedOrReadOnly"],
    "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
    "DEFAULT_PARSER_CLASSES": ["rest_framework.parsers.JSONParser"],
    "DEFAULT_FILTER_BACKENDS": [],
    "DEFAULT_PAGINATION_CLASS": "alliance.core.pagination.KeysetPagination",
    "DEFAULT_THROTTLE_CLASSES": ["alliance.core.throttling.ClientRateThrottle"],
    "DEFAULT_THROTTLE_RATES": {
        "client": env.str("API_RATE", default="600/min"),
        "writing": env.str("API_WRITE_RATE", default="60/min"),
    },
    "NUM_PROXIES": PROXY_COUNT,
    "DEFAULT_SCHEMA_CLASS": "alliance.core.schema.PortalSchema",
    "EXCEPTION_HANDLER": "alliance.core.errors.problem_details",
    "PAGE_SIZE": 50,
    "UNAUTHENTICATED_USER": "django.contrib.auth.models.AnonymousUser",
    "UPLOADED_FILES_USE_URL": False,
}

SPECTACULAR_SETTINGS = {
    "TITLE": "Alliance for Best Practices and Standards in Smart Cities: REST API",
    "DESCRIPTION": "What cities tried, what they measured, how sure one can be, and which open standards they used.",
    "VERSION": "1.0.0",
    "OAS_VERSION": "3.1.1",
    "SCHEMA_PATH_PREFIX": "/api/v1",
    "POSTPROCESSING_HOOKS": ["alliance.core.schema.describe_tags", "alliance.core.schema.share_repeated"],
    "APPEND_COMPONENTS": {
        "securitySchemes": {
            "token": {"type": "http", "scheme": "bearer", "description": "A token of /workspace/tokens/."},
            "session": {
                "type": "apiKey",
                "in": "cookie",
                "name": SESSION_COOKIE_NAME,
                "description": "With CSRF token.",
            },
        }
    },
    "SORT_OPERATIONS": False,
    "SORT_OPERATION_PARAMETERS": False,
}

# --- what the process says
LOG_FORMAT = env.str("LOG_FORMAT", default="json")
LOGGING_CONFIG = "logging.config.dictConfig"
LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "filters": {
        "request_id": {"()": "alliance.core.logging.RequestIdFilter"},
        "unexplained": {"()": "alliance.core.logging.UnexplainedFilter"},
    },
    "formatters": {
        "json": {"()": "alliance.core.logging.JsonFormatter"},
        "text": {
            "()": "alliance.core.logging.TextFormatter",
            "fmt": "{asctime} {levelname} {name} [{request_id}] {message}",
            "style": "{",
        },
    },
    "handlers": {
        "stderr": {
            "class": "logging.StreamHandler",
            "formatter": LOG_FORMAT,
            "filters": ["request_id"],
        }
    },
    "root": {"handlers": ["stderr"], "level": env.str("LOG_LEVEL", default="INFO")},
    "loggers": {
        "django.server": {"handlers": [], "propagate": True},
        # The access line tells of 4xx already, and whoever answers 503 says why.
        "django.request": {"level": "ERROR", "filters": ["unexplained"]},
        # `alliance.core.tasks` writes one line a task.
        "celery.app.trace": {"level": "WARNING"},
        "celery.worker.strategy": {"level": "WARNING"},
        "celery.beat": {"level": "WARNING"},
    },
}
