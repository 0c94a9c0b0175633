"""The running service among faults: seeded, of many kinds, for hours that are shorter than they look, watched by somebody independent."""
