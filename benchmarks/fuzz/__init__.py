"""The fuzz campaign: malformed bytes, given to everything that reads files or requests of others.

``make fuzz`` tries each parser for some minutes, with real files into which faults are put, guided
by coverage where atheris is installed. An input may end in two ways: with
a good result, or with one line that names the file. One that ends otherwise, takes long or much
memory, or ends the process is kept.
"""
