"""Bytes and what they mean: decoders, readers and writers of what devices speak. Nothing here has heard of a socket or a clock."""
