"""Server and workers as processes of their own, on several machines or in containers."""
