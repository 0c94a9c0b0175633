"""Pictures and recordings: false colour, files, streams."""
