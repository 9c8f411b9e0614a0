"""The platform: configuration, search, execution, the store of results, and the command line ``highwater``."""
