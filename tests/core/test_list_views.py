"""What every list page does alike: bad parameters, pages, page size, more values of a facet, fragments for htmx."""

import pytest

pytestmark = pytest.mark.usefixtures("reference_data")

LISTS = ["/use-cases/", "/standards/", "/kpis/", "/results/", "/cities/", "/organisations/"]


@pytest.mark.parametrize(
    ("path", "size"),
    [
        *((path, size) for path in LISTS for size in ("0", "1000000000")),
        *(("/standards/", size) for size in ("-1", "10**9", "abc", "201", "1.5", "٣")),
    ],
)
def test_a_page_size_out_of_range_is_refused_and_the_list_stands(client, path, size):
    response = client.get(path, {"page_size": size})
    assert response.status_code == 400
    html = response.content.decode()
    assert "A page holds 1 to 200 rows." in html
    assert 'href="#filter-page_size"' in html
    assert 'id="filter-page_size"' in html
    assert response.context["page_obj"].object_list


@pytest.mark.parametrize(
    ("path", "page"),
    [*((path, "abc") for path in LISTS), *(("/standards/", page) for page in ("0", "-1", "1e3", "9" * 5000))],
)
def test_a_page_that_is_no_page_number_is_refused(client, path, page):
    response = client.get(path, {"page": page})
    assert response.status_code == 400
    assert "A page is a whole number from 1." in response.content.decode()


@pytest.mark.parametrize("path", LISTS)
def test_a_page_past_the_last_is_not_found_and_shows_the_last(client, path):
    response = client.get(path, {"page": "999"})
    assert response.status_code == 404
    page = response.context["page_obj"]
    assert page.number == page.paginator.num_pages
    assert f"There are only {page.paginator.num_pages} pages." in response.content.decode()


@pytest.mark.parametrize("path", LISTS)
def test_an_unknown_order_and_an_unknown_value_are_named_together(client, path):
    plain = client.get(path).context
    facet = plain["facets"][0].name
    response = client.get(path, {"sort": "size", facet: "no-such-value"})
    assert response.status_code == 400
    html = response.content.decode()
    assert "There is no order “size”." in html
    assert "There is no “no-such-value” here." in html
    assert len(response.context["error_list"]) == 2
    assert response.context["total"] == plain["total"]


@pytest.mark.parametrize("path", [*LISTS, "/search/", "/map/"])
@pytest.mark.parametrize("asked", ["%'); -- \\", '"', "- &|!:*", "\ue000mark\ue001"])
def test_marks_of_a_query_language_are_only_words(client, path, asked):
    response = client.get(path, {"q": asked})
    assert response.status_code == 200


@pytest.mark.parametrize("path", [*LISTS, "/search/", "/map/"])
@pytest.mark.parametrize(("length", "sentence"), [(301, "at most 300 characters"), (10_000, "The address is longer")])
def test_too_long_a_query_is_refused_with_a_sentence(client, path, length, sentence):
    response = client.get(path, {"q": "x" * length})
    assert response.status_code == 400
    assert sentence in response.content.decode()


@pytest.mark.parametrize("path", ["/standards/", "/search/", "/map/"])
@pytest.mark.parametrize("raw", ["q=%ED%A0%80", "q=%FF%FE", "q=%00"])
def test_bytes_that_are_no_text_are_refused(client, path, raw):
    assert client.get(f"{path}?{raw}").status_code == 400


@pytest.mark.parametrize("path", [*LISTS, "/search/", "/map/"])
def test_what_was_asked_comes_back_as_text(client, path):
    html = client.get(path, {"q": '"><script>alert(1)</script>'}).content.decode()
    assert "<script>alert" not in html
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in html


def test_errors_keep_the_valid_filters_in_force(client):
    response = client.get("/standards/?layer=legal&kind=nonsense")
    assert response.status_code == 400
    assert response.context["total"] == 3
    assert response.context["export_query"] == "layer=legal"


def test_unknown_parameters_are_ignored_by_pages(client):
    response = client.get("/standards/?utm_source=mail")
    assert response.status_code == 200
    assert response.context["export_query"] == ""


def test_page_size_and_pages_walk_through_every_row_once(client):
    seen = []
    for number in range(1, 6):
        page = client.get("/standards/", {"page_size": 50, "page": number}).context["page_obj"]
        seen += [standard.pk for standard in page]
    assert len(seen) == len(set(seen)) == 215


def test_more_values_of_a_facet_on_request(client):
    def fields(query: str):
        facets = client.get(f"/standards/?{query}").context["facets"]
        return next(facet for facet in facets if facet.name == "vertical")

    few, all_of_them = fields(""), fields("more=vertical")
    assert (len(few.options), few.hidden) == (8, 8)
    assert (len(all_of_them.options), all_of_them.hidden) == (16, 0)
    assert all_of_them.is_open
    assert all_of_them.is_expanded
    # A chosen value is never hidden.
    rare = all_of_them.options[-1].value
    assert rare in [option.value for option in fields(f"vertical={rare}&kind=framework").options]


def test_htmx_gets_the_changing_part_and_a_clean_address(client):
    headers = {"HX-Request": "true", "HX-Target": "list"}
    response = client.get("/standards/?q=&layer=legal&sort=", headers=headers)
    html = response.content.decode()
    assert html.startswith('\n<div id="list">') or html.lstrip().startswith('<div id="list">')
    assert "<html" not in html
    assert response["HX-Push-Url"] == "/standards/?layer=legal"
    assert "HX-Request" in response["Vary"]


@pytest.mark.parametrize("extra", [{"HX-Boosted": "true"}, {"HX-History-Restore-Request": "true"}])
def test_htmx_gets_the_whole_page_when_it_shows_it_whole(client, extra):
    response = client.get("/standards/", headers={"HX-Request": "true", **extra})
    assert "<html" in response.content.decode()


def test_the_order_that_holds_by_itself_gives_way_to_the_best_match(client):
    options = client.get("/standards/").context["sort_options"]
    assert [(name, chosen) for name, _label, chosen in options] == [("", True), ("title", False), ("uses", False)]
    options = client.get("/standards/?q=data&sort=").context["sort_options"]
    assert [name for name, _label, chosen in options if chosen] == [""]
    assert client.get("/standards/?q=data").context["filter"].sort_name == "relevance"
    assert client.get("/standards/?q=data&sort=title").context["filter"].sort_name == "title"


def test_a_list_names_its_address_without_what_changes_no_row(client):
    html = client.get("/standards/?layer=legal&page_size=50&more=vertical&utm=1").content.decode()
    assert '<link rel="canonical" href="http://' in html
    assert '/standards/?layer=legal">' in html.split('rel="canonical"')[1][:120]
