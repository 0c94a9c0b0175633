"""The plugin `frigate`: alarms become events in Frigate, and cameras become part of its configuration."""
