"""The minified styles that are inlined in each page have the same rules as their source."""

from __future__ import annotations

import re

from momentverse.staticfiles.inline import INLINE_STYLES, STYLES

LIST_RULES = """
css => {
  const sheet = new CSSStyleSheet();
  sheet.replaceSync(css);
  return [...sheet.cssRules].map(rule => rule.cssText);
}
"""


def list_rules(browser, styles):
    """Return the rules as Chromium parses them, without optional spaces.

    Chromium itself keeps the spaces in values of custom properties.
    """
    page = browser.new_page()
    rules = page.evaluate(LIST_RULES, styles)
    page.close()
    return [re.sub(r"\s*([,/():])\s*", r"\1", rule) for rule in rules]


def test_minified_styles_have_the_same_rules(browser):
    source = list_rules(browser, STYLES.read_text())
    assert len(source) > 200
    assert list_rules(browser, INLINE_STYLES) == source
