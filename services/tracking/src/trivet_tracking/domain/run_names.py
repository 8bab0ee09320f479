"""Names for runs that were given none."""

from __future__ import annotations

import hashlib

_ADJECTIVES = """
    agile amber ample azure bold brave brisk calm candid clear clever cosmic crisp curious daring deft eager early
    earnest fair fleet fond frank fresh gentle glad golden grand handy happy hardy honest humble jolly keen kind
    lively loyal lucid lucky merry mild mellow neat nimble noble open patient placid plucky polite proud quick quiet
    rapid ready robust serene sharp silent silver sleek smart smooth snug solid steady stellar sunny swift tidy
    trusty upbeat vivid warm wise witty zesty
""".split()  # noqa: SIM905 - words read better than a hundred lines of them
_NOUNS = """
    badger beaver bison bobcat crane cricket dolphin eagle egret elk falcon ferret finch fox gazelle gecko gull hare
    hawk heron ibex ibis jackal jaguar jay kestrel kiwi koala lark lemur leopard lion lizard llama loon lynx magpie
    marlin marten mole moose newt ocelot orca oriole osprey otter owl panda panther parrot pelican penguin pike
    plover puffin puma quail rabbit raven robin salmon seal shark shrike skylark sparrow stork swan swift tapir tern
    thrush tiger toucan trout turtle vole walrus weasel whale wolf wombat wren yak zebra
""".split()  # noqa: SIM905 - as above


def run_name(run_id: str) -> str:
    """A name such as `calm-otter-417`, always the same for an id."""
    digest = hashlib.sha256(run_id.encode()).digest()
    adjective = _ADJECTIVES[int.from_bytes(digest[0:4], "big") % len(_ADJECTIVES)]
    noun = _NOUNS[int.from_bytes(digest[4:8], "big") % len(_NOUNS)]
    return f"{adjective}-{noun}-{int.from_bytes(digest[8:12], 'big') % 1000}"
