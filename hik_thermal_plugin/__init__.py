"""Hikvision and HIKMICRO thermal cameras for a host NVR."""
