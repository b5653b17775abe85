"""What the demonstration is made of. Content and chance only; the database is filled by whoever loads it.

catalogue   the category tree and the responsibility matrix as data
ground      places and demonstration grids (places.yaml)
chance      repeatable dice and measured spreads
writing     demands and answers from sentences (texts.yaml)
generate    people, staff and a year of demands with what became of them
reference   the page docs/reference/categories.md
mappings    a saved column mapping for a real foreign export, with its table of divisions
"""
