"""Imports never point upward, and folders stay small.

The rules are read from the syntax trees, so an import inside a function counts as well.
"""

from __future__ import annotations

import ast
import shutil
import subprocess
from collections.abc import Iterator
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

from tests.support.servers import ROOT

# Apps and their layers, lowest first. A module may import its own package and everything
# in a lower row, but nothing in a higher row and no neighbour in its own row.
LAYERS = {
    "momentverse": (
        ("timezones", "logging", "db", "redis", "server", "staticfiles", "admin"),
        ("http",),
        ("ratelimit",),
        ("page_cache",),
        ("views", "templatetags", "management"),
        ("settings", "apps", "urls", "wsgi"),
        ("gunicorn_conf",),
    ),
    "accounts": (
        ("handles", "hashers", "mail", "mfa"),
        ("models",),
        ("adapter", "admin", "forms", "privacy", "signals", "throttling"),
        ("views", "management", "templatetags"),
        ("apps", "urls"),
    ),
    "timeline": (
        ("core",),
        ("db",),
        ("models",),
        ("selectors",),
        ("services",),
        ("signals", "templatetags", "stars", "views", "admin", "management"),
        ("apps", "urls"),
    ),
}
APPS = tuple(LAYERS)

# The most entries that a folder may list, so that a reader sees it at a glance.
MAX_ENTRIES = {"timeline": 15, "momentverse": 21, "accounts": 18}
MAX_ENTRIES_BELOW = 16

# Migrations are written by Django and run in isolation.
EXEMPT = ("migrations",)

# Where an import inside a function is right: `ready()` must wait until the models are loaded,
# and the others load something that is not always installed or not always needed.
LATE_IMPORTS_ALLOWED = {
    "accounts.apps",
    "accounts.models",
    "momentverse.apps",
    "momentverse.settings",
    "momentverse.urls",
    "momentverse.wsgi",
    "timeline.apps",
}

# The only modules that may import a library.
LIBRARY_HOMES = {
    "redis": ("momentverse.redis", "momentverse.ratelimit", "momentverse.page_cache"),
    "django_redis": ("momentverse.redis",),
    "stripe": ("timeline.services.payments.providers.stripe",),
}

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


def module_name(path: Path) -> str:
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def is_within(name: str, *packages: str) -> bool:
    return any(name == package or name.startswith(f"{package}.") for package in packages)


SOURCES = {
    module_name(path): path
    for app in APPS
    for path in sorted((ROOT / app).rglob("*.py"))
    if not set(path.parts) & set(EXEMPT)
}


def is_type_checking(node: ast.AST) -> bool:
    return isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING"


def walk_imports(
    node: ast.AST, *, late: bool = False, types_only: bool = False
) -> Iterator[tuple[ast.Import | ast.ImportFrom, bool, bool]]:
    """Yield each import statement, whether it is inside a function, and whether it is for types only."""
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.Import | ast.ImportFrom):
            yield child, late, types_only
        else:
            yield from walk_imports(
                child,
                late=late or isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef),
                types_only=types_only or is_type_checking(child),
            )


def imported_names(node: ast.Import | ast.ImportFrom, path: Path) -> set[str]:
    """Return the absolute dotted names that a statement imports."""
    if isinstance(node, ast.Import):
        return {alias.name for alias in node.names}
    module = module_name(path)
    package = module if path.name == "__init__.py" else module.rpartition(".")[0]
    above = package.rsplit(".", node.level - 1)[0] if node.level else ""
    base = ".".join(filter(None, [above, node.module]))
    return {f"{base}.{alias.name}" for alias in node.names} | {base}


def imports_of(path: Path, *, types: bool = True, late: bool = True) -> set[str]:
    """Return everything that a file imports; optionally without what it imports for types or late."""
    found = set()
    for node, is_late, types_only in walk_imports(ast.parse(path.read_text(), str(path))):
        if (types or not types_only) and (late or not is_late):
            found |= imported_names(node, path)
    return found


IMPORTS = {module: imports_of(path) for module, path in SOURCES.items()}


def layer_of(name: str) -> tuple[int, int, str] | None:
    """Return the app's position, the layer's position in the app, and the part's name."""
    app, _, rest = name.partition(".")
    part = rest.partition(".")[0]
    if app not in LAYERS or not part:
        return None
    for number, layer in enumerate(LAYERS[app]):
        if part in layer:
            return APPS.index(app), number, f"{app}.{part}"
    return None


def points_upward(importer: str, imported: str) -> bool:
    here, there = layer_of(importer), layer_of(imported)
    if here is None or there is None or here[2] == there[2]:
        return False
    return there[:2] >= here[:2]


def offences(importers: list[str], *forbidden: str) -> list[str]:
    """Return ``importer → imported`` for each import of something forbidden."""
    return [
        f"{module} → {name}"
        for module in importers
        for name in sorted(IMPORTS[module])
        if is_within(name, *forbidden)
    ]


def modules(*packages: str, but: tuple[str, ...] = ()) -> list[str]:
    return [name for name in SOURCES if is_within(name, *packages) and not is_within(name, *but)]


def test_every_module_has_a_layer():
    without = [name for name in SOURCES if "." in name and layer_of(name) is None]
    assert without == []


def test_no_import_points_upward():
    upward = [
        f"{module} → {name}"
        for module, names in IMPORTS.items()
        for name in sorted(names)
        if points_upward(module, name)
    ]
    assert upward == []


@pytest.mark.parametrize(
    ("importer", "imported"),
    [
        ("timeline.core.spans", "timeline.models"),
        ("timeline.models.moment", "timeline.selectors.moments"),
        ("timeline.selectors.moments", "timeline.services.claims.holds"),
        ("timeline.services.likes", "timeline.views.home"),
        ("timeline.admin.moments", "timeline.views.home"),
        ("accounts.models", "timeline.models"),
        ("momentverse.http.errors", "accounts.models"),
        ("momentverse.redis.client", "momentverse.ratelimit.limiter"),
    ],
)
def test_an_upward_import_is_noticed(importer, imported):
    assert points_upward(importer, imported)


def test_relative_and_late_imports_are_noticed(tmp_path, monkeypatch):
    monkeypatch.setattr("tests.test_layers.ROOT", tmp_path)
    (tmp_path / "timeline").mkdir()
    path = tmp_path / "timeline" / "models.py"
    path.write_text("def f():\n    from .services import claims\n    import timeline.views\n")
    assert {"timeline.services", "timeline.services.claims", "timeline.views"} <= imports_of(path)
    assert imports_of(path, late=False) == set()


def test_there_is_no_import_cycle():
    """An import for types only is no cycle: it does not run."""
    graph = {
        module: {name for name in imports_of(path, types=False) if name in SOURCES} - {module}
        for module, path in SOURCES.items()
    }
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        pytest.fail(" → ".join(error.args[1]))


def test_imports_stand_at_the_top_of_a_module():
    """A late import could hide a cycle."""
    late = {
        module
        for module, path in SOURCES.items()
        for node, is_late, _ in walk_imports(ast.parse(path.read_text()))
        if is_late
    }
    assert late <= LATE_IMPORTS_ALLOWED


def folders() -> Iterator[Path]:
    for app in APPS:
        for folder in [ROOT / app, *(ROOT / app).rglob("*")]:
            if folder.is_dir() and not {"__pycache__", *EXEMPT} & set(folder.parts):
                yield folder


@pytest.mark.parametrize(
    "folder", list(folders()), ids=lambda folder: str(folder.relative_to(ROOT))
)
def test_a_folder_can_be_read_at_a_glance(folder):
    entries = [entry.name for entry in folder.iterdir() if entry.name != "__pycache__"]
    limit = MAX_ENTRIES.get(str(folder.relative_to(ROOT)), MAX_ENTRIES_BELOW)
    assert len(entries) <= limit, sorted(entries)


def test_the_stars_know_no_moment():
    above_core = tuple(f"timeline.{part}" for layer in LAYERS["timeline"][1:] for part in layer)
    assert offences(modules("timeline.stars"), *set(above_core) - {"timeline.stars"}) == []


def test_rules_know_no_request():
    web = ("django.http.HttpRequest", "django.http.request", "django.shortcuts", "django.views")
    below_views = [f"timeline.{part}" for layer in LAYERS["timeline"][:5] for part in layer]
    assert offences(modules(*below_views), *web) == []


def test_pages_and_api_do_not_import_each_other():
    api = "timeline.views.api"
    assert offences(modules("timeline.views", but=(api,)), api) == []
    pages = sorted(
        {".".join(name.split(".")[:3]) for name in modules("timeline.views", but=(api,))}
    )
    assert offences(modules(api), *[name for name in pages if name != "timeline.views"]) == []


def test_nothing_imports_the_tests():
    assert offences(modules(*APPS), "tests") == []


@pytest.mark.parametrize("library", LIBRARY_HOMES)
def test_a_library_is_imported_in_one_place(library):
    assert offences(modules(*APPS, but=LIBRARY_HOMES[library]), library) == []


def bare_query_counts(tree: ast.AST) -> list[int]:
    """Return the lines that count queries without asserting anything."""
    names = ("assertNumQueries", "django_assert_num_queries", "django_assert_max_num_queries")
    return [
        node.lineno
        for node in ast.walk(tree)
        if isinstance(node, ast.Expr)
        and isinstance(node.value, ast.Call)
        and ast.unparse(node.value.func).rpartition(".")[2] in names
        and len(node.value.args) < 2  # with a function to call, it asserts
    ]


def test_a_bare_query_count_is_noticed():
    assert bare_query_counts(ast.parse("self.assertNumQueries(3)\ncall()")) == [1]
    assert bare_query_counts(ast.parse("with self.assertNumQueries(3):\n    call()")) == []


def test_every_query_count_asserts():
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
