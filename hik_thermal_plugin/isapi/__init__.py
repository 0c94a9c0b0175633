"""Cameras over HTTP: requests, the alarm stream, and what a device says of itself (isapi.md)."""
