"""What is listed as open is what the check allows, over random worlds (semantics §11)."""

from random import Random

from hypothesis import given
from hypothesis import strategies as st
from tests.reference import worlds
from tests.reference.worlds import NOW, facts

from stairgate.engine.decide import decide
from stairgate.engine.listing import Viewpoint, permissions_on
from stairgate.model.actions import parse_action
from stairgate.model.decisions import Allow, Question
from stairgate.model.resources import parse_resource


def seen(seed: int) -> Viewpoint:
    random = Random(seed)
    world = worlds.world(random)
    about = worlds.question(random)
    elevations = [
        each for each in worlds.elevations(random, about) if each.token == about.token and each.user == about.user
    ]
    return Viewpoint(about.user, facts(world, about.user), NOW, about.token, elevations, None, about.context)


def allows(view: Viewpoint, resource: str, action: str) -> bool:
    question = Question(view.user, parse_resource(resource), parse_action(action), view.token, view.context)
    return isinstance(decide(question, view.facts, view.elevations, view.now), Allow)


views = st.integers(0, 2**64).map(seen)


@given(views, st.sampled_from(worlds.RESOURCES), st.booleans())
def test_no_permission_that_is_shown_as_open_is_refused(view: Viewpoint, resource: str, protected: bool) -> None:
    for each in permissions_on(parse_resource(resource), view, include_protected=protected):
        if each.allow:
            assert allows(view, resource, str(each.action)) is (each.step_up is None)


@given(views, st.sampled_from(worlds.RESOURCES))
def test_every_known_action_that_the_check_allows_is_shown_or_covered(view: Viewpoint, resource: str) -> None:
    shown = [each.action for each in permissions_on(parse_resource(resource), view) if each.allow]
    for action in view.facts.roles.actions.values():
        if allows(view, resource, str(action)):
            assert any(broad.covers(action) for broad in shown)


@given(views, st.sampled_from(worlds.RESOURCES))
def test_what_is_carried_as_protected_is_no_less_than_what_is_open(view: Viewpoint, resource: str) -> None:
    node = parse_resource(resource)
    carried = [each for each in permissions_on(node, view, include_protected=True) if each.step_up is None]
    assert carried == list(permissions_on(node, view))
