"""The way from a use case to a question about it, and what was asked and answered."""

from django import template

from usecases.asking import page_path
from usecases.models import UseCase

register = template.Library()


@register.simple_tag
def asked_from(use_case: UseCase) -> str:
    """The path by which questions about a use case are found."""
    return page_path(use_case)
