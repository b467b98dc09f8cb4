# Two stages: the second has neither pip's cache nor a build tool.
FROM python:3.11-slim AS build
# With notify,bayes the beat can run sweeps that learn from their trials, too.
ARG EXTRAS=notify
WORKDIR /build
COPY pyproject.toml constraints.txt README.md LICENSE ./
COPY worker ./worker
RUN python -m venv /opt/zenbeat && /opt/zenbeat/bin/pip install --no-cache-dir -c constraints.txt ".[${EXTRAS}]"

FROM python:3.11-slim
RUN useradd --system --uid 10001 --no-create-home zenbeat
COPY --from=build /opt/zenbeat /opt/zenbeat
ENV PATH=/opt/zenbeat/bin:$PATH PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1
WORKDIR /tmp
USER zenbeat
CMD ["zenbeat", "worker"]
