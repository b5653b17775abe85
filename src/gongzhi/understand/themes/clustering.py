"""Finding what texts are about together: n-grams of characters, and groups by average likeness.

Each text is its summary three times and its body, as TF-IDF of 2 to 4 characters. Two groups are joined while their
mean likeness stays at or above the threshold (average link), so that one text that resembles two groups does not chain
them. Pairs that lie too far apart in time, or in different towns, count as unlike.

The result is that of average link over all texts: whatever it joins hangs together by at least one pair above the
threshold, so the groups are looked for inside the connected parts of the likeness graph, and nothing large is held.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final

SIMILARITY: Final = 0.16
MOST_AT_ONCE: Final = 5_000
_LARGEST_PART: Final = 2_500  # a square of so many fits into memory (50 MB)
_CHUNK: Final = 512
_DULL: Final = frozenset("的了在是和就都也很吗呢吧啊把被与及")


@dataclass(frozen=True, slots=True)
class Text:
    """What is compared: a case's texts, its moment in days, and the town it lies in."""

    pk: int
    summary: str
    body: str
    day: float
    town: str


@dataclass(frozen=True, slots=True)
class Group:
    """Texts that belong together: (pk, mean likeness to the others), the closest first, and typical words."""

    members: tuple[tuple[int, float], ...]
    terms: tuple[str, ...]


def group_texts(texts: Sequence[Text], *, days: float, smallest: int, similarity: float = SIMILARITY) -> list[Group]:
    """The groups of at least ``smallest`` texts, the largest first. At most ``MOST_AT_ONCE`` texts, please."""
    if len(texts) < smallest:
        return []
    import numpy
    from scipy.sparse import coo_matrix
    from scipy.sparse.csgraph import connected_components
    from sklearn.feature_extraction.text import TfidfVectorizer

    vectorizer = TfidfVectorizer(
        analyzer="char",
        ngram_range=(2, 4),
        sublinear_tf=True,
        min_df=1,  # what only one text says makes it unlike the others
        max_df=1.0 if len(texts) < 50 else 0.5,
        dtype=numpy.float32,
    )
    try:
        vectors = vectorizer.fit_transform([_spell(text) for text in texts])
    except ValueError:  # no two texts share anything
        return []
    moments = numpy.array([text.day for text in texts])
    towns = numpy.unique([text.town for text in texts], return_inverse=True)[1]

    def apart(rows: Any, columns: Any) -> Any:
        return (numpy.abs(moments[rows] - moments[columns]) > days) | (towns[rows] != towns[columns])

    sources, targets = [], []
    for start in range(0, len(texts), _CHUNK):
        likeness = (vectors[start : start + _CHUNK] @ vectors.T).tocoo()
        kept = likeness.data >= similarity
        rows, columns = likeness.row[kept] + start, likeness.col[kept]
        near = ~apart(rows, columns) & (rows < columns)
        sources.append(rows[near])
        targets.append(columns[near])
    rows, columns = numpy.concatenate(sources), numpy.concatenate(targets)
    graph = coo_matrix((numpy.ones(len(rows), dtype=numpy.int8), (rows, columns)), shape=(len(texts), len(texts)))
    _count, part_of = connected_components(graph, directed=False)
    order = numpy.argsort(part_of, kind="stable")
    parts = numpy.split(order, numpy.flatnonzero(numpy.diff(part_of[order])) + 1)
    everything = numpy.asarray(vectors.mean(axis=0)).ravel()
    found: list[Group] = []
    for part in parts:
        if len(part) < smallest:
            continue
        for members, likeness in _average_link(part, vectors, apart, similarity):
            if len(members) < smallest:
                continue
            mean = (likeness.sum(axis=1) - 1) / (len(members) - 1)
            closest = numpy.argsort(-mean, kind="stable")
            found.append(
                Group(
                    members=tuple((texts[members[at]].pk, round(float(mean[at]), 4)) for at in closest),
                    terms=tuple(
                        _typical(
                            vectors[members],
                            everything,
                            vectorizer.vocabulary_,
                            [_spell(texts[members[at]]) for at in closest[:3]],
                        )
                    ),
                )
            )
    return sorted(found, key=lambda group: (-len(group.members), group.members[0][0]))


def _average_link(part: Any, vectors: Any, apart: Any, similarity: float) -> Iterator[tuple[Any, Any]]:
    """Cut one connected part into groups. A part too large for memory is cut in pieces (they lie in order of time)."""
    import numpy
    from scipy.cluster.hierarchy import average, fcluster
    from scipy.spatial.distance import squareform

    if len(part) > _LARGEST_PART:
        for start in range(0, len(part), _LARGEST_PART):
            yield from _average_link(part[start : start + _LARGEST_PART], vectors, apart, similarity)
        return
    likeness = (vectors[part] @ vectors[part].T).toarray().astype(numpy.float64)
    rows, columns = numpy.meshgrid(part, part, indexing="ij")
    likeness[apart(rows, columns)] = 0.0
    numpy.fill_diagonal(likeness, 1.0)
    distance = numpy.clip(1.0 - (likeness + likeness.T) / 2, 0.0, None)
    labels = fcluster(average(squareform(distance, checks=False)), t=1.0 - similarity, criterion="distance")
    for label in numpy.unique(labels):
        inside = numpy.flatnonzero(labels == label)
        yield part[inside], likeness[numpy.ix_(inside, inside)]


def _spell(text: Text) -> str:
    """Numbers and spaces tell nothing about the matter."""
    body = re.sub(r"[\s\d]+", " ", f"{text.summary}\n{text.summary}\n{text.summary}\n{text.body}")
    return body.lower()


def _typical(rows: Any, everything: Any, place_of: dict[str, int], closest: Sequence[str], count: int = 8) -> list[str]:
    """Phrases of the closest texts of which every pair of letters stands in half of the group: what all of them say,
    as somebody said it. The rarest elsewhere come first."""
    import numpy

    lift = numpy.asarray(rows.mean(axis=0)).ravel() - everything
    shared = numpy.asarray((rows > 0).mean(axis=0)).ravel()
    score: dict[str, float] = {}
    for text in closest:
        for phrase in _runs(text, lambda pair: pair in place_of and shared[place_of[pair]] >= 0.5):
            pairs = [place_of[phrase[at : at + 2]] for at in range(len(phrase) - 1)]
            score[phrase] = float(sum(lift[pair] for pair in pairs))
    chosen: list[str] = []
    for phrase in sorted(score, key=lambda phrase: -score[phrase]):
        if not any(phrase in known or known in phrase for known in chosen):
            chosen.append(phrase)
        if len(chosen) == count:
            break
    return chosen


def _runs(text: str, fits: Callable[[str], bool]) -> Iterator[str]:
    """The longest pieces of letters in which every pair fits, without dull letters at their ends."""
    run = ""
    for at in range(len(text)):
        letter = text[at]
        if run and re.match(r"[\u4e00-\u9fffa-z]", letter) and fits(run[-1] + letter):
            run += letter
            continue
        yield from _trimmed(run)
        run = letter if re.match(r"[\u4e00-\u9fffa-z]", letter) else ""
    yield from _trimmed(run)


def _trimmed(run: str) -> Iterator[str]:
    while run and run[0] in _DULL:
        run = run[1:]
    while run and run[-1] in _DULL:
        run = run[:-1]
    if 2 <= len(run) <= 12:
        yield run
