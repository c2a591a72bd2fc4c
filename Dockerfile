# One image for web, worker and sweeper; docker-compose.yml says who runs what.
# Any image with python3 (3.11+) and venv does as a base, also the one of `make base-image`.
ARG BASE_IMAGE=python:3.11-slim-bookworm
FROM ${BASE_IMAGE}

# Behind a TLS-inspecting proxy, put its certificates beside this file as ca-bundle.pem: they are
# used for this build, and PROFILER_CA_BUNDLE=/app/ca-bundle.pem uses them for builds of services.
WORKDIR /app
COPY requirements.txt ca-bundle.pe[m] ./
RUN if [ -f ca-bundle.pem ]; then export PIP_CERT=/app/ca-bundle.pem SSL_CERT_FILE=/app/ca-bundle.pem; fi \
    && python3 -m venv /venv \
    && /venv/bin/pip install --quiet --no-cache-dir "$(grep '^uv==' requirements.txt)" \
    && /venv/bin/uv pip install --quiet --no-cache --python /venv/bin/python -r requirements.txt

ENV PATH=/venv/bin:$PATH \
    PYTHONUNBUFFERED=1 \
    PROFILER_DATA_DIR=/data \
    STATIC_ROOT=/app/static-files

COPY manage.py pyproject.toml ./
COPY scripts scripts
COPY profiler_site profiler_site
COPY profiler profiler
COPY runs runs
COPY templates templates
COPY static static
COPY examples examples
COPY docs docs

RUN PROFILER_DATA_DIR=/tmp/build python manage.py collectstatic --noinput --verbosity 0 \
    && python -m compileall -q . \
    && rm -rf /tmp/build \
    && useradd --uid 10001 --home-dir /data --shell /usr/sbin/nologin profiler \
    && install --directory --owner profiler /data

USER profiler
VOLUME /data
EXPOSE 8000
CMD ["sh", "-c", "python manage.py migrate --noinput && python manage.py ensure_admin && exec gunicorn profiler_site.wsgi --bind 0.0.0.0:8000 --worker-class gthread --threads ${WEB_THREADS:-8}"]
