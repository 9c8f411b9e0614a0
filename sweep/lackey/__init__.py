"""Converter from valgrind's lackey output to a trace."""
