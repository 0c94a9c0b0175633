"""The plugin `mqtt`: what cameras tell goes to an MQTT broker, and commands come back from there."""
