"""Message catalogues are compiled without the gettext tools, all or none."""

import gettext

import pytest
from django.core.management import CommandError, call_command

HEAD = (
    'msgid ""\nmsgstr "Content-Type: text/plain; charset=UTF-8\\n"\n"Plural-Forms: nplurals=2; plural=(n != 1);\\n"\n'
)


@pytest.fixture
def catalogue(tmp_path, settings):
    settings.LOCALE_PATHS = [tmp_path]

    def write(language: str, text: str):
        folder = tmp_path / language / "LC_MESSAGES"
        folder.mkdir(parents=True)
        (folder / "django.po").write_text(HEAD + text)
        return folder / "django.mo"

    return write


def test_a_catalogue_is_compiled(catalogue, capsys):
    compiled = catalogue("de", '\nmsgid "City"\nmsgstr "Stadt"\n\n#, fuzzy\nmsgid "Use"\nmsgstr "Nutze"\n')
    call_command("compile_catalogues")
    with compiled.open("rb") as file:
        words = gettext.GNUTranslations(file)
    assert words.gettext("City") == "Stadt"
    assert words.gettext("Use") == "Use", "an unsure translation is not used"
    assert "1 message catalogues compiled" in capsys.readouterr().out
    assert not list(compiled.parent.glob("*.new"))


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ('\n#, python-format\nmsgid "%(count)s cities"\nmsgstr "%(anzahl)s"\n', r"django\.po:6: .*anzahl"),
        ('\nrubbish "City"\n', "cannot be read"),
    ],
    ids=["placeholder", "syntax"],
)
def test_one_fault_stops_all(catalogue, text, fault):
    good = catalogue("de", '\nmsgid "City"\nmsgstr "Stadt"\n')
    bad = catalogue("fr", text)
    with pytest.raises(CommandError, match=fault):
        call_command("compile_catalogues")
    assert not good.exists()
    assert not bad.exists()


def test_looking_only_writes_nothing(catalogue):
    compiled = catalogue("de", '\nmsgid "City"\nmsgstr "Stadt"\n')
    call_command("compile_catalogues", "--check")
    assert not compiled.exists()


def test_the_portals_own_catalogues_have_no_fault():
    call_command("compile_catalogues", "--check")
