"""The log: lines of JSON that share an id with their response and contain nothing personal."""

import json
import logging
import re

from momentverse.logging import JsonFormatter


def test_it_works(visitor, log):
    response = visitor.get("/t/fine/")
    (line,) = log.from_logger("momentverse.request")
    assert line["message"] == "GET /t/fine/ 200"
    assert line["status"] == 200
    assert line["level"] == "INFO"
    assert line["ms"] >= 0
    assert line["request_id"] == response["X-Request-ID"]


def test_each_request_has_its_own_id(visitor):
    ids = {visitor.get("/t/fine/")["X-Request-ID"] for _ in range(5)}
    assert len(ids) == 5
    assert all(re.fullmatch("[0-9a-f]{16}", name) for name in ids)


def test_request_id_of_client_is_ignored(visitor, log):
    response = visitor.get("/t/fine/", headers={"X-Request-ID": "forged"})
    assert response["X-Request-ID"] != "forged"
    assert "forged" not in "".join(log.lines)


def test_all_lines_of_a_request_have_its_id(visitor, log):
    response = visitor.get("/t/boom/")
    assert {json.loads(text).get("request_id") for text in log.lines} == {response["X-Request-ID"]}


def test_later_lines_have_no_request_id(visitor, log):
    visitor.get("/t/fine/")
    logging.getLogger("elsewhere").warning("later")
    (line,) = log.from_logger("elsewhere")
    assert "request_id" not in line


def test_query_string_is_not_logged(visitor, log):
    visitor.get("/t/fine/?q=my-secret-illness")
    visitor.get("/t/boom/?q=my-secret-illness")
    assert "my-secret-illness" not in "".join(log.lines)


def test_exception_is_logged_once_with_traceback(visitor, log):
    visitor.get("/t/boom/")
    (line,) = [line for line in map(json.loads, log.lines) if "exception" in line]
    assert line["level"] == "ERROR"
    assert "RuntimeError: the secret is 12345" in line["exception"]
    assert log.from_logger("momentverse.request")[0]["level"] == "ERROR"


def test_record_is_one_line(visitor, log):
    visitor.get("/t/fine%0A%7B%22level%22%3A%22forged%22%7D/")
    assert all("\n" not in text for text in log.lines)
    assert log.from_logger("momentverse.request")[0]["level"] == "INFO"


def test_lone_surrogate_can_be_formatted():
    # Formatted and not logged, because the test process could not report such a text.
    record = logging.makeLogRecord({"msg": "GET %s", "args": ("/\udce4\ud800",)})
    text = JsonFormatter().format(record)
    assert text.encode("ascii")
    assert json.loads(text)["message"] == "GET /\udce4\ud800"


def test_extra_becomes_keys():
    record = logging.makeLogRecord({"msg": "paid %s", "args": ("twice",), "order": 7})
    line = json.loads(JsonFormatter().format(record))
    assert line["message"] == "paid twice"
    assert line["order"] == 7


def test_value_without_json_type_becomes_text():
    record = logging.makeLogRecord({"msg": "odd", "thing": {1, 2}})
    assert "1" in json.loads(JsonFormatter().format(record))["thing"]


def test_health_checks_are_not_logged(visitor, log):
    visitor.get("/health/live/")
    assert log.from_logger("momentverse.request") == []


def test_foreign_host_is_logged_as_request_only(visitor, log):
    response = visitor.get("/t/fine/", headers={"Host": "evil.example"})
    assert response.status_code == 400
    assert [line["logger"] for line in map(json.loads, log.lines)] == ["momentverse.request"]
