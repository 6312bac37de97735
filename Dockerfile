# Two stages: uv builds the environment from the lock, the image carries only that environment.
FROM python:3.12-slim AS build
RUN pip install --no-cache-dir uv==0.13.9
ENV UV_PYTHON_DOWNLOADS=never UV_COMPILE_BYTECODE=1 UV_LINK_MODE=copy
WORKDIR /build
COPY pyproject.toml uv.lock README.md LICENSE alembic.ini ./
COPY alembic alembic
COPY bot bot
COPY cogs cogs
# With `--build-arg EXTRAS="--extra demo"` also the sandbox, whose machines run JupyterLab.
ARG EXTRAS=
RUN uv sync --locked --no-dev --no-editable --no-progress $EXTRAS

FROM python:3.12-slim
# The relay's fast lanes are OpenSSH's client; without it Bellhop works, more slowly.
RUN apt-get update && apt-get install -y --no-install-recommends openssh-client \
    && rm -rf /var/lib/apt/lists/*
RUN useradd --create-home --uid 10001 bellhop && install -d -o bellhop -m 0700 /data
COPY --from=build /build/.venv /build/.venv
ENV PATH=/build/.venv/bin:$PATH PYTHONUNBUFFERED=1 \
    BELLHOP_DATA=/data BELLHOP_RELAY_LISTEN=0.0.0.0:8642 BELLHOP_LOG=json
USER bellhop
WORKDIR /home/bellhop
VOLUME /data
EXPOSE 8642
HEALTHCHECK --interval=30s --timeout=5s --start-period=30s CMD ["python", "-c", \
    "import urllib.request as r; r.urlopen('http://127.0.0.1:8642/-/healthz', timeout=4)"]
STOPSIGNAL SIGTERM
ENTRYPOINT ["bellhop"]
CMD ["run"]
