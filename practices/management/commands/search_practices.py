"""Look for emerging practices among the published use cases that are in none."""

from django.core.management.base import BaseCommand

from practices import tasks


class Command(BaseCommand):
    help = "Look for emerging practices among the use cases that are in none; suggest them to the editors."

    def handle(self, *args, **options) -> None:
        for sentence in tasks.search().sentences():
            self.stdout.write(sentence)
