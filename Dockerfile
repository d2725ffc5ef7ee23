# The API and one model bundle. `make image` builds it, after a passing gate.
FROM python:3.12-slim-bookworm

WORKDIR /app
COPY requirements-serve.txt .
RUN PYTHONDONTWRITEBYTECODE=1 pip install --no-cache-dir --no-compile --disable-pip-version-check \
    --requirement requirements-serve.txt

COPY fraud/*.py fraud/
COPY fraud/api fraud/api
# The file system is read-only when it runs: of what the API loads, the standard library included, all that is not
# compiled now is compiled again at every start. What it never loads would be 20 MB of compiled code.
RUN python -m compileall -q fraud && ORT_DISABLE_TELEMETRY=1 python -c "import onnxruntime, \
    fraud.api.app, fraud.api.arrow_encode, fraud.api.openapi, fraud.api.server, fraud.client, fraud.promote"
COPY build/model build/model

# Else pydantic looks into every package installed for a plugin at each start.
ENV FRAUD_HOST=0.0.0.0 \
    PYDANTIC_DISABLE_PLUGINS=__all__ \
    PYTHONUNBUFFERED=1
EXPOSE 8000
# A number, so that an orchestrator can tell that it is not root.
USER 10001:10001
HEALTHCHECK --interval=10s --timeout=3s --start-period=10s \
    CMD ["python", "-c", "import os; from fraud.client import Client; \
    Client('http://127.0.0.1:' + (os.environ.get('FRAUD_PORT') or '8000'), timeout=2).health()"]
CMD ["python", "-m", "fraud", "serve"]
