"""The web page: files that the build of ui/ leaves in the directory built."""
