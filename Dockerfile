# Two virtual environments are made and only one is kept: the build tools stay behind.
FROM python:3.12-slim-bookworm AS build
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_CACHE_DIR=1 PYTHONDONTWRITEBYTECODE=1
WORKDIR /build

COPY requirements.txt requirements-dev.txt ./
RUN python -m venv /opt/catalyst \
 && /opt/catalyst/bin/pip install --require-hashes -r requirements.txt
RUN python -m venv /opt/tools \
 && /opt/tools/bin/pip install --require-hashes -r requirements-dev.txt

COPY pyproject.toml README.md LICENSE NOTICE ./
COPY schemas schemas
COPY agents agents
COPY timescale timescale
COPY streams streams
RUN /opt/tools/bin/pip wheel --no-deps --no-build-isolation --wheel-dir dist . \
 && /opt/catalyst/bin/pip install --no-deps dist/*.whl


FROM python:3.12-slim-bookworm
RUN groupadd --gid 10001 catalyst \
 && useradd --uid 10001 --gid 10001 --home-dir /var/lib/catalyst --create-home catalyst
COPY --from=build /opt/catalyst /opt/catalyst
ENV PATH=/opt/catalyst/bin:$PATH \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1 \
    DATA_DIR=/var/lib/catalyst
WORKDIR /var/lib/catalyst
USER 10001:10001
ENTRYPOINT ["catalyst"]
CMD ["--help"]
