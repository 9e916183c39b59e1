"""The world map: places where they are on earth, labels that cover nothing."""

import csv
import itertools
from types import SimpleNamespace
from xml.etree import ElementTree

import pytest
from hypothesis import given
from hypothesis import strategies as st

from alliance.core import maps
from alliance.core.maps import HEIGHT, WIDTH, Place, as_place, as_places, crop, equal_earth, on_sheet, place_notes
from alliance.core.templatetags import maps as tags

SVG = "{http://www.w3.org/2000/svg}"


@pytest.fixture
def real_places(settings):
    with (settings.DATA_DIR / "usecases.csv").open(encoding="utf-8", newline="") as file:
        rows = {row["city"]: row for row in csv.DictReader(file)}
    labelled = ["San Francisco", "Fortaleza", "Buenos Aires", "Muhanga", "Cape Town", "Melbourne", "Oslo", "Seoul"]
    return as_places(
        {
            "name": name,
            "latitude": row["latitude"],
            "longitude": row["longitude"],
            "has_result": index % 3 > 0,
            "label": "43% less time searching" if name in labelled else "",
        }
        for index, (name, row) in enumerate(rows.items())
    )


def test_the_projection_has_the_published_measures():
    """Šavrič, Patterson, Jenny: the pole line lies at 1.3173627591574133, the equator ends at 2.7066299836960748."""
    assert equal_earth(90, 0)[1] == pytest.approx(1.3173627591574133)
    assert equal_earth(0, 11 - 180)[0] == pytest.approx(-2.7066299836960748)
    assert equal_earth(0, 11) == pytest.approx((0, 0))


@given(st.floats(-90, 90), st.floats(-180, 179.999))
def test_the_hemispheres_mirror_each_other(latitude, longitude):
    x, y = equal_earth(latitude, longitude)
    assert equal_earth(-latitude, longitude) == pytest.approx((x, -y))


def test_places_stand_where_the_land_was_drawn():
    assert on_sheet("37.77493", "-122.41942") == pytest.approx((165.9, 142.4), abs=1)
    assert on_sheet("-33.92584", "18.42322") == pytest.approx((622, 477.7), abs=1)


@pytest.mark.parametrize(("latitude", "longitude"), [(91, 0), (-90.1, 0), (0, 180.5), (float("nan"), 0)])
def test_no_place_off_the_earth(latitude, longitude):
    with pytest.raises(ValueError):
        equal_earth(latitude, longitude)


def test_a_place_is_read_from_an_object_and_asks_it_for_its_address():
    city = SimpleNamespace(name="Oslo", latitude="59.9", longitude="10.7", get_absolute_url=lambda: "/cities/oslo/")
    assert as_place(city).url == "/cities/oslo/"
    assert not as_place(city).has_result


def test_full_dots_are_drawn_over_rings():
    order = [p.has_result for p in as_places([Place("a", 1, 1, has_result=True), Place("b", 1, 1)])]
    assert order == [False, True]


def test_labels_of_the_real_cities_cover_nothing(real_places):
    notes = place_notes(real_places)
    assert len(notes) >= 7
    for note in notes:
        left, upper, right, lower = note.box
        assert left >= 0
        assert right <= WIDTH
        assert upper >= 0
        assert lower <= HEIGHT
        for place in real_places:
            assert not (left < place.x < right and upper < place.y < lower), (note.place.name, place.name)
    for a, b in itertools.combinations(notes, 2):
        assert not maps._overlap(a.box, b.box, 0)
        assert not maps._leaders_cross(a, b)


def test_a_label_on_the_coast_runs_out_to_sea():
    (note,) = place_notes([Place("San Francisco", 165.9, 142.4, label="43% less searching")])
    assert note.side == -1


def test_a_label_without_room_is_left_out():
    crowd = [Place(f"p{x}-{y}", x * 10, y * 10) for x in range(121) for y in range(58)]
    assert place_notes([*crowd, Place("here", 600, 300, label="no room")]) == []


@pytest.mark.parametrize("place", [(0, 0), (1200, 571), (165.9, 142.4)])
def test_a_crop_stays_on_the_sheet_and_shows_its_place(place):
    left, upper, width, height = crop(*place)
    assert left >= 0
    assert upper >= 0
    assert left + width <= WIDTH
    assert upper + height <= HEIGHT
    assert left <= place[0] <= left + width
    assert upper <= place[1] <= upper + height


def test_the_map_links_its_dots_and_is_hidden_beside_its_list(settings):
    settings.STORAGES = {"staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"}}
    oslo = {"name": "<Oslo>", "latitude": 59.9, "longitude": 10.7, "url": "/cities/oslo/?a=1&b=2", "has_result": True}
    root = ElementTree.fromstring(tags.world_map([oslo]))
    assert root.get("aria-hidden") == "true"
    link = root.find("a")
    assert (link.get("href"), link.get("tabindex")) == ("/cities/oslo/?a=1&b=2", "-1")
    assert link.find("title").text == "<Oslo>"
    assert link.find("circle").get("class") == "city"
    assert root.find("use").get("href").endswith("img/world.svg#land")


def test_a_named_map_is_an_image_without_links(settings):
    settings.STORAGES = {"staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"}}
    html = tags.world_map([{"name": "Oslo", "latitude": 59.9, "longitude": 10.7, "url": "/x/"}], name="One city")
    root = ElementTree.fromstring(html)
    assert (root.get("role"), root.get("aria-label")) == ("img", "One city")
    assert root.find("a") is None
    assert root.find("circle").get("class") == "city none"
    assert " style=" not in html


def test_the_locator_names_its_place(settings):
    settings.STORAGES = {"staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"}}
    root = ElementTree.fromstring(
        tags.locator({"name": "San Francisco", "latitude": 37.77493, "longitude": -122.41942})
    )
    assert root.get("aria-label") == "San Francisco on the map of the world"
    left, upper, width, height = map(float, root.get("viewBox").split())
    circle = root.find("circle")
    assert left < float(circle.get("cx")) < left + width
    assert upper < float(circle.get("cy")) < upper + height


def test_the_land_holds_the_cities(settings):
    """Each city lies in or near a cell of land, so that labels that look for water find it."""
    with (settings.DATA_DIR / "usecases.csv").open(encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file):
            x, y = on_sheet(row["latitude"], row["longitude"])
            assert maps.land_cells((x - 30, y - 30, x + 30, y + 30)) > 0, row["city"]


def test_the_drawn_land_carries_no_colour_of_its_own(settings):
    root = ElementTree.parse(settings.BASE_DIR / "static" / "img" / "world.svg").getroot()
    (path,) = root.findall(f"{SVG}path")
    assert path.get("id") == "land"
    assert set(path.keys()) == {"id", "d"}
