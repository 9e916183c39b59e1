"""The design system keeps its own rules: one sheet, logical properties, known classes, files as declared."""

import gzip
import hashlib
import re
from types import SimpleNamespace

import pytest
from django.conf import settings
from django.template import engines
from django.test import RequestFactory
from django.utils import translation

from alliance.core import stylesheet

ROOT = settings.BASE_DIR
CSS = ROOT / "static" / "css"
VENDOR = ROOT / "static" / "vendor"
SOURCES = [*stylesheet.SOURCES, stylesheet.MAP_SOURCE]
#: Sheets of their own, of pages that need more.
SHEETS = sorted(path.name for path in CSS.glob("*.css") if path.name not in ("portal.css", "map.css"))
TEMPLATES = sorted((ROOT / "templates").rglob("*.html"))

#: Sides and sizes that do not follow the direction of the script. Media queries know no logical ones.
PHYSICAL = re.compile(
    r"(?<![-\w])(?:(?:margin|padding|border|inset|scroll-margin|scroll-padding)-(?:left|right|top|bottom)[\w-]*"
    r"|left|right|top|bottom|(?:min-|max-)?(?:width|height))\s*:"
    r"|(?:text-align|float|clear)\s*:\s*(?:left|right)"
)


def rules(name):
    text = re.sub(r"/\*.*?\*/", "", (CSS / name).read_text(encoding="utf-8"), flags=re.DOTALL)
    return re.sub(r"@media[^{]*", "@media ", text)


def css_classes():
    return set(re.findall(r"\.(-?[a-zA-Z_][\w-]*)", "".join(rules(name) for name in SHEETS)))


def test_the_sheets_that_pages_link_are_made_of_their_sources():
    for path, text in stylesheet.sheets().items():
        assert path.read_text(encoding="utf-8") == text, "run python -m alliance.core.stylesheet"


def test_the_sheet_of_every_page_stays_small():
    assert len(gzip.compress((CSS / "portal.css").read_bytes(), 9)) <= 15_000


@pytest.mark.parametrize("name", SHEETS)
def test_sides_follow_the_direction_of_the_script(name):
    assert PHYSICAL.findall(rules(name)) == []


@pytest.mark.parametrize("name", SHEETS)
def test_every_rule_stands_in_a_layer(name):
    text = rules(name)
    depth, outside = 0, ""
    for character in text:
        depth += (character == "{") - (character == "}")
        outside += character if depth == 0 and character not in "{}" else ""
    outside = re.sub(r"@layer [\w, ]+;|@layer [\w]+|@import [^;]+;", "", outside)
    assert outside.strip() == ""
    assert depth == 0


@pytest.mark.parametrize("name", SHEETS)
def test_every_token_that_is_used_is_defined(name):
    defined = set(re.findall(r"(--[\w-]+)\s*:", "".join(rules(source) for source in SOURCES)))
    assert set(re.findall(r"var\((--[\w-]+)\)", rules(name))) <= defined


@pytest.mark.parametrize("path", TEMPLATES, ids=lambda path: str(path.relative_to(ROOT / "templates")))
def test_templates_use_classes_that_exist_and_no_inline_style_or_script(path):
    text = path.read_text(encoding="utf-8")
    assert " style=" not in text
    assert not re.search(r"\son[a-z]+=", text)
    assert "<style" not in text
    assert not re.search(r"<script(?![^>]*(?:src=|application/))", text)
    assert "http://" not in text
    plain = re.sub(r"{%.*?%}|{{.*?}}", " ", text)
    used = {name for value in re.findall(r'\bclass="([^"]*)"', plain) for name in value.split()}
    used = {name for name in used if not name.endswith("-")}  # "sw-{{ name }}"
    assert used - css_classes() == set()


def test_tags_use_classes_that_exist():
    text = "".join(
        (ROOT / "alliance" / "core" / "templatetags" / f"{name}.py").read_text(encoding="utf-8")
        for name in ("charts", "maps", "numbers")
    )
    used = set()
    for value in re.findall(r'class="([^"{}]*)', text):
        used |= {name for name in value.split() if not name.endswith("-")}
    used |= {"b", "w", "x", "ci", "imputed", "stem", "beyond", "bar-before", "bar-after", "strip", "bars", "count-bar"}
    assert used - css_classes() == set()


def test_nothing_is_loaded_from_elsewhere():
    for name in SHEETS:
        assert not re.search(r"url\(\s*['\"]?(?:https?:)?//", rules(name))
    for path in TEMPLATES:
        assert not re.search(
            r'(?:src|rel="(?:stylesheet|preload|icon)"[^>]*href)="(?:https?:)?//', path.read_text("utf-8")
        )


def test_files_of_others_are_the_ones_that_were_declared():
    declared = dict(
        re.findall(
            r"^\| `([^`]+)` \|.*\| `([0-9a-f]{64})` \|$", (VENDOR / "README.md").read_text("utf-8"), re.MULTILINE
        )
    )
    found = {path.relative_to(VENDOR).as_posix() for path in VENDOR.rglob("*") if path.is_file()} - {"README.md"}
    assert found == {name for name in declared if not name.startswith("../")}
    for name, checksum in declared.items():
        assert hashlib.sha256((VENDOR / name).read_bytes()).hexdigest() == checksum, name


def test_the_font_has_its_licence():
    assert "SIL OPEN FONT LICENSE" in (ROOT / "static" / "fonts" / "OFL.txt").read_text("utf-8").upper()


# --- what the partials promise ----------------------------------------------------------------------------------------
@pytest.fixture
def plain_static(settings):
    settings.STORAGES = {
        **settings.STORAGES,
        "staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"},
    }


def render(source, context=None, path="/use-cases/?page=2"):
    request = RequestFactory().get(path)
    return engines["django"].from_string(source).render(context or {}, request)


def test_breadcrumbs_lead_home_and_end_at_the_page_itself():
    html = render('{% load site %}{% breadcrumbs "Use cases" "/use-cases/" title %}', {"title": "SFpark & more"})
    assert html.index(">Home<") < html.index('<a href="/use-cases/">Use cases</a>')
    assert '<span aria-current="page">SFpark &amp; more</span>' in html


@pytest.mark.parametrize(
    ("user", "there", "missing"),
    [
        (None, {"Create an account", "Sign in"}, {"Your account", "Administration"}),
        (SimpleNamespace(is_authenticated=True, is_staff=False), {"Your account"}, {"Sign in", "Administration"}),
        (
            SimpleNamespace(is_authenticated=True, is_staff=True, has_perm=lambda name: False),
            {"Your account", "Administration"},
            {"Sign in", "Applications"},
        ),
        (
            SimpleNamespace(is_authenticated=True, is_staff=True, has_perm=lambda name: name == "members.chair"),
            {"Administration", "Applications"},
            {"Sign in"},
        ),
    ],
)
def test_the_footer_offers_what_the_reader_can_use(user, there, missing):
    html = render('{% include "_footer.html" %}', {"user": user} if user else {})
    labels = set(re.findall(r'<a href="/[^"]*">([^<]+)</a>', html))
    assert there <= labels
    assert not missing & labels


@pytest.mark.parametrize(
    ("path", "current"),
    [
        ("/use-cases/", "page"),
        ("/use-cases/sfpark-san-francisco/", "true"),
        ("/standards/", None),
        ("/ar/use-cases/", "page"),
    ],
)
def test_the_menu_marks_where_the_reader_is(path, current):
    with translation.override("ar" if path.startswith("/ar/") else "en"):
        html = render('{% include "_header.html" %}', path=path)
    found = re.search(r'<a href="(?:/ar)?/use-cases/"(?: aria-current="(\w+)")?>', html)
    assert found
    assert found[1] == current


def test_breadcrumbs_without_the_page_are_refused():
    with pytest.raises(ValueError, match="pairs"):
        render('{% load site %}{% breadcrumbs "Use cases" "/use-cases/" %}')


def test_page_links_keep_the_filters_and_swap_only_with_a_target():
    from django.core.paginator import Paginator

    page = Paginator(range(400), 25).get_page(2)
    path = "/use-cases/?vertical=water&page=2"
    plain = render('{% include "_pagination.html" %}', {"page_obj": page}, path)
    assert 'href="?vertical=water&amp;page=3"' in plain
    assert "hx-" not in plain
    live = render('{% include "_pagination.html" with target="#found" %}', {"page_obj": page}, path)
    assert 'hx-get="?vertical=water&amp;page=3" hx-target="#found"' in live
    assert 'aria-current="page"' in plain


def test_a_form_lists_its_errors_first_and_each_leads_to_its_field():
    from alliance.core.styleguide import context

    form = context()["form"]
    html = render("{{ form }}", {"form": form})
    assert html.index("2 things to mend") < html.index('name="sample-city"')
    anchors = re.findall(r'<a href="#([^"]+)"', html)
    assert anchors == ["id_sample-year", "id_sample-design_0"]
    for anchor in anchors:
        assert f'id="{anchor}"' in html
    assert 'id="id_sample-year_error"' in html
    assert 'aria-describedby="id_sample-year_error"' in html
    assert "(optional)" in html


def test_the_style_guide_shows_every_drawing(plain_static):
    from alliance.core.styleguide import context

    html = render('{% include "styleguide.html" %}', {"sample": context}, "/styleguide/")
    for css in ('class="strip"', 'class="bars"', "count-bar", "chart-table", "axis-row", "locator", "beyond", "column"):
        assert css in html
    assert 'lang="ar" dir="rtl"' in html


@pytest.mark.parametrize("status", [500, 503])
def test_pages_of_a_broken_portal_ask_for_nothing(plain_static, status):
    html = engines["django"].get_template(f"{status}.html").render({"status": status, "request_id": "abc-1"}, None)
    assert "abc-1" in html
    assert "<h1>" in html
    assert "account" not in html


def test_a_page_in_arabic_runs_from_right_to_left(plain_static):
    with translation.override("ar"):
        html = render('{% extends "base.html" %}', path="/ar/")
    assert '<html lang="ar" dir="rtl">' in html
    assert 'hreflang="en"' in html
