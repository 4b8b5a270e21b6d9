"""Browsers report what the policy has kept from happening; what they say is logged, within limits."""

import json

import pytest

OLD = {
    "csp-report": {
        "document-uri": "https://momentverse.example/search/?q=private#part",
        "effective-directive": "script-src-elem",
        "blocked-uri": "https://evil.example/x.js?token=1",
        "source-file": "https://momentverse.example/static/js/home.js",
        "line-number": 12,
        "script-sample": "alert(1)",
    }
}
NEW = [
    {
        "type": "csp-violation",
        "age": 10,
        "url": "https://momentverse.example/",
        "body": {
            "documentURL": "https://momentverse.example/?q=private",
            "effectiveDirective": "style-src-attr",
            "blockedURL": "inline",
            "lineNumber": 3,
        },
    },
    {"type": "deprecation", "body": {"id": "other"}},
]


def send(client, body, kind="application/csp-report", **more):
    data = body if isinstance(body, str | bytes) else json.dumps(body)
    return client.post("/csp-reports/", data, content_type=kind, **more)


def logged(log):
    return log.from_logger("momentverse.csp_reports")


def test_it_works(visitor, log):
    assert send(visitor, OLD).status_code == 204
    (line,) = logged(log)
    assert line["level"] == "WARNING"
    assert line["directive"] == "script-src-elem"
    assert line["blocked"] == "https://evil.example/x.js"
    assert line["page"] == "https://momentverse.example/search/"
    assert line["line"] == "12"


def test_both_kinds_of_browsers_are_told_where(visitor):
    response = visitor.get("/t/fine/")
    assert "report-uri /csp-reports/" in response["Content-Security-Policy"]
    assert "report-to csp" in response["Content-Security-Policy"]
    assert response["Reporting-Endpoints"] == 'csp="/csp-reports/"'


def test_the_newer_kind(visitor, log):
    assert send(visitor, NEW, "application/reports+json").status_code == 204
    (line,) = logged(log)
    assert (line["directive"], line["blocked"]) == ("style-src-attr", "inline")


def test_what_is_private_is_not_logged(visitor, log):
    send(visitor, OLD)
    send(visitor, NEW)
    assert "private" not in str(logged(log))
    assert "alert" not in str(logged(log))


@pytest.mark.parametrize(
    "body",
    [
        "", "nonsense", "[]", "{}", "null", "7", '"text"', '{"csp-report": 7}', "[7, [], null]",
        '[{"type": "csp-violation"}]', '[{"type": "csp-violation", "body": []}]', b"\xff\xfe", "[" * 9000,
    ],
)  # fmt: skip
def test_what_is_no_report_is_refused(visitor, log, body):
    assert send(visitor, body).status_code == 400
    assert logged(log) == []


def test_odd_values_do_no_harm(visitor, log):
    odd = {"document-uri": ["x"], "blocked-uri": "http://[", "effective-directive": "x" * 5000}
    assert send(visitor, {"csp-report": odd | {"line-number": None}}).status_code == 204
    (line,) = logged(log)
    assert line["blocked"] == "unreadable"
    assert len(line["directive"]) == 200
    assert "page" not in line


def test_a_line_of_the_log_cannot_be_forged(visitor, log):
    forged = 'x\n{"level": "CRITICAL", "logger": "momentverse.request"}'
    send(visitor, {"csp-report": {"effective-directive": forged}})
    assert "\n" not in log.lines[-1] or len(logged(log)) == 1
    assert all("\n" not in text for text in log.lines)


def test_a_large_report_is_refused(visitor, log):
    large = {"csp-report": {"effective-directive": "x" * 20_000}}
    assert send(visitor, large).status_code == 400
    assert logged(log) == []


def test_one_request_reports_a_few_at_most(visitor, log):
    assert send(visitor, [NEW[0]] * 30).status_code == 204
    assert len(logged(log)) == 10


def test_one_network_reports_a_few_a_minute(visitor, log, settings):
    settings.LIMITS_REDIS_URL = ""
    answers = [send(visitor, OLD, REMOTE_ADDR="203.0.113.5") for _ in range(21)]
    assert [answer.status_code for answer in answers] == [204] * 20 + [429]
    assert int(answers[-1]["Retry-After"]) > 0
    assert len(logged(log)) == 20
    assert send(visitor, OLD, REMOTE_ADDR="203.0.113.6").status_code == 204


def test_only_post(visitor):
    assert visitor.get("/csp-reports/").status_code == 405


def test_it_needs_no_token_and_sets_no_cookie(visitor):
    response = send(visitor, OLD)
    assert not response.cookies
    assert "no-store" in response["Cache-Control"]
