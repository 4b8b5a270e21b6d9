"""The admin in a real browser, under the site's content security policy."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import expect


@pytest.fixture
def admin(page, site):
    page.goto("/admin/")
    page.locator("input[name=login]").fill(site.admin_email)
    page.locator("input[name=password]").fill(site.admin_password)
    page.locator("main button[type=submit]").first.click()
    expect(page).to_have_url(re.compile("/admin/$"))
    return page


def test_it_works(admin):
    admin.get_by_role("link", name="Moments", exact=True).first.click()
    expect(admin.locator("#result_list tbody tr").first).to_be_visible()
    admin.goto("/admin/timeline/moment/?q=1969-07")
    expect(admin.locator("#result_list tbody tr")).to_have_count(48)


def test_moments_are_searched_by_period(admin):
    admin.goto("/admin/timeline/moment/?q=1969-07-20")
    expect(admin.locator("#result_list tbody tr")).to_have_count(6)


def test_overlap_is_reported_as_a_form_error(admin):
    admin.goto("/admin/timeline/moment/?q=1969-07-20")
    admin.locator("#result_list tbody tr a").first.click()
    start_fields = admin.locator("#id_starts_at_0"), admin.locator("#id_starts_at_1")
    start_fields[0].fill("1969-07-20")
    start_fields[1].fill("02:32:00")
    admin.locator("#id_ends_at_0").fill("1969-07-20")
    admin.locator("#id_ends_at_1").fill("23:00:00")
    admin.get_by_role("button", name="Save", exact=True).click()
    expect(admin.locator(".errorlist").first).to_contain_text("This span is taken")


def test_revoking_needs_confirmation_and_can_be_cancelled(admin):
    admin.goto("/admin/timeline/moment/?q=1969-07-16")
    admin.locator("#result_list .action-select").first.check()
    admin.locator("select[name=action]").select_option("revoke_moments")
    admin.get_by_role("button", name="Go").click()
    expect(admin.locator("#content")).to_contain_text("cannot be undone")
    admin.get_by_role("link", name="No, go back").click()
    expect(admin.locator("#result_list")).to_be_visible()
