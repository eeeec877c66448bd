"""The fuzz campaign: malformed bytes for everything that reads outside files or requests.

``make fuzz`` tries each parser for some minutes with real files that faults are put into, guided
by coverage if atheris is installed. An input may end in two ways: with a good result, or with one
line that names the file. An input that ends otherwise, takes long or much memory, or ends the
process is stored as a finding.
"""
