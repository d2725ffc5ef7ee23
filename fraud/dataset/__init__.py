"""From a file to a data set: fetch, draw, load, split."""
