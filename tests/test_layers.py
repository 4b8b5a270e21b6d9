"""An import never points up: read from the syntax trees, so that a late import counts as well."""

from __future__ import annotations

import ast
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.servers import ROOT

APPS = ("momentverse", "accounts", "timeline")
TOP_LEVEL = {
    ".ci",
    ".editorconfig",
    ".gitignore",
    ".pre-commit-config.yaml",
    "CHANGELOG.md",
    "CONTRIBUTING.md",
    "LICENSE",
    "Makefile",
    "Procfile",
    "README.md",
    "accounts",
    "biome.jsonc",
    "manage.py",
    "momentverse",
    "pyproject.toml",
    "requirements-dev.lock.txt",
    "requirements-dev.txt",
    "requirements.lock.txt",
    "requirements.txt",
    "static",
    "templates",
    "tests",
    "timeline",
}
# Parts of the timeline that show something; the rest are models and rules.
SURFACES = (
    "pages",
    "api",
    "feeds",
    "admin",
    "admin_reasons",
    "admin_reports",
    "urls",
    "management",
    "templatetags",
    "payments",
)
OUTERMOST = (*SURFACES, "apps", "migrations")
# The only modules that a library may be imported in.
HOMES = {
    "redis": ("momentverse.page_cache", "momentverse.limits"),
    "django_redis": ("momentverse.page_cache", "momentverse.limits"),
    "stripe": ("timeline.payments.providers.stripe",),
    "reportlab": ("timeline.certificates",),
    "fpdf": ("timeline.certificates",),
    "weasyprint": ("timeline.certificates",),
}


def module_of(path: Path) -> str:
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def imports_of(path: Path) -> set[str]:
    """Return every name that a file imports, however deep it does so, as absolute dotted names."""
    module = module_of(path)
    package = module if path.name == "__init__.py" else module.rpartition(".")[0]
    found = set()
    for node in ast.walk(ast.parse(path.read_text(), str(path))):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            above = package.rsplit(".", node.level - 1)[0] if node.level else ""
            base = ".".join(filter(None, [above, node.module]))
            found |= {f"{base}.{alias.name}" for alias in node.names} | {base}
    return found


def within(name: str, *packages: str) -> bool:
    return any(name == package or name.startswith(f"{package}.") for package in packages)


SOURCES = {module_of(path): path for app in APPS for path in sorted((ROOT / app).rglob("*.py"))}
IMPORTS = {module: imports_of(path) for module, path in SOURCES.items()}


def offences(importers: list[str], *forbidden: str) -> list[str]:
    """Return ``importer → imported`` for each import of something forbidden."""
    return [
        f"{module} → {name}"
        for module in importers
        for name in sorted(IMPORTS[module])
        if within(name, *forbidden)
    ]


def modules(*packages: str, but: tuple[str, ...] = ()) -> list[str]:
    return [name for name in SOURCES if within(name, *packages) and not within(name, *but)]


def rules() -> list[str]:
    """Return the timeline's modules beside those that show something, models included."""
    return modules("timeline", but=tuple(f"timeline.{part}" for part in OUTERMOST))


def test_it_works():
    assert "momentverse.settings" in SOURCES
    assert "momentverse.database_url.database_from_url" in IMPORTS["momentverse.settings"]
    assert offences(["momentverse.settings"], "momentverse.database_url")


def test_late_and_relative_imports_are_seen(tmp_path, monkeypatch):
    monkeypatch.setattr("tests.test_layers.ROOT", tmp_path)
    (tmp_path / "timeline").mkdir()
    path = tmp_path / "timeline" / "claims.py"
    path.write_text("def f():\n    from .payments import checkout\n    import timeline.api\n")
    found = imports_of(path)
    assert {"timeline.payments", "timeline.payments.checkout", "timeline.api"} <= found


def test_the_floor_knows_no_app():
    assert offences(modules("momentverse"), "accounts", "timeline") == []


def test_people_know_no_moments():
    assert offences(modules("accounts"), "timeline") == []


def test_nothing_imports_tests():
    assert offences(modules(*APPS), "tests") == []


def test_models_know_nothing_above_them():
    surfaces = tuple(f"timeline.{part}" for part in SURFACES if part != "payments")
    models = modules("timeline.models", "accounts.models")
    allowed = ("timeline.models", "accounts.models", "accounts.handles")
    # What a model may lean on: plain functions and values that know no model themselves.
    plain = [
        name
        for name in SOURCES
        if within(name, "timeline")
        and not within(name, *surfaces, "timeline.models")
        and not offences([name], "timeline.models")
    ]
    above = [name for name in SOURCES if not within(name, *allowed, *plain, "momentverse")]
    assert offences(models, *[name for name in above if "." in name]) == []


def test_rules_know_nothing_that_shows_them():
    above = tuple(f"timeline.{part}" for part in SURFACES)
    assert offences(rules(), *above) == []


def test_rules_know_no_request():
    web = ("django.http.HttpRequest", "django.http.request", "django.shortcuts", "django.views")
    assert offences(rules(), *web) == []


def test_pages_and_api_do_not_know_each_other():
    assert offences(modules("timeline.pages", "timeline.feeds"), "timeline.api") == []
    assert offences(modules("timeline.api"), "timeline.pages", "timeline.feeds") == []


def test_payments_are_known_by_nobody_but_what_wires_them():
    known_by = ("payments", "urls", "admin", "admin_reports", "apps", "management.commands")
    others = modules("timeline", but=tuple(f"timeline.{name}" for name in known_by))
    assert offences(others, "timeline.payments") == []


@pytest.mark.parametrize("library", HOMES)
def test_a_library_has_one_home(library):
    assert offences(modules(*APPS, but=HOMES[library]), library) == []


def bare_query_counts(tree: ast.AST) -> list[int]:
    """Return the lines where a count of queries is made and thrown away."""
    names = ("assertNumQueries", "django_assert_num_queries", "django_assert_max_num_queries")
    return [
        node.lineno
        for node in ast.walk(tree)
        if isinstance(node, ast.Expr)
        and isinstance(node.value, ast.Call)
        and ast.unparse(node.value.func).rpartition(".")[2] in names
        and len(node.value.args) < 2  # with a function to call, it asserts
    ]


def test_bare_query_counts_are_seen():
    assert bare_query_counts(ast.parse("self.assertNumQueries(3)\ncall()")) == [1]
    assert bare_query_counts(ast.parse("with self.assertNumQueries(3):\n    call()")) == []


def test_each_count_of_queries_counts():
    """``assertNumQueries(3)`` without ``with`` asserts nothing."""
    found = [
        f"{path.relative_to(ROOT)}:{line}"
        for path in (ROOT / "tests").rglob("*.py")
        for line in bare_query_counts(ast.parse(path.read_text()))
    ]
    assert found == []


def test_the_top_level_is_as_designed():
    if not shutil.which("git") or not (ROOT / ".git").exists():
        pytest.skip("no git checkout")
    listed = subprocess.run(
        ["git", "-c", f"safe.directory={ROOT}", "ls-files"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    top = {line.partition("/")[0] for line in listed.splitlines()}
    assert top <= TOP_LEVEL
