"""The pages of an own claim: details, review, extension, giving back."""

from __future__ import annotations

import pytest
from django.urls import reverse

from tests.support.claims import let_time_pass, span_of
from timeline.models import Moment, Order, OrderStatus, Status, Visibility
from timeline.selectors import availability
from timeline.services.claims import holds

pytestmark = pytest.mark.django_db

DETAILS = {
    "title": "One small step",
    "story": "First.\n\nhttps://example.org/ <b>bold</b>",
    "place": "Moon",
    "tags": "moon, Apollo 11",
    "visibility": "public",
}
STEPS = ["claim", "claim-review", "claim-extend", "claim-give-back", "claim-pay", "claim-done"]


@pytest.fixture
def held(claimant):
    return holds.hold(claimant, span_of("1969-07-20T20:17:40Z"))


@pytest.fixture
def claimant_client(client, claimant):
    client.force_login(claimant)
    return client


def url(name, moment):
    return reverse(f"timeline:{name}", args=[moment.pk])


def test_it_works(claimant_client, held):
    page = claimant_client.get(url("claim", held))
    assert page.status_code == 200
    assert f"{held.held_until:%H:%M} UTC" in page.text
    response = claimant_client.post(url("claim", held), DETAILS)
    assert response.status_code == 303
    assert response["Location"] == url("claim-review", held)
    held.refresh_from_db()
    assert (held.title, held.place) == ("One small step", "Moon")
    assert [tag.name for tag in held.tags.all()] == ["apollo-11", "moon"]


def test_review_shows_all_details_and_the_price(claimant_client, held):
    claimant_client.post(url("claim", held), DETAILS)
    page = claimant_client.get(url("claim-review", held)).text
    assert "One small step" in page
    assert "&lt;b&gt;bold&lt;/b&gt;" in page
    assert 'rel="ugc nofollow"' in page or 'rel="nofollow ugc"' in page
    assert "5.00 EUR" in page
    assert "Everybody" in page


def test_form_says_what_stays_public(claimant_client, held):
    assert "that this span is taken is public" in claimant_client.get(url("claim", held)).text


def test_private_moment_may_cost_more(claimant_client, claimant, settings):
    settings.PRICE_NOT_PUBLIC = 100
    held = holds.hold(claimant, span_of("1969-07-20"))
    assert "(+ 1.00 EUR)" in claimant_client.get(url("claim", held)).text
    claimant_client.post(url("claim", held), DETAILS | {"visibility": "private"})
    page = claimant_client.get(url("claim-review", held)).text
    assert "Not on the public timeline" in page
    assert "6.00 EUR" in page


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"title": ""}, "Give it a title"),
        ({"title": "\u200b\u200d"}, "title"),  # Edge case 19: only invisible characters
        ({"title": "x" * 121}, "at most 120 characters"),
        ({"story": "x" * 5001}, "5000"),
        ({"tags": "!!"}, "cannot be a tag"),
        ({"tags": ",".join(f"tag{n}" for n in range(30))}, "20"),
        ({"visibility": "everyone"}, "Select a valid choice"),
        ({"visibility": ""}, "Choose who sees it"),
    ],
)
def test_invalid_details_are_shown_again_with_a_message(claimant_client, held, changed, message):
    page = claimant_client.post(url("claim", held), DETAILS | changed)
    assert page.status_code == 400
    assert message in page.text
    assert "Moon" in page.text
    held.refresh_from_db()
    assert held.title == ""


def test_review_without_a_title_redirects_to_the_details(claimant_client, held):
    assert claimant_client.get(url("claim-review", held))["Location"] == url("claim", held)


def test_extension_keeps_what_was_typed(claimant_client, held):
    let_time_pass(held, seconds=300)
    response = claimant_client.post(
        url("claim", held), DETAILS | {"title": "Typed", "extend": "yes"}
    )
    assert response["Location"] == url("claim", held)
    before = held.held_until
    held.refresh_from_db()
    assert held.held_until > before
    assert held.title == ""
    assert 'value="Typed"' in claimant_client.get(url("claim", held)).text


def test_hold_is_extended_from_the_review(claimant_client, held):
    claimant_client.post(url("claim", held), DETAILS)
    response = claimant_client.post(url("claim-extend", held))
    assert response["Location"] == url("claim-review", held)
    assert Order.objects.get().extensions == 1


def test_extensions_are_limited(claimant_client, held, settings):
    settings.HOLD_EXTENSIONS = 1
    claimant_client.post(url("claim-extend", held))
    page = claimant_client.post(url("claim-extend", held))
    assert page.status_code == 409
    assert "as often as it can be" in page.text
    assert "It cannot be held longer." in page.text


def test_give_back_frees_the_span(claimant_client, held):
    response = claimant_client.post(url("claim-give-back", held))
    assert response["Location"] == "/claim/"
    assert availability.get_availability(held.span).free
    page = claimant_client.get(url("claim", held))
    assert "You gave this span back" in page.text


def test_details_of_an_expired_hold_are_kept_for_the_next(claimant_client, held, claimant):
    """Edge case 9: no input is lost."""
    let_time_pass(held)
    page = claimant_client.post(url("claim", held), DETAILS)
    assert page.status_code == 409
    assert "The time is over" in page.text
    assert "What you wrote is kept" in page.text
    again = holds.hold(claimant, held.span)
    assert again.pk != held.pk
    assert 'value="One small step"' in claimant_client.get(url("claim", again)).text


def test_expired_claim_offers_its_span_again(claimant_client, held):
    let_time_pass(held)
    page = claimant_client.get(url("claim", held))
    assert page.status_code == 200
    assert "This span is free" in page.text


def test_free_claim_leads_to_the_moment(claimant_client, claimant, settings):
    settings.PRICE_MOMENT = settings.PRICE_FURTHER_HOUR = 0
    held = holds.hold(claimant, span_of("1969-07-20"))
    claimant_client.post(url("claim", held), DETAILS)
    assert "free of charge" in claimant_client.get(url("claim-review", held)).text
    response = claimant_client.post(url("claim-pay", held))
    assert response["Location"] == url("claim-done", held)
    assert "It is yours" in claimant_client.get(url("claim-done", held)).text
    held.refresh_from_db()
    assert held.status == Status.ACTIVE
    assert claimant_client.get(url("claim", held))["Location"] == held.get_absolute_url()
    # Fault 33, edge case 8: sent again, the form changes nothing.
    assert claimant_client.post(url("claim-pay", held))["Location"] == url("claim-done", held)
    assert Order.objects.get().status == OrderStatus.PAID


def test_payment_without_a_provider_is_503_and_keeps_the_hold(claimant_client, held, settings):
    claimant_client.post(url("claim", held), DETAILS)
    settings.PAYMENT_PROVIDER = "none"
    page = claimant_client.post(url("claim-pay", held))
    assert page.status_code == 503
    assert "nothing has been charged" in page.text
    held.refresh_from_db()
    assert held.status == Status.HELD


@pytest.mark.parametrize(
    ("moment", "order", "message"),
    [
        (Status.REVOKED, OrderStatus.REFUNDED, "This moment is off the timeline"),
        (Status.RELEASED, OrderStatus.REFUNDING, "it is paid back in full"),
        (Status.RELEASED, OrderStatus.REFUNDED, "it is paid back in full"),
    ],
)
@pytest.mark.parametrize("page", ["claim", "claim-review"])
def test_ended_claim_says_why(claimant_client, held, page, moment, order, message):
    claimant_client.post(url("claim", held), DETAILS)
    Moment.objects.filter(pk=held.pk).update(status=moment)
    Order.objects.update(status=order)
    response = claimant_client.get(url(page, held))
    assert response.status_code == 200
    assert message in response.text
    assert "This span is free" in response.text


def test_give_back_is_refused_during_payment(claimant_client, held):
    claimant_client.post(url("claim", held), DETAILS)
    Moment.objects.filter(pk=held.pk).update(status=Status.PAYING)
    response = claimant_client.post(url("claim-give-back", held))
    assert response["Location"] == url("claim-review", held)
    assert not availability.get_availability(held.span).free


def test_done_page_before_payment_redirects_to_the_review(claimant_client, held):
    claimant_client.post(url("claim", held), DETAILS)
    assert claimant_client.get(url("claim-done", held))["Location"] == url("claim-review", held)


@pytest.mark.parametrize("step", STEPS)
def test_claim_of_somebody_else_is_404(client, held, rival, step):
    """Edge case 12: the pages of somebody else show nothing and do nothing."""
    client.force_login(rival)
    send = client.get if step in ("claim", "claim-review", "claim-done") else client.post
    assert send(url(step, held)).status_code == 404
    assert Moment.objects.get().status == Status.HELD


@pytest.mark.parametrize("step", STEPS)
def test_visitor_logs_in_and_comes_back_to_the_claim(client, held, step):
    send = client.get if step in ("claim", "claim-review", "claim-done") else client.post
    response = send(url(step, held))
    assert response["Location"] == f"/accounts/login/?next={url('claim', held)}"


@pytest.mark.parametrize("step", ["claim-extend", "claim-give-back", "claim-pay", "claim-call-off"])
def test_get_changes_nothing(claimant_client, held, step):
    """Edge case 25."""
    assert claimant_client.get(url(step, held)).status_code == 405


def test_claim_is_on_no_public_page(client, claimant_client, held):
    """Edge case 15: a held moment is not public yet."""
    claimant_client.post(url("claim", held), DETAILS)
    claimant_client.logout()
    assert client.get(held.get_absolute_url()).status_code == 404
    assert "One small step" not in client.get("/timeline/1969/07/20/").text


def test_private_moment_is_edited_by_its_owner_only(
    claimant_client, client, make_moment, claimant, rival
):
    moment = make_moment("1969-07-20", user=claimant, visibility=Visibility.PRIVATE)
    assert claimant_client.get(url("moment-edit", moment)).status_code == 200
    client.force_login(rival)
    assert client.get(url("moment-edit", moment)).status_code == 404
