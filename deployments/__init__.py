"""Running and showing Orbcast: configuration, command line, supervisor."""
