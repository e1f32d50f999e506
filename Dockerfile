# docker build -t lockgate .        (docs/how-to/deploy-with-docker.md says how to run it)

# --- build: a wheel, and a virtual environment that holds it -------------------------------------
FROM python:3.13-slim-trixie AS build
ENV PIP_NO_CACHE_DIR=1 PIP_DISABLE_PIP_VERSION_CHECK=1
RUN python -m venv /opt/lockgate
WORKDIR /src
COPY pyproject.toml README.md LICENSE app.yml ./
COPY bot ./bot
# Every dependency comes as a wheel, so that no compiler is needed, here or later.
RUN /opt/lockgate/bin/pip install --only-binary=:all: . \
    && /opt/lockgate/bin/pip uninstall --yes pip \
    && /opt/lockgate/bin/python -m compileall -q /opt/lockgate/lib

# --- run: Python and that environment, nothing else ----------------------------------------------
FROM python:3.13-slim-trixie
LABEL org.opencontainers.image.title="Lockgate" \
      org.opencontainers.image.licenses="Apache-2.0"
COPY --from=build /opt/lockgate /opt/lockgate
# The account has a name because initdb, of the embedded PostgreSQL, asks for it.
RUN groupadd --gid 10001 lockgate \
    && useradd --uid 10001 --gid 10001 --no-create-home --home-dir /var/lib/lockgate \
       --shell /usr/sbin/nologin lockgate \
    && install --directory --owner=10001 --group=10001 --mode=700 /var/lib/lockgate
ENV PATH=/opt/lockgate/bin:$PATH \
    PYTHONUNBUFFERED=1 \
    PYTHONDONTWRITEBYTECODE=1 \
    HOST=0.0.0.0 \
    PORT=8000 \
    LOCKGATE_HOME=/var/lib/lockgate
# By number: Kubernetes' runAsNonRoot cannot tell what a name stands for.
USER 10001:10001
WORKDIR /var/lib/lockgate
# Credentials, and the embedded database where DATABASE_URL is unset. The rest of the file system
# may be read-only.
VOLUME /var/lib/lockgate
EXPOSE 8000
STOPSIGNAL SIGTERM
# For `serve`; a container that runs `worker` listens on nothing and switches it off.
HEALTHCHECK --interval=15s --timeout=3s --start-period=20s --retries=3 \
    CMD ["python", "-c", "import os, urllib.request; urllib.request.urlopen(f\"http://127.0.0.1:{os.environ['PORT']}/healthz\", timeout=2)"]
CMD ["lockgate", "serve"]
