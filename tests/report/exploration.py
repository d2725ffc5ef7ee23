"""The figures of the exploration by their ids, each of which the report shows."""

EXPLORED = (
    "class-counts",
    "missing-values",
    "class-correlations",
    "correlation-matrix",
    "amount-and-time",
    "fraud-share-by-hour",
    "class-densities",
    "classes-in-a-plane",
)
