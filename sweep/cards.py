"""Cards: what a report says of recommendations, from the sweep's own confirm replicates; fresh streams are for ``highwater recommend``."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Final

from sweep.card import card
from sweep.recommend import POLICY, recommend
from sweep.rule import tiers_of

if TYPE_CHECKING:
    from sweep.results import Results

MOST: Final = 24  # machines; the first ones

Card = tuple[str, str]  # what it is for, and its text


def cards(results: Results, tick: Callable[[str], None] = lambda _: None) -> tuple[list[Card], str]:
    """A card for each machine of the sweep, under the policy that kernels have today, else under each policy of the sweep.

    Returns:
        The cards, and a sentence about what is left out (empty: nothing is).
    """
    known = [str(name) for name in results.config["policies"]]
    places = [(policy, tier, cells) for policy in ([POLICY] if POLICY in known else known) for tier, cells in tiers_of(results, policy, None).items()]
    found = []
    for policy, tier, cells in places[:MOST]:
        tick(f"recommendation, {tier}")
        found.append((f"{policy}, {tier}", card(results, recommend(results, policy, cells))))
    left = len(places) - len(found)
    return found, f"Machines without a card here: {left}. Any of them: highwater recommend {results.name} --cell LABEL." if left else ""
