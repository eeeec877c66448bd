"""Schema migrations, run by ``orbcast`` itself when it opens a database."""
