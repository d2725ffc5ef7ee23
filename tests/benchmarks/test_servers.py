"""The servers that are measured are started by their defaults, whatever the caller has set."""

import json
from contextlib import closing
from http.client import HTTPConnection
from urllib.parse import urlsplit

import pytest

from benchmarks import servers
from fraud import schema


@pytest.mark.parametrize("server", [servers.granian, servers.gunicorn])
def test_no_setting_of_the_callers_reaches_it(server, bundle_folder, tmp_path, monkeypatch, blog_transaction):
    keys = tmp_path / "keys"
    keys.touch()
    monkeypatch.setenv("FRAUD_API_KEYS_FILE", str(keys))
    monkeypatch.setenv("FRAUD_ACCESS_LOG", "false")
    monkeypatch.setenv("FRAUD_BUNDLE", str(tmp_path / "another"))
    log = tmp_path / "server.log"
    with server(bundle_folder.parent, log) as url, closing(HTTPConnection(urlsplit(url).netloc)) as connection:
        for status, transaction in ((200, blog_transaction), (422, {schema.FEATURES[0]: 0})):
            connection.request("POST", "/predict", json.dumps(transaction), {"Content-Type": "application/json"})
            response = connection.getresponse()
            assert response.status == status, response.read()
            response.read()
    assert log.read_text().count('"route":"/predict"') == 2
