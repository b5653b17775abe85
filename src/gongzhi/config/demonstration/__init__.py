"""The demonstration: its content, drawn by repeatable chance, and the year that is played with it.

catalogue   the category tree and the responsibility matrix as data
ground      places and demonstration grids (places.yaml)
chance      repeatable dice and measured spreads
writing     demands and answers from sentences (texts.yaml)
generate    people, staff and a year of demands with what became of them
pictures    drawings in place of photos
cast        the staff as users with posts
play        every step through the rooms' own actions, at the time of the story
household_points  a village keeps points by its own rules
load        all of it into an empty database, in one transaction
reference   the page docs/reference/categories.md
mappings    a saved column mapping for a real foreign export, with its table of divisions
"""
