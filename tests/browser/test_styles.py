"""The styles that stand in each page mean the same as their source."""

from __future__ import annotations

import re

from momentverse.staticfiles.inline import INLINE_STYLES, STYLES

RULES = """
css => {
  const sheet = new CSSStyleSheet();
  sheet.replaceSync(css);
  return [...sheet.cssRules].map(rule => rule.cssText);
}
"""


def rules(browser, styles):
    """Return the rules as Chromium understands them; the values of custom properties keep their spaces."""
    page = browser.new_page()
    found = page.evaluate(RULES, styles)
    page.close()
    return [re.sub(r"\s*([,/():])\s*", r"\1", rule) for rule in found]


def test_minified_styles_have_the_same_rules(browser):
    source = rules(browser, STYLES.read_text())
    assert len(source) > 200
    assert rules(browser, INLINE_STYLES) == source
