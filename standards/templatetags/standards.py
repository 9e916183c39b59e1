"""What pages say about standards."""

from django import template
from django.utils.translation import gettext as _

from alliance.core.verticals import VerticalCode
from standards import queries
from standards.models import LAYER_QUESTIONS, Aspect, Edition, Standard

register = template.Library()

#: A standard for more fields than this is one for the city as a whole.
MOST_FIELDS = 8


@register.filter
def current_edition(standard: Standard) -> Edition | None:
    """The edition that stands for the standard; its editions must be at hand."""
    return queries.current_edition(standard)


@register.filter
def layer_question(standard: Standard) -> str:
    """What the standard's interoperability layer asks, in plain words."""
    return str(LAYER_QUESTIONS[standard.layer])


@register.filter
def field_names(standard: Standard) -> list[tuple[str, str]]:
    """Code and name of each field of city life that the standard is for."""
    return [(code, str(VerticalCode(code).label)) for code in standard.verticals]


@register.filter
def is_for_all_fields(standard: Standard) -> bool:
    """Whether listing the fields would say less than "for the whole city"."""
    return len(standard.verticals) > MOST_FIELDS


@register.filter
def aspect_names(standard: Standard) -> list[tuple[str, str]]:
    """Code and name of each non-functional concern that the standard addresses."""
    return [(code, str(Aspect(code).label)) for code in standard.aspects]


@register.filter
def field_words(standard: Standard) -> str:
    """The fields in one line."""
    return _(", ").join(name for _code, name in field_names(standard))


@register.filter
def aspect_words(standard: Standard) -> str:
    """The concerns in one line."""
    return _(", ").join(name for _code, name in aspect_names(standard))
