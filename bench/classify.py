"""What suggesting costs, and how good the method is on real text.

    python -m bench.classify [--real FILE.csv]

Texts of 200 characters: classifying in batches and one by one, explaining, and the
reading of times and of danger. Nothing is written.
``--real``: a table of service requests in English with the columns "Complaint Type", "Descriptor" and "Resolution
Description" (the open data of New York's 311). The method is measured on it and nothing is tuned to it: a stratified
fifth is held out, the type is learnt from the two texts.
"""

from __future__ import annotations

import argparse
import csv
import os
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--real", type=Path)
    options.add_argument("--texts", type=int, default=4000)
    chosen = options.parse_args()
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "gongzhi.config.settings")
    import django

    django.setup()
    speed(chosen.texts)
    if chosen.real:
        real(chosen.real)


def rate(what: str, count: int, work: Callable[[], object]) -> None:
    work()  # warm
    began = time.process_time()
    work()
    spent = time.process_time() - began
    print(f"  {what:52}{count / spent:>10,.0f} texts/s   {1000 * spent / count:6.3f} CPU ms each")


def speed(count: int) -> None:
    from datetime import UTC, datetime

    from gongzhi.config.demonstration.examples import invented
    from gongzhi.understand.search.spelling import bigrams
    from gongzhi.understand.suggestions.classifier import PACKAGED, read
    from gongzhi.understand.suggestions.times import times_in
    from gongzhi.understand.suggestions.urgency import alarms

    model = read(PACKAGED)
    said = [one.text for one in invented(9, max(2, count // 89 + 1))]
    texts = [(said[index] + said[-index - 1] + said[index] * 20)[:200] for index in range(min(count, len(said)))]
    now = datetime(2026, 11, 22, tzinfo=UTC)
    print(f"{len(texts):,} texts of {sum(map(len, texts)) / len(texts):.0f} characters, {len(model.codes)} categories")
    rate("classify, in batches", len(texts), lambda: model.guess_many(texts))
    some = texts[:500]
    rate("classify, one by one", len(some), lambda: [model.guess(text) for text in some])
    rate("explain (the words)", len(some), lambda: [model.explain(text, model.codes[5]) for text in some])
    rate("times", len(some), lambda: [times_in(text, now) for text in some])
    rate("words of danger", len(some), lambda: [alarms(text) for text in some])
    rate("words for the full-text index", len(some), lambda: [bigrams(text) for text in some])


def real(path: Path) -> None:
    from gongzhi.understand.suggestions.training import Example, measure, train

    with path.open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    examples = []
    for row in rows:
        text = " ".join(part for part in (row["Descriptor"], row["Resolution Description"]) if part).strip()
        if text and row["Complaint Type"]:
            examples.append(Example(text, row["Complaint Type"]))
    counts = Counter(example.code for example in examples)
    examples = [example for example in examples if counts[example.code] >= 10]
    by_type: dict[str, list[Example]] = {}
    for example in examples:
        by_type.setdefault(example.code, []).append(example)
    learn, held_out = [], []
    for group in by_type.values():
        for index, example in enumerate(group):
            (held_out if index % 5 == 4 else learn).append(example)
    seen = {example.text for example in learn}
    new = [example for example in held_out if example.text not in seen]
    print(f"\nReal text: {len(rows):,} rows, {len(examples):,} of {len(by_type)} types with ten or more")
    model, figures = train(learn, held_out, say=print)
    print(f"  held out {figures.texts}: macro-F1 {figures.macro_f1:.3f}, right {figures.accuracy:.3f}")
    print("  the surest part: " + ", ".join(f"{share:.0%} {right:.3f}" for share, right in figures.coverage))
    if new:
        strict = measure(model, new)
        print(
            f"  only the {len(new)} texts that do not stand word for word among those learnt from: "
            f"macro-F1 {strict.macro_f1:.3f}, right {strict.accuracy:.3f}, "
            + ", ".join(f"{share:.0%} {right:.3f}" for share, right in strict.coverage)
        )


if __name__ == "__main__":
    main()
