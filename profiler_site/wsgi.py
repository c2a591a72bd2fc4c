"""The WSGI entry point gunicorn serves."""

import gc
import os

from django.core.wsgi import get_wsgi_application
from django.urls import get_resolver

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "profiler_site.settings")

application = get_wsgi_application()

# What is loaded here stays: a full collection of garbage would look through all of it in the
# middle of some request, which takes longer than any page.
get_resolver().url_patterns  # noqa: B018 - views are imported with the addresses
gc.collect()
gc.freeze()
