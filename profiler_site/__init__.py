"""The Django project: settings, urls, wsgi. Nothing but wiring."""
