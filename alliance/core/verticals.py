"""The sixteen verticals: the fields of city life by which standards, indicators and use cases are sorted."""

from django.db import models
from django.utils.translation import gettext_lazy as _


class VerticalCode(models.TextChoices):
    """Stable codes; `data/README.md` lists them."""

    MOBILITY = "mobility", _("Mobility")
    ENERGY = "energy", _("Energy")
    WATER = "water", _("Water")
    WASTE = "waste", _("Waste")
    HEALTH = "health", _("Health")
    SAFETY = "safety", _("Safety")
    ENVIRONMENT = "environment", _("Environment")
    BUILDINGS = "buildings", _("Buildings")
    LIGHTING = "lighting", _("Lighting")
    GOVERNANCE = "governance", _("Governance")
    EDUCATION = "education", _("Education")
    ECONOMY = "economy", _("Economy")
    CONNECTIVITY = "connectivity", _("Connectivity")
    AGRICULTURE_FOOD = "agriculture-food", _("Agriculture and food")
    SOCIAL_INCLUSION = "social-inclusion", _("Social inclusion")
    RESILIENCE = "resilience", _("Resilience")
