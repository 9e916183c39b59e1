"""Extensions and text search configurations that every search in the portal uses.

`unaccent()` alone is not immutable, so it stands inside a configuration: its mapping is `unaccent`, then a stemmer.
`portal_simple` keeps every word as it is written, without accents: for exact words and for languages without a stemmer.
"""

from django.contrib.postgres.operations import BtreeGinExtension, TrigramExtension, UnaccentExtension
from django.db import migrations

STEMMERS = {"portal_en": "english_stem", "portal_simple": "simple"}
WORDS = "asciiword, asciihword, hword_asciipart, word, hword, hword_part"


def create(name: str, stemmer: str) -> str:
    return (
        f"CREATE TEXT SEARCH CONFIGURATION {name} (COPY = simple);"
        f"ALTER TEXT SEARCH CONFIGURATION {name} ALTER MAPPING FOR {WORDS} WITH unaccent, {stemmer};"
    )


class Migration(migrations.Migration):
    initial = True
    dependencies = []
    operations = [
        UnaccentExtension(),
        TrigramExtension(),
        BtreeGinExtension(),
        *(
            migrations.RunSQL(create(name, stemmer), f"DROP TEXT SEARCH CONFIGURATION {name};")
            for name, stemmer in STEMMERS.items()
        ),
    ]
