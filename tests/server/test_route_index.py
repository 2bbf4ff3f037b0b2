"""The first route that matches, found through an index: it is the one that trying them in order finds."""

from fakes import chat
from hypothesis import given
from hypothesis import strategies as st

from aigw.config.model import DEFAULT_ROUTE, MatchConfig
from aigw.core.path import plain
from aigw.server.route_index import RouteIndex, matches

SEGMENTS = st.sampled_from(["", "a", "b", "v1", "%61", ".."])
PATHS = st.lists(SEGMENTS, min_size=1, max_size=3).map(lambda parts: "/" + "/".join(parts))
VALUES = st.sampled_from(["", "a", "ab", "b", "ba", "a.b"])
PATTERNS = st.one_of(VALUES, VALUES.map(lambda text: f"{text}*"))
HOSTS = st.one_of(PATTERNS, VALUES.map(lambda text: f"*{text}"))
MATCHES = st.builds(
    MatchConfig,
    path=st.one_of(st.just("/*"), PATHS, PATHS.map(lambda path: f"{path}*")),
    hosts=st.lists(HOSTS, max_size=2),
    methods=st.lists(st.sampled_from(["GET", "POST"]), max_size=1),
    headers=st.dictionaries(st.sampled_from(["x-team", "X-Team", "x-model"]), PATTERNS, max_size=2),
)


@given(
    st.lists(MATCHES, max_size=8),
    PATHS,
    st.one_of(st.just(""), PATHS),
    VALUES,
    st.dictionaries(st.sampled_from(["x-team", "x-model"]), VALUES),
)
def test_it_is_the_first_one_in_their_order(conditions, path, without_version, host, headers):
    request = chat({}, path=path, headers=headers)
    request.given = without_version
    fitting = [at for at, match in enumerate(conditions) if matches(match, request, plain(path), host)]
    assert RouteIndex(conditions).first(request, host) == (fitting[0] if fitting else None)


def test_the_default_route_takes_what_is_no_path():
    request = chat({}, path="*")
    assert RouteIndex([DEFAULT_ROUTE.match]).first(request, "") == 0
    assert RouteIndex([]).first(request, "") is None


def test_of_many_routes_only_those_are_looked_at_whose_condition_fits():
    tried = []

    class Watched(MatchConfig, frozen=True, kw_only=True):
        def __getattribute__(self, name):
            if name == "methods":
                tried.append(self)
            return super().__getattribute__(name)

    by_path = [Watched(path=f"/r{number}/*", hosts=["all.example"]) for number in range(100)]
    by_header = [Watched(headers={"x-team": f"t{number}"}) for number in range(100)]
    index = RouteIndex([*by_path, *by_header])
    assert index.first(chat({}, path="/r70/x"), "all.example") == 70
    assert index.first(chat({}, path="/x", headers={"x-team": "t30"}), "all.example") == 130
    assert tried == [by_path[70], by_header[30]]
