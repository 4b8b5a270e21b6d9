"""The icon that browsers ask for unbidden."""


def test_it_works(client):
    response = client.get("/favicon.ico")
    assert response.status_code == 302
    assert response["Location"] == "/static/img/icon.svg"
