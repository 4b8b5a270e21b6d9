"""What is inlined into each page, and the policy that allows it by its hash; the contrast of the colours."""

from __future__ import annotations

import base64
import hashlib
import re

import pytest

from momentverse.staticfiles.inline import (
    INLINE_LOADER,
    INLINE_RULES,
    INLINE_STYLES,
    LOADER,
    STYLES,
)

MIN_CONTRAST = 4.5  # WCAG 2.2, 1.4.3
BACKGROUNDS = ("zenith", "sky", "surface", "glow")
WORDS = ("ink", "muted", "link", "star", "error")


def list_inline(page):
    """Return the inline styles and scripts of a page, each with the directive that must allow it."""
    styles = re.findall(r"<style>(.*?)</style>", page, re.DOTALL)
    scripts = re.findall(r"<script(?![^>]* src=)[^>]*>(.*?)</script>", page, re.DOTALL)
    return [("style-src", text) for text in styles] + [("script-src", text) for text in scripts]


@pytest.mark.parametrize("url", ["/", "/nowhere/", "/claim/"])
def test_it_works(client, db, url):
    response = client.get(url)
    directives = dict(
        part.strip().split(" ", 1) for part in response["Content-Security-Policy"].split(";")
    )
    elements = list_inline(response.text)
    assert len(elements) == 3
    for directive, text in elements:
        digest = hashlib.sha256(text.encode()).digest()
        assert f"'sha256-{base64.b64encode(digest).decode()}'" in directives[directive]
    assert "site.css" not in response.text


def test_pages_with_passwords_have_no_script(client, db):
    page = client.get("/accounts/login/").text
    assert [directive for directive, _ in list_inline(page)] == ["style-src"]
    assert "<script" not in page


def test_styles_are_a_file_in_development(client, db, settings):
    settings.DEBUG = True
    page = client.get("/").text
    assert '<link rel="stylesheet" href="/static/css/site.css">' in page
    assert "<style>" not in page


def test_styles_are_minified_and_keep_every_rule():
    bare = re.sub(r"/\*.*?\*/", "", STYLES.read_text(), flags=re.DOTALL)
    assert INLINE_STYLES.count("{") == INLINE_STYLES.count("}") == bare.count("{")
    assert INLINE_STYLES.count(":") == bare.count(":")
    assert not re.search(r"/\*|\n|  |: |; |;}", INLINE_STYLES)


@pytest.mark.parametrize("text", [INLINE_STYLES, INLINE_RULES, INLINE_LOADER])
def test_inline_text_cannot_end_its_element(text):
    assert text
    assert "</" not in text
    assert "<!--" not in text


def test_loader_is_minified():
    assert "//" not in INLINE_LOADER
    assert len(INLINE_LOADER) < len(LOADER.read_text()) / 1.5


def luminance(colour):
    parts = [int(colour[place : place + 2], 16) / 255 for place in (1, 3, 5)]
    linear = [
        part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts
    ]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(one, other):
    darker, lighter = sorted((luminance(one), luminance(other)))
    return (lighter + 0.05) / (darker + 0.05)


def themes():
    """Return the colour tokens of the light and the dark theme."""
    pairs = re.findall(r"--([\w-]+): light-dark\((#\w{6}), (#\w{6})\)", STYLES.read_text())
    return (
        {name: light for name, light, _ in pairs},
        {name: dark for name, _, dark in pairs},
    )


@pytest.mark.parametrize("theme", themes(), ids=["light", "dark"])
def test_text_has_contrast_on_every_background(theme):
    """Accessibility tools cannot check text on gradients; this checks both ends of each gradient."""
    low = {
        (word, ground): round(contrast(theme[word], theme[ground]), 2)
        for word in WORDS
        for ground in BACKGROUNDS
        if contrast(theme[word], theme[ground]) < MIN_CONTRAST
    }
    assert low == {}
    assert contrast(theme["on-action"], theme["action"]) >= MIN_CONTRAST


@pytest.mark.parametrize("theme", themes(), ids=["light", "dark"])
def test_controls_and_focus_have_contrast(theme):
    """WCAG 2.2, 1.4.11: 3 to 1."""
    for ground in BACKGROUNDS:
        assert contrast(theme["star"], theme[ground]) >= 3
        assert contrast(theme["muted"], theme[ground]) >= 3
    assert contrast(theme["action"], theme["sky"]) >= 3
