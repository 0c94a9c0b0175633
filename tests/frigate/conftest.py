"""The fixtures of the plugin `frigate`."""

from frigate_house import frigate, house, houses, quick  # noqa: F401 - fixtures are found by their names here
