"""`python -m pipeline` is the same as `building-blocks`."""

from pipeline.cli import main

main()
