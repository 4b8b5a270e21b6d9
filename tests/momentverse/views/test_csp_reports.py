"""Reports about violations of the Content-Security-Policy are logged, within limits."""

import json

import pytest

REPORT_URI = {
    "csp-report": {
        "document-uri": "https://momentverse.example/search/?q=private#part",
        "effective-directive": "script-src-elem",
        "blocked-uri": "https://evil.example/x.js?token=1",
        "source-file": "https://momentverse.example/static/js/home.js",
        "line-number": 12,
        "script-sample": "alert(1)",
    }
}
REPORT_TO = [
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


def send(client, body, content_type="application/csp-report", **extra):
    data = body if isinstance(body, str | bytes) else json.dumps(body)
    return client.post("/csp-reports/", data, content_type=content_type, **extra)


def get_reports(log):
    return log.from_logger("momentverse.csp_reports")


def test_it_works(visitor, log):
    assert send(visitor, REPORT_URI).status_code == 204
    (line,) = get_reports(log)
    assert line["level"] == "WARNING"
    assert line["directive"] == "script-src-elem"
    assert line["blocked"] == "https://evil.example/x.js"
    assert line["page"] == "https://momentverse.example/search/"
    assert line["line"] == "12"


def test_policy_names_the_url_for_both_formats(visitor):
    response = visitor.get("/t/fine/")
    assert "report-uri /csp-reports/" in response["Content-Security-Policy"]
    assert "report-to csp" in response["Content-Security-Policy"]
    assert response["Reporting-Endpoints"] == 'csp="/csp-reports/"'


def test_newer_format(visitor, log):
    assert send(visitor, REPORT_TO, "application/reports+json").status_code == 204
    (line,) = get_reports(log)
    assert (line["directive"], line["blocked"]) == ("style-src-attr", "inline")


def test_private_data_is_not_logged(visitor, log):
    send(visitor, REPORT_URI)
    send(visitor, REPORT_TO)
    assert "private" not in str(get_reports(log))
    assert "alert" not in str(get_reports(log))


@pytest.mark.parametrize(
    "body",
    [
        "", "nonsense", "[]", "{}", "null", "7", '"text"', '{"csp-report": 7}', "[7, [], null]",
        '[{"type": "csp-violation"}]', '[{"type": "csp-violation", "body": []}]', b"\xff\xfe", "[" * 9000,
    ],
)  # fmt: skip
def test_invalid_report_is_rejected(visitor, log, body):
    assert send(visitor, body).status_code == 400
    assert get_reports(log) == []


def test_unexpected_values_are_harmless(visitor, log):
    unexpected = {
        "document-uri": ["x"],
        "blocked-uri": "http://[",
        "effective-directive": "x" * 5000,
    }
    assert send(visitor, {"csp-report": unexpected | {"line-number": None}}).status_code == 204
    (line,) = get_reports(log)
    assert line["blocked"] == "unreadable"
    assert len(line["directive"]) == 200
    assert "page" not in line


def test_log_line_cannot_be_forged(visitor, log):
    forged = 'x\n{"level": "CRITICAL", "logger": "momentverse.request"}'
    send(visitor, {"csp-report": {"effective-directive": forged}})
    assert "\n" not in log.lines[-1] or len(get_reports(log)) == 1
    assert all("\n" not in text for text in log.lines)


def test_large_report_is_rejected(visitor, log):
    large = {"csp-report": {"effective-directive": "x" * 20_000}}
    assert send(visitor, large).status_code == 400
    assert get_reports(log) == []


def test_violations_per_request_are_limited(visitor, log):
    assert send(visitor, [REPORT_TO[0]] * 30).status_code == 204
    assert len(get_reports(log)) == 10


def test_reports_per_network_are_limited(visitor, log, settings):
    settings.LIMITS_REDIS_URL = ""
    responses = [send(visitor, REPORT_URI, REMOTE_ADDR="203.0.113.5") for _ in range(21)]
    assert [response.status_code for response in responses] == [204] * 20 + [429]
    assert int(responses[-1]["Retry-After"]) > 0
    assert len(get_reports(log)) == 20
    assert send(visitor, REPORT_URI, REMOTE_ADDR="203.0.113.6").status_code == 204


def test_only_post_is_allowed(visitor):
    assert visitor.get("/csp-reports/").status_code == 405


def test_report_needs_no_csrf_token_and_sets_no_cookie(visitor):
    response = send(visitor, REPORT_URI)
    assert not response.cookies
    assert "no-store" in response["Cache-Control"]
