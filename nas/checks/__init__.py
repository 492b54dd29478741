"""Checks of a data set that need its pixels: copies, quality, likely wrong labels, shortcuts, a map."""
