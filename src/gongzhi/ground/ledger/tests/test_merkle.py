"""RFC 6962 section 2.1, against the published test vectors and its own recursive definition."""

from __future__ import annotations

from hashlib import sha256

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gongzhi.ground.ledger import merkle

# The inputs and roots with which implementations of certificate transparency test each other.
INPUTS = [
    bytes.fromhex(text)
    for text in (
        "",
        "00",
        "10",
        "2021",
        "3031",
        "40414243",
        "5051525354555657",
        "606162636465666768696a6b6c6d6e6f",
    )
]
ROOTS = [
    "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
    "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
    "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
    "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
    "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
    "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
    "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
    "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
]


@pytest.mark.parametrize("size", range(9))
def test_the_published_roots(size):
    leaves = [merkle.leaf_hash(content) for content in INPUTS[:size]]
    assert merkle.root(leaves).hex() == ROOTS[size]


@pytest.mark.parametrize(
    ("position", "size", "path"),
    [
        (0, 1, []),
        (
            0,
            8,
            [
                "96a296d224f285c67bee93c30f8a309157f0daa35dc5b87e410b78630a09cfc7",
                "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
                "6b47aaf29ee3c2af9af889bc1fb9254dabd31177f16232dd6aab035ca39bf6e4",
            ],
        ),
        (
            5,
            8,
            [
                "bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b",
                "ca854ea128ed050b41b35ffc1b87b8eb2bde461e9e3b5596ece6b9d5975a0ae0",
                "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
            ],
        ),
        (2, 3, ["fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125"]),
    ],
)
def test_the_published_paths(position, size, path):
    leaves = [merkle.leaf_hash(content) for content in INPUTS[:size]]
    assert [step.hex() for step in merkle.audit_path(position, leaves)] == path


def recursive(contents):
    """The words of the RFC: split at the largest power of two smaller than n."""
    if len(contents) < 2:
        return sha256(b"\x00" + contents[0]).digest() if contents else sha256(b"").digest()
    split = 1
    while split * 2 < len(contents):
        split *= 2
    return sha256(b"\x01" + recursive(contents[:split]) + recursive(contents[split:])).digest()


@given(st.lists(st.binary(max_size=8), max_size=130))
def test_root_is_the_recursive_definition(contents):
    assert merkle.root([merkle.leaf_hash(content) for content in contents]) == recursive(contents)


@given(st.integers(1, 300), st.data())
def test_every_leaf_is_proved_and_nothing_else(size, data):
    leaves = [merkle.leaf_hash(number.to_bytes(4, "big")) for number in range(size)]
    root = merkle.root(leaves)
    position = data.draw(st.integers(0, size - 1))
    path = merkle.audit_path(position, leaves)
    assert merkle.root_from_path(leaves[position], position, size, path) == root

    other = data.draw(st.integers(0, size - 1))
    if other != position:
        assert merkle.root_from_path(leaves[other], position, size, path) != root
        assert merkle.root_from_path(leaves[position], other, size, path) != root
    assert merkle.root_from_path(leaves[position], position, size, [*path, root]) is None
    if path:
        assert merkle.root_from_path(leaves[position], position, size, path[:-1]) is None
        broken = data.draw(st.integers(0, len(path) - 1))
        changed = [bytes(32) if place == broken else step for place, step in enumerate(path)]
        assert merkle.root_from_path(leaves[position], position, size, changed) != root


@pytest.mark.parametrize("size", range(1, 66))
def test_all_positions_of_all_small_sizes(size):
    leaves = [merkle.leaf_hash(bytes([number])) for number in range(size)]
    root = merkle.root(leaves)
    for position in range(size):
        path = merkle.audit_path(position, leaves)
        assert merkle.root_from_path(leaves[position], position, size, path) == root


@pytest.mark.parametrize(("position", "size"), [(-1, 3), (3, 3), (0, 0)])
def test_no_path_for_what_is_not_there(position, size):
    with pytest.raises(ValueError, match="no leaf"):
        merkle.audit_path(position, [bytes(32)] * size)
    assert merkle.root_from_path(bytes(32), position, size, []) is None
