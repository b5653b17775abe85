"""The places of the demonstration: two streets of Haidian district, with invented grids."""

from __future__ import annotations

from datetime import date, datetime
from pathlib import Path

from django.db import transaction

from gongzhi.ground.accounts.models import User
from gongzhi.ground.places.actions import import_divisions, import_grids, set_profile
from gongzhi.ground.places.divisions import read_tables
from gongzhi.ground.places.models import Place, Profile

DATA = Path(__file__).parent / "data"
EDITION = date(2023, 6, 30)
QINGHUAYUAN = "110108014"
SHANGZHUANG = "110108030"
PROFILES = {QINGHUAYUAN: Profile.RICH_HIGH_URBAN, SHANGZHUANG: Profile.SCARCE_HIGH_RURAL}
GRIDS = (
    ("grids-qinghuayuan.geojson", "Gongzhi (demonstration), roads © OpenStreetMap contributors", "ODbL 1.0"),
    ("grids-shangzhuang.geojson", "Gongzhi (demonstration)", "Apache-2.0"),
)


@transaction.atomic
def load_demonstration(*, now: datetime, by: User | None = None) -> None:
    """Load divisions, grids and profiles of the demonstration. A second time changes nothing."""
    if Place.objects.below(QINGHUAYUAN).at(Place.Level.GRID).exists():
        return
    rows = read_tables([DATA / "divisions-haidian.csv"])
    import_divisions(rows=rows, edition=EDITION, by=by, now=now)
    for file, source, licence in GRIDS:
        data = (DATA / file).read_bytes()
        import_grids(data=data, source=source, licence=licence, demonstration=True, by=by, now=now)
    for path, profile in PROFILES.items():
        set_profile(place=Place.objects.get(path=path), profile=profile, by=by, now=now)
